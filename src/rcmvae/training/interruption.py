"""Ctrl-C and SIGTERM: finish the epoch, save, and say how to go on."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

Handler = Callable[[int, FrameType | None], object] | int


class Interruption:
    """While entered, the first SIGINT or SIGTERM is noted in `signal_number`; a second one acts as usual.

    Handlers belong to the main thread: entered in another one, nothing is caught.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Handler | None] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            # None stands for one that was not installed from Python (jax.distributed does that), so out of reach here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
