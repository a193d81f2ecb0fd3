"""What a person sees, on a terminal and in a file."""

import io

import numpy as np
import pytest
from rich.console import Console

from rcmvae.structs import Signals
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
        f"epoch {epoch}/3  2,000 images/s  channels 3 of 4 in use  bound {130 - epoch}.00 nats  "
        "loss -1.50; terms, not weighted: kl_c 0.25"
        for epoch in (1, 2, 3)
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
