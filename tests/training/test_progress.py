"""What a person sees, on a terminal and in a file."""

import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from rcmvae.structs import Event, Signals
from rcmvae.training.progress import ProgressBar, describe


def signals(epoch: int, bound: float = 120.0, used: int = 3) -> Signals:
    usage = np.where(np.arange(4) < used, 1 / used, 0.001)
    return Signals(
        epoch=epoch,
        step=epoch,
        train={"loss": -1.5, "gradient_norm": 9.0, "kl_c": 0.25},
        validation={"bound": bound},
        usage=usage,
        active=np.ones(4, bool),
        seconds=0.5,
        channel_loss=np.ones(4),
    )


def shown(console: Console, file: io.StringIO, *, done: int = 0) -> str:
    with ProgressBar(3, done, 1000, console) as bar:
        for epoch in range(done + 1, 4):
            bar([signals(epoch, bound=130 - epoch)])
    return file.getvalue()


def test_a_pipe_gets_one_plain_line_per_epoch() -> None:
    file = io.StringIO()
    lines = shown(Console(file=file, force_terminal=False, width=40), file).splitlines()
    assert lines == [
        f"epoch {epoch}/3  2,000 images/s{compiling}  channels 3 of 4 in use  bound {130 - epoch}.00 nats  "
        "loss -1.50; terms, not weighted: kl_c 0.25"
        for epoch, compiling in ((1, " with compiling"), (2, ""), (3, ""))
    ]


def test_a_terminal_gets_a_live_line() -> None:
    file = io.StringIO()
    text = shown(Console(file=file, force_terminal=True, width=140), file)
    assert "\x1b[" in text
    assert "3/3" in text
    assert "bound 127.00 nats" in text
    assert "channels 3 of 4 in use" in text
    assert "epoch 3/3" not in text.replace("\x1b", ""), "the plain lines are for pipes"


def test_a_resumed_run_counts_on_from_where_it_was() -> None:
    file = io.StringIO()
    lines = shown(Console(file=file, force_terminal=False), file, done=2).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 3/3"]
    file = io.StringIO()
    assert "2/3" in shown(Console(file=file, force_terminal=True, width=140), file, done=2)


def test_an_error_leaves_the_terminal_as_it_was() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=140)
    with pytest.raises(ZeroDivisionError), ProgressBar(3, 0, 1000, console):
        raise ZeroDivisionError
    assert file.getvalue().endswith("\x1b[?25h"), "the cursor is visible again"


def test_several_replicas_are_shown_by_their_means() -> None:
    line = describe([signals(1, bound=100, used=2), signals(1, bound=110, used=3)], 1000)
    assert (
        line
        == "4,000 images/s  channels 2.5 of 4 in use  bound 105.00 nats  loss -1.50; terms, not weighted: kl_c 0.25"
    )


def test_what_happens_to_channels_is_told_with_the_epoch_that_it_happened_in() -> None:
    file = io.StringIO()
    opened = Event(epoch=1, what="opened", channel=2, parent=0)
    ended = Event(epoch=2, what="ended", reason="3 new channels in a row did not help")
    with ProgressBar(3, 0, 1000, Console(file=file, force_terminal=False), first_seed=7) as bar:
        bar([dataclasses.replace(signals(1), events=(opened,))])
        bar([signals(2), dataclasses.replace(signals(2), events=(ended,))])
    assert [line for line in file.getvalue().splitlines() if "images/s" not in line] == [
        "epoch 1: opened channel 2 beside channel 0, on trial",
        "epoch 2, seed 8: no more channels: 3 new channels in a row did not help",
    ]


def test_a_loss_that_means_something_else_from_now_on_is_announced() -> None:
    file = io.StringIO()
    later = signals(2)
    later = dataclasses.replace(later, train=later.train | {"kl_z": 1.0, "reconstruction": 40.0})
    with ProgressBar(3, 0, 1000, Console(file=file, force_terminal=False)) as bar:
        for one in (signals(1), later, dataclasses.replace(later, epoch=3)):
            bar([one])
    told = file.getvalue().splitlines()
    assert [line.split("  ")[0] for line in told] == [
        "epoch 1/3",
        "epoch 2: from here on, kl_z and reconstruction count too",
        "epoch 2/3",
        "epoch 3/3",
    ]
    assert ["with compiling" in line for line in told] == [True, False, True, False]
