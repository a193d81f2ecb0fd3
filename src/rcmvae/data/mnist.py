"""MNIST."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from rcmvae.data.idx_source import IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, IdxSource


class Mnist(IdxSource):
    """70,000 handwritten digits of 28×28 grey pixels, 10,000 of them for testing."""

    summary: ClassVar[str] = "70,000 handwritten digits, 28×28; fetched unless the idx files are at hand."
    title: ClassVar[str] = "MNIST"
    folder: ClassVar[str] = "mnist"
    sha256: ClassVar[Mapping[str, str]] = {
        IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }

    kind: Literal["mnist"] = "mnist"
    url: str = Field(
        default="https://ossci-datasets.s3.amazonaws.com/mnist/",
        description="Where the files are fetched from.",
    )
