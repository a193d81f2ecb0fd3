"""Fashion-MNIST."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from rcmvae.data.idx_source import IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, IdxSource


class FashionMnist(IdxSource):
    """70,000 pieces of clothing in 28×28 grey pixels, 10,000 of them for testing."""

    summary: ClassVar[str] = "70,000 pieces of clothing, 28×28; fetched unless the idx files are at hand."
    title: ClassVar[str] = "Fashion-MNIST"
    folder: ClassVar[str] = "fashion-mnist"
    sha256: ClassVar[Mapping[str, str]] = {
        IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }
    class_names: ClassVar[Mapping[str, str]] = {
        "0": "T-shirt/top",
        "1": "Trouser",
        "2": "Pullover",
        "3": "Dress",
        "4": "Coat",
        "5": "Sandal",
        "6": "Shirt",
        "7": "Sneaker",
        "8": "Bag",
        "9": "Ankle boot",
    }

    kind: Literal["fashion_mnist"] = "fashion_mnist"
    # the bucket's website serves plain http only; the hashes guard what arrives
    url: str = Field(
        default="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        description="Where the files are fetched from.",
    )
