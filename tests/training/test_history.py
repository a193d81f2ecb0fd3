"""A history has every epoch once, whenever the run was killed."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcmvae.errors import RunError
from rcmvae.objective import ObjectiveOptions
from rcmvae.structs import Event, Signals
from rcmvae.training import History

OBJECTIVE = ObjectiveOptions.model_validate({"reconstruction": 1, "kl_z": 1})


def signals(epoch: int, replicas: int = 2, *, decoded: bool = True) -> list[Signals]:
    terms = {"kl_z": 0.1 * epoch, "loss": 1 / 3, "gradient_norm": 2.0}
    whole = terms | {"reconstruction": 5.0}
    return [
        Signals(
            epoch=epoch,
            step=7 * epoch,
            train=whole if decoded else terms,
            validation={"kl_z": 1e-12, "reconstruction": 4.0, "loss": 4.5, "bound": 40 + replica},
            usage=np.array([0.995, 0.005]),
            active=np.array([True, True]),
            seconds=0.25,
            channel_loss=np.ones(2),
        )
        for replica in range(replicas)
    ]


def started(path: Path, epoch: int = 0) -> History:
    history = History(path, OBJECTIVE, first_seed=3)
    history.rewind(epoch)
    return history


def on_disk(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    lines = (path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    with (path / "history.csv").open(newline="", encoding="utf-8") as file:
        return [json.loads(line) for line in lines], list(csv.DictReader(file))


def agree(path: Path) -> list[dict[str, Any]]:
    """Both files hold the same rows; a blank stands for a value that was not computed."""
    rows, table = on_disk(path)
    assert len(rows) == len(table)
    for row, line in zip(rows, table, strict=True):
        assert set(row) <= set(line)
        for name, text in line.items():
            assert (text == "") == (name not in row), name
            assert text == "" or float(text) == row[name], name
    return rows


def test_both_files_hold_every_replica_of_every_epoch(tmp_path: Path) -> None:
    history = started(tmp_path)
    history(signals(1, decoded=False))
    history(signals(2))
    rows = agree(tmp_path)
    assert rows == history.rows
    assert [(row["epoch"], row["seed"]) for row in rows] == [(1, 3), (1, 4), (2, 3), (2, 4)]
    assert rows[0]["channels_1pct"] == 1
    assert "train/reconstruction" not in rows[0]
    assert rows[2]["train/reconstruction"] == 5.0


@pytest.mark.parametrize("cut", range(0, 420, 13))
def test_a_kill_in_the_middle_of_a_write_costs_nothing_but_that_epoch(tmp_path: Path, cut: int) -> None:
    history = started(tmp_path)
    for epoch in (1, 2, 3):
        history(signals(epoch))
    whole = history.lines.path.read_bytes()
    history.lines.path.write_bytes(whole[: len(whole) - cut])
    again = started(tmp_path, epoch=2)
    assert again.rows == history.rows[:4]
    again(signals(3))
    assert agree(tmp_path) == history.rows


def test_what_was_written_after_the_checkpoint_is_written_again(tmp_path: Path) -> None:
    history = started(tmp_path)
    for epoch in (1, 2, 3):
        history(signals(epoch))
    # Killed between the two files: the table misses an epoch.
    history.csv.write_text("".join(history.csv.read_text().splitlines(keepends=True)[:-2]))
    again = started(tmp_path, epoch=1)
    again(signals(2))
    assert [row["epoch"] for row in agree(tmp_path)] == [1, 1, 2, 2]


def happened(path: Path) -> list[dict[str, Any]]:
    lines = (path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_events_have_a_file_of_their_own_once_there_are_any(tmp_path: Path) -> None:
    def eventful(epoch: int) -> list[Signals]:
        opened = Event(epoch=epoch, what="opened", channel=1, parent=0)
        kept = Event(
            epoch=epoch, what="kept", channel=0, helped=True, scores={"cleanness": 0.5}, sources={1: 1.0}
        )
        return [
            dataclasses.replace(one, events=events)
            for one, events in zip(signals(epoch), [(opened,), (kept, opened)], strict=True)
        ]

    history = started(tmp_path)
    history(signals(1))
    assert not (tmp_path / "events.jsonl").exists()
    for epoch in (2, 3):
        history(eventful(epoch))
    first = {"epoch": 2, "what": "opened", "channel": 1, "parent": 0}
    told = {"what": "kept", "channel": 0, "helped": True, "scores": {"cleanness": 0.5}, "sources": {"1": 1.0}}
    expected = [{"seed": 3, **first}, {"epoch": 2, "seed": 4, **told}, {"seed": 4, **first}]
    assert happened(tmp_path) == [*expected, *({**row, "epoch": 3} for row in expected)]
    again = started(tmp_path, epoch=2)
    assert happened(tmp_path) == expected
    again(eventful(3))
    assert happened(tmp_path) == [*expected, *({**row, "epoch": 3} for row in expected)]


@pytest.mark.parametrize("cut", range(1, 130, 7))
def test_a_kill_in_the_middle_of_an_event_costs_nothing_but_that_epoch(tmp_path: Path, cut: int) -> None:
    kept = Event(
        epoch=2, what="kept", channel=0, scores={"cleanness": 0.5, "bound_gain": 1.0}, sources={1: 1.0}
    )
    history = started(tmp_path)
    history([dataclasses.replace(one, events=(kept,)) for one in signals(2)])
    whole = history.events.path.read_bytes()
    history.events.path.write_bytes(whole[: len(whole) - cut])
    again = started(tmp_path, epoch=1)
    assert again.events.read() == []


def test_a_line_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    history = started(tmp_path)
    history(signals(1))
    history.lines.path.write_text("{not json}\n" + history.lines.path.read_text())
    with pytest.raises(RunError, match=r"history\.jsonl is damaged in line 1"):
        started(tmp_path, epoch=1)


def test_a_file_without_text_is_told(tmp_path: Path) -> None:
    history = started(tmp_path)
    history.lines.path.write_bytes(b"\xff\xfe\x00}\n")
    with pytest.raises(RunError, match=r"history\.jsonl is damaged"):
        started(tmp_path, epoch=1)
