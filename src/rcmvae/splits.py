"""The parts that data are split into, by name, and what files are called after them."""

import re
from pathlib import Path
from typing import Literal, get_args

from rcmvae.errors import ConfigError, nearest

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def as_split(given: str) -> SplitName:
    """The name of a split, or a sentence."""
    for name in SPLITS:
        if name == given:
            return name
    raise ConfigError(
        f"split is `{given}`, but it must be one of {', '.join(SPLITS)}.{nearest(given, SPLITS)}"
    )


def spoken(split: str) -> str:
    """A split as sentences name it, or samples that are none.

    >>> spoken("test"), spoken("new.npz")
    ('the test split', 'new.npz')
    """
    return f"the {split} split" if split in SPLITS else split


def slug(source: str) -> str:
    """A part of a file's name after data.

    >>> slug("data/more digits.npz")
    'more-digits'
    """
    return re.sub(r"[^\w.-]+", "-", Path(source).stem)
