"""The digits that come with scikit-learn."""

from typing import ClassVar, Literal

import numpy as np

from rcmvae.data.arrays import Raw
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source


class Digits(Source):
    """1,797 handwritten digits of 8×8 pixels with 17 levels of grey."""

    summary: ClassVar[str] = "1,797 handwritten digits, 8×8, that come with scikit-learn."

    kind: Literal["digits"] = "digits"

    def read(self) -> Raw:
        from sklearn.datasets import load_digits  # noqa: PLC0415

        levels, label = load_digits(return_X_y=True)
        # 0..16 becomes 0..255
        x = np.rint(levels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
        return take_in(x, label, where=self.kind)
