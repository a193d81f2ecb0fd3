"""Data that come from Python rather than from a file."""

from typing import ClassVar, Literal

from rcmvae.data.arrays import Raw
from rcmvae.data.source import Source
from rcmvae.errors import ConfigError


class ArraysSource(Source):
    """Arrays that the caller hands over; a configuration only says how to split and scale them."""

    summary: ClassVar[str] = "Arrays handed over in Python."

    kind: Literal["arrays"] = "arrays"

    def read(self) -> Raw:
        raise ConfigError(
            "data: arrays stands for samples handed over in Python: pass them to the Python call, such as "
            "dataset_from_arrays(x, label). To read a file, use npy, parquet or image_folder."
        )
