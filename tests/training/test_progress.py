"""What a person sees, on a terminal and in a file."""

import dataclasses
import io
import re
from typing import get_args

import numpy as np
import pytest
from rich.console import Console

from rcmvae.objective import ObjectiveOptions
from rcmvae.structs import Event, Happening, Signals
from rcmvae.training.progress import ProgressBar, describe, happened

LATER = {"kind": "piecewise", "at": [1], "values": [0, 1]}
OBJECTIVE = ObjectiveOptions.model_validate(
    {"kl_c": 1, "kl_z": {"weight": LATER}, "reconstruction": {"weight": LATER}, "confidence": 0}
)


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


def bar_on(file: io.StringIO, *, done: int = 0, first_seed: int = 0) -> ProgressBar:
    return ProgressBar(OBJECTIVE, 3, done, 1000, Console(file=file, force_terminal=False), first_seed)


def shown(console: Console, file: io.StringIO, *, done: int = 0) -> str:
    with ProgressBar(ObjectiveOptions.model_validate({"kl_c": 1}), 3, done, 1000, console, 0) as bar:
        for epoch in range(done + 1, 4):
            bar([signals(epoch, bound=130 - epoch)])
    return file.getvalue()


def test_a_pipe_gets_one_plain_line_per_epoch() -> None:
    file = io.StringIO()
    lines = shown(Console(file=file, force_terminal=False, width=40), file).splitlines()
    assert lines == [
        f"epoch {epoch}/3  {speed}channels 3 of 4 in use  bound {130 - epoch}.00 nats  "
        "loss -1.50; terms, not weighted: kl_c 0.25"
        for epoch, speed in ((1, ""), (2, "2,000 samples/s  "), (3, "2,000 samples/s  "))
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
    with pytest.raises(ZeroDivisionError), ProgressBar(OBJECTIVE, 3, 0, 1000, console, 0):
        raise ZeroDivisionError
    assert file.getvalue().endswith("\x1b[?25h"), "the cursor is visible again"


def test_several_replicas_are_shown_by_their_means() -> None:
    line = describe([signals(1, bound=100, used=2), signals(1, bound=110, used=3)], 1000)
    assert (
        line
        == "4,000 samples/s  channels 2.5 of 4 in use  bound 105.00 nats  loss -1.50; terms, not weighted: kl_c 0.25"
    )


def test_what_happens_to_channels_is_told_with_the_epoch_that_it_happened_in() -> None:
    file = io.StringIO()
    opened = Event(epoch=2, what="opened", channel=2, parent=0)
    ended = Event(epoch=3, what="ended", reason="3 new channels in a row did not help")
    with bar_on(file, done=1, first_seed=7) as bar:
        bar([dataclasses.replace(signals(2), events=(opened,))])
        bar([signals(3), dataclasses.replace(signals(3), events=(ended,))])
    assert [line for line in file.getvalue().splitlines() if "bound" not in line] == [
        "epoch 2: from here on, reconstruction and kl_z count too",
        "epoch 2: opened channel 2 beside channel 0, on trial",
        "epoch 3, seed 8: no more channels: 3 new channels in a row did not help",
    ]


@pytest.mark.parametrize("what", get_args(Happening))
def test_everything_that_happens_can_be_told(what: Happening) -> None:
    told = happened(Event(epoch=1, what=what, channel=3, parent=5, reason="enough"))
    assert "{" not in told
    assert ("enough" if what == "ended" else "channel 3") in told


def test_a_channel_that_is_kept_though_it_did_not_help_is_told_apart() -> None:
    kept = [Event(epoch=1, what="kept", channel=3, helped=helped) for helped in (True, False)]
    assert [*map(happened, kept)] == ["kept channel 3", "kept channel 3, though it did not help"]


def test_why_a_channel_was_closed_is_told_where_it_was_judged() -> None:
    scores = {"cleanness": 0.237, "told_apart": 0.21, "bound_gain": -1.0, "smallest_usage": 0.1}
    closed = Event(epoch=1, what="closed", channel=3, helped=False, scores=scores)
    told = (
        "closed channel 3 again: it did not help (cleanness 0.24, told apart 0.21, fall of the bound -1.00)"
    )
    assert happened(closed) == told


def test_terms_are_announced_when_their_weight_begins_and_speed_waits_for_a_program_of_its_own() -> None:
    file = io.StringIO()
    first = dataclasses.replace(signals(1), train={**signals(1).train, "kl_z": 1.0})
    later = {"train": first.train | {"reconstruction": 40.0}}
    with bar_on(file) as bar:
        for one in (
            first,
            dataclasses.replace(signals(2), **later),
            dataclasses.replace(signals(3), **later),
        ):
            bar([one])
    told = file.getvalue().splitlines()
    assert [line.split("  ")[0] for line in told] == [
        "epoch 1/3",
        "epoch 2: from here on, reconstruction and kl_z count too",
        "epoch 2/3",
        "epoch 3/3",
    ]
    assert ["samples/s" in line for line in told] == [False, False, False, True]


def test_a_replica_that_has_stopped_is_not_in_the_means() -> None:
    file = io.StringIO()
    with bar_on(file) as bar:
        bar([dataclasses.replace(signals(1, bound=500), idle=True), signals(1, bound=100)])
    assert "bound 100.00" in file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_cuts_off_the_end_alone(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, color_system=None)
    with ProgressBar(OBJECTIVE, 120, 0, 1000, console, 0) as bar:
        bar([signals(2)])
        bar.progress.refresh()
    line = [drawn for drawn in re.split(r"[\r\n]", file.getvalue()) if "epoch" in drawn][-1]
    assert re.search(r"epoch +2/120", line)
    assert re.search(r"--:--|\d\d:\d\d", line), "the time that is left"
    assert ("…" in line) == (width < 120)
