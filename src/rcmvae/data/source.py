"""What all data sources share. A source's options object is the source: `read()` gives all it holds.

Whatever only one source needs (scikit-learn, pooch, Pillow, pyarrow) is imported where that source reads, so
that `import rcmvae` and `rcmvae --help` stay quick.
"""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, StrictFloat, StrictInt

from rcmvae.data.arrays import Raw
from rcmvae.data.scaling import ScalingKind
from rcmvae.errors import ConfigError, DataError
from rcmvae.options import Options, first_line


def located(path: Path) -> Path:
    """A path with the home directory in place of `~`."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{path} begins with a home directory that is not known here: write it out."
        ) from error


def _count_or_share(part: int | float) -> int | float:
    if part < 0 or (isinstance(part, float) and part >= 1):
        raise ConfigError(
            f"{part} is neither a number of samples (a whole number from 0) nor a share (from 0.0, below 1.0)"
        )
    return part


Part = Annotated[StrictInt | StrictFloat, AfterValidator(_count_or_share)]

Ratio = Annotated[float, Ge(1)]


class Source(Options):
    """Base of all data sources: what to take from the samples that `read` finds."""

    summary: ClassVar[str] = ""  # one line for listings; the docstring's first where it is left out
    offline: ClassVar[bool] = True  # whether it never needs a network
    labels_in: ClassVar[tuple[str, ...]] = ()  # the options that say where labels are in a file,
    tests_in: ClassVar[tuple[str, ...]] = ()  # and where samples for testing are

    num_samples: PositiveInt | None = Field(
        default=None, description="Train and validate on a stratified subset of this size; all when null."
    )
    num_labeled: NonNegativeInt | None = Field(
        default=None, description="How many training samples keep their label, stratified; all when null."
    )
    imbalance: Ratio | None = Field(
        default=None,
        description=(
            "Keep so many times fewer training and validation samples of the last label than of the first, with "
            "geometric steps between them; all when null. The test part stays as it is."
        ),
    )
    validation: Part = Field(default=0.1, description="How many samples, or which share, to validate on.")
    test: Part = Field(
        default=0.1, description="The same for testing, where the source has no test part of its own."
    )
    seed: NonNegativeInt = Field(
        default=0, description="Which samples go into which split, and which keep their label."
    )
    scaling: ScalingKind = Field(
        default="auto",
        description=(
            "From stored numbers to what the model sees. `auto`: bytes to [0, 1], vectors of floats as `standard`, "
            "images of floats as they are. `unit` divides by 255, `standard` brings each feature to mean 0 and "
            "variance 1, `range` to [0, 1]; `standard` is fitted to the training samples, `range` to those that "
            "are held out, too."
        ),
    )

    @abstractmethod
    def read(self) -> Raw:
        """All samples and labels, checked, and nothing chosen from them yet."""

    def beside(self, names: Sequence[str]) -> dict[str, Any]:
        """What else is known of each sample, in the order of `read`: what tells it from others, and columns by name.

        Each is a column as Arrow has them.
        """
        if names:
            raise ConfigError(f"{names[0]!r} cannot be kept: {self.name} is no table, and has no columns.")
        return {}

    @property
    def name(self) -> str:
        """What the data are called in reports."""
        return self.kind_name()

    @classmethod
    def about(cls) -> str:
        """One line for listings."""
        return cls.summary or first_line(cls) or cls.kind_name()

    @classmethod
    def takes(cls, path: Path) -> bool:
        """Whether a path alone tells that this source reads it."""
        return False

    @classmethod
    def is_at_hand(cls) -> bool:
        """Whether reading works without a network, now."""
        return cls.offline

    def is_ready(self) -> bool:
        """The same, with these options."""
        return self.is_at_hand()

    @classmethod
    def fetch(cls) -> Path:
        """Get the files now, so that later runs need no network; says where they are."""
        raise ConfigError(f"{cls.kind_name()}: there is nothing to fetch. {cls.about()}")
