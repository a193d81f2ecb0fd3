"""Ctrl-C and SIGTERM for a command, whose process is its own."""

import contextlib
import os
import signal
import socket
import threading
from contextvars import ContextVar
from types import FrameType, TracebackType

import typer

from rcmvae.interruption import NUMBERS, Interruption

IN_FORCE: ContextVar[Interruption | None] = ContextVar("IN_FORCE", default=None)  # of the command that runs


class CommandInterruption(Interruption):
    """The first signal ends the command at once, or after the epoch that is under way; a second one at once.

    Python calls a handler between two instructions of the main thread, which a compiled program may keep busy for
    minutes, and an exception out of a handler does not find its way through compiled code. But the number of a signal
    is written into a pipe at once: a thread waits there, and ends the process itself.
    """

    def __enter__(self) -> "CommandInterruption":
        super().__enter__()
        if len(self._before) == 1 and self._before[0]:
            self._ear, self._mouth = socket.socketpair()
            self._mouth.setblocking(False)
            self._usual = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
            self._token = IN_FORCE.set(self)
            threading.Thread(target=self._listen, args=(self._ear,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if len(self._before) == 1 and self._before[0]:
            IN_FORCE.reset(self._token)
            signal.set_wakeup_fd(self._usual)
            self._mouth.close()  # which ends the thread
        super().__exit__(kind, error, trace)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Nothing: the thread has heard it."""

    def _listen(self, ear: socket.socket) -> None:
        with ear:
            while heard := ear.recv(1):
                if heard[0] in NUMBERS:
                    self._hear(heard[0])

    def _hear(self, number: int) -> None:
        first, self.signal_number = self.signal_number is None, number
        if first and self.patient:
            with contextlib.suppress(OSError):  # nobody may be there to read it
                typer.echo("rcmvae: Stopping after this epoch. Once more, and it stops at once.", err=True)
            return
        with self.lock:  # until the process is no more
            try:
                typer.echo(f"rcmvae: {self._last_words()}", err=True)
            finally:
                os._exit(128 + number)

    def _last_words(self) -> str:
        try:
            return self.leave()
        except OSError as error:
            return f"Stopped, but that could not be noted in the run: {error}."
