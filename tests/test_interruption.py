"""Signals are noted, not obeyed, while an epoch runs."""

import os
import signal
import threading
from collections.abc import Sequence

import pytest

from rcmvae.interruption import Interruption
from rcmvae.structs import Signals

from .training.small import bench, tiny

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_is_noted_and_the_second_acts_as_usual(number: signal.Signals) -> None:
    heard = []
    before = signal.signal(number, lambda *_: heard.append("usual"))
    try:
        with Interruption() as interruption:
            assert interruption.signal_number is None
            os.kill(os.getpid(), number)
            assert (interruption.signal_number, heard) == (number, [])
            os.kill(os.getpid(), number)
            assert heard == ["usual"]
        os.kill(os.getpid(), number)
        assert heard == ["usual"] * 2
    finally:
        signal.signal(number, before)


def test_handlers_are_as_before_after_an_error() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ZeroDivisionError), Interruption():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_handler_that_is_not_pythons_gives_way_to_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    install = signal.signal
    try:
        monkeypatch.setattr(signal, "signal", lambda *given: install(*given) and None)
        with Interruption():
            pass
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        install(signal.SIGTERM, before)
        install(signal.SIGINT, signal.default_int_handler)


def test_another_thread_trains_without_handlers() -> None:
    found = []

    def elsewhere() -> None:
        with Interruption() as interruption:
            found.append(interruption.signal_number)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [None]


@pytest.mark.parametrize("after", [1, 3])
def test_the_epoch_is_finished_first(after: int) -> None:
    on = bench(tiny())

    def interrupt(signals: Sequence[Signals]) -> None:
        if signals[0].epoch == after:
            os.kill(os.getpid(), signal.SIGTERM)

    ran = on.fit(listeners=[interrupt])
    assert ran.outcome.checkpoint.epoch == after
    # Nothing is left to be interrupted once the last epoch is over.
    assert ran.outcome.signal_number == (signal.SIGTERM if after < 3 else None)
