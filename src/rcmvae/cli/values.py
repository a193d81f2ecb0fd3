"""What is typed after an option, and the sentence for what cannot stand there."""

import math
from collections.abc import Sequence

from rcmvae.errors import ConfigError, nearest


def whole(option: str, text: str | None, least: int) -> int | None:
    """A whole number that is not too small.

    >>> whole("--groups", "10", least=1)
    10
    """
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise ConfigError(f"{option} is `{text}`, but it must be a whole number of {least} or more.")
    return number


def height(option: str, text: str | None) -> float | None:
    """A finite number that is not negative."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ConfigError(f"{option} is `{text}`, but it must be a number of 0 or more.")
    return number


def one_of(option: str, text: str, allowed: Sequence[str]) -> str:
    """One of a few names."""
    if text not in allowed:
        raise ConfigError(
            f"{option} is `{text}`, but it must be one of {', '.join(allowed)}.{nearest(text, allowed)}"
        )
    return text
