"""Processes that begin with the package imported: a server has done so once, and forks itself for each of them.

Importing takes seconds, and most tests that start processes are about what comes after. Each process has its own
environment, output and JAX, gets signals, and ends as if Python had been started for it.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

ROOT = Path(__file__).parent.parent
# No more than this: threads, and with them JAX's devices, do not survive a fork.
IMPORTED = (
    "rcmvae.cli",
    "rcmvae.experiment",
    "sklearn.datasets",
    "sklearn.neighbors",
    "tests.training.small",
)


class Forked:
    """What tests need of `subprocess.Popen`, for a process whose parent is the server."""

    def __init__(self, told: socket.socket, out: int, err: int) -> None:
        with told:
            self.told = told.makefile()
        self.pid = int(self.told.readline())
        self.returncode: int | Any = None  # as in `subprocess`
        self.stdout, self.stderr = os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8")
        self.waiting = threading.Thread(target=self._wait, daemon=True)
        self.waiting.start()

    def _wait(self) -> None:
        self.returncode = int(self.told.readline())
        self.told.close()

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """All that is left to read of its output, once it has ended; it is killed where that takes too long."""
        killing = threading.Timer(timeout, self.kill)
        killing.start()
        with ThreadPoolExecutor() as both, self.stdout, self.stderr:
            out, err = both.map(lambda stream: stream.read(), (self.stdout, self.stderr))
        self.waiting.join()
        killing.cancel()
        return out, err


@functools.cache
def server() -> socket.socket:
    """The server of this process, which ends with it."""
    here, there = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    own = {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]), "JAX_PLATFORMS": "cpu"}
    with there:
        command = [sys.executable, "-m", __name__, str(there.fileno())]
        process = subprocess.Popen(
            command, env=environment | own, pass_fds=[there.fileno()], stdin=DEVNULL, stdout=DEVNULL
        )
    atexit.register(process.wait)
    atexit.register(here.close)
    return here


def start(*arguments: str, cwd: Path = ROOT, environment: Mapping[str, str]) -> Forked:
    """What `python ARGUMENTS` would start, with these variables over those of the server."""
    told, teller = socket.socketpair()
    (out, writes_out), (err, writes_err) = os.pipe(), os.pipe()
    request = json.dumps([arguments, str(cwd), dict(environment)]).encode()
    socket.send_fds(server(), [request], [writes_out, writes_err, teller.fileno()])
    os.close(writes_out)
    os.close(writes_err)
    teller.close()
    return Forked(told, out, err)


def tell_of(teller: int, pid: int) -> None:
    """Say which process has begun and how it ended."""
    os.write(teller, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(teller, b"%d\n" % os.waitstatus_to_exitcode(status))


def run(arguments: Sequence[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = list(arguments[1:])
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")


def serve(requests: socket.socket) -> None:
    """Until nobody is left to ask. Returns in each process that was asked for once that has done its work."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that tell of processes
    while True:
        request, fds, _, _ = socket.recv_fds(requests, 1 << 16, 3)
        if not request:
            return
        out, err, teller = fds
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if (pid := os.fork()) != 0:
                tell_of(teller, pid)
                os._exit(0)
            requests.close()
            arguments, cwd, environment = json.loads(request)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.environ.update(environment)
            os.chdir(cwd)
            for fd in fds:
                os.close(fd)
            run(arguments)
            return
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # what is here stays: no process has to look through it
    serve(socket.socket(fileno=int(sys.argv[1])))
