"""The few exceptions a user meets. Each message is a sentence: where, what was given, what is allowed."""

import difflib
from collections.abc import Iterable, Sequence


class RcmvaeError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(RcmvaeError, ValueError):
    """The configuration cannot run as written."""


class DataError(RcmvaeError, ValueError):
    """The data are missing, damaged, or not what the configuration says they are."""


class NonFiniteError(RcmvaeError, ArithmeticError):
    """A loss term or a gradient stopped being finite during training."""


class RunError(RcmvaeError):
    """A run directory or a checkpoint cannot be used for what was asked."""


class Interrupted(RunError):  # noqa: N818 — like KeyboardInterrupt, it is no fault
    """A signal ended the run early; its state is saved."""

    def __init__(self, words: str, signal_number: int) -> None:
        self.exit_status = 128 + signal_number
        super().__init__(words)


def raise_all(problems: Sequence[str]) -> None:
    """One error for all problems of a configuration, a line each; nothing if there are none."""
    if problems:
        raise ConfigError("\n".join(problems))


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint for a mistyped name, or nothing when no legal name comes close.

    >>> nearest("exprets", ["dense", "experts"])
    " Did you mean 'experts'?"
    >>> nearest("zebra", ["dense", "experts"])
    ''
    """
    match = closest(name, allowed)
    return f" Did you mean '{match}'?" if match else ""


def closest(name: str, allowed: Iterable[str], alike: float = 0.6) -> str | None:
    """The legal name that comes closest to a mistyped one, if any does."""
    return next(iter(difflib.get_close_matches(name, list(allowed), n=1, cutoff=alike)), None)


def listed(names: Iterable[str]) -> str:
    """The legal names, sorted, as they read in a sentence.

    >>> listed({"conv": 1, "dense": 2})
    'conv, dense'
    """
    return ", ".join(sorted(names))


def in_words(names: Sequence[str]) -> str:
    """Names in their order, as they read in a sentence.

    >>> in_words(["a"]), in_words(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def percent(share: float) -> str:
    """A share as one says it; only all is 100 %, and only nothing is 0 %.

    >>> percent(0.976), percent(0.9999), percent(1.0), percent(0.001)
    ('98 %', '>99 %', '100 %', '<1 %')
    """
    if 0.995 <= share < 1:
        return ">99 %"
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def spelled(shape: Sequence[int]) -> str:
    """A shape as one says it.

    >>> spelled((28, 28, 1)), spelled((12,))
    ('28×28×1', '12')
    """
    return "×".join(map(str, shape))


def counted(count: int, noun: str) -> str:
    """A number of things, as one says it.

    >>> counted(1, "epoch"), counted(2000, "epoch")
    ('1 epoch', '2,000 epochs')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"
