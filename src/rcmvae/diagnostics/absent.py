"""What is not told of a run, and why."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Absent:
    """Stands where a number or a figure has no meaning for a run: never a zero, never an empty plot."""

    reason: str  # a sentence
