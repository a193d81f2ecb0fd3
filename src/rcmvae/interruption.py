"""Ctrl-C and SIGTERM: finish the epoch, save, and say how to go on."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

NUMBERS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], object] | int


class Interruption:
    """While entered, the first SIGINT or SIGTERM is noted in `signal_number`; a second one acts as usual.

    Handlers belong to the main thread: entered in another one, nothing is caught. Entered twice, it takes them anew.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        # For those that end the process, see `rcmvae.cli.interruption`.
        self.patient = False  # whether an epoch is under way whose end is worth waiting for
        self.leave: Callable[[], str] = lambda: "Stopped before anything was done."  # the last deed and words
        self.lock = threading.RLock()  # of whoever leaves, or writes what leaving writes too
        self._before: list[dict[int, Handler | None]] = []

    def __enter__(self) -> "Interruption":
        here = threading.current_thread() is threading.main_thread()
        self._before.append({number: signal.signal(number, self._note) for number in NUMBERS} if here else {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore(self._before.pop())

    @contextmanager
    def guard(self, leave: Callable[[], str]) -> Iterator[None]:
        """From here on this is how to leave, until it is concluded; Ctrl-C as an exception leaves that way too."""
        self.leave = leave
        try:
            yield
        except KeyboardInterrupt:
            self.conclude(self.leave)
            raise
        finally:
            self.patient = False

    def conclude(self, deed: Callable[[], object], words: str = "Stopped.") -> None:
        """Do what must not be undone: who leaves after it has nothing more to do than to say these words."""
        with self.lock:
            deed()
            self.leave = lambda: words

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        for before in reversed(self._before):
            self._restore(before)

    def _restore(self, before: dict[int, Handler | None]) -> None:
        for number, handler in before.items():
            # None stands for one that was not installed from Python (jax.distributed does that), so out of reach here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        before.clear()
