"""Names for the channels of a run: counted from its few labels, and kept in its directory."""

import base64
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, UInt64

from rcmvae.data import Arrays as Split
from rcmvae.data import Dataset, marks
from rcmvae.errors import RcmvaeError, RunError, counted
from rcmvae.labels import Names, Tau
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.structs import UNLABELLED
from rcmvae.training import Pixels, TrainState, compile_codes

FILE = "labels.json"
SECTION, CURVES = "tau", "calibration_of"  # the scores that depend on names


def names_from(
    setting: Setting, state: TrainState, groups: Sequence[Int[np.ndarray, " K"]]
) -> list[Names] | None:
    """What the labels that training could look at say of each replica's channels; None where there are none.

    The temperature is fitted on the validation samples that have a label. Labels for testing have no part in it.
    """
    train, held_out = _labelled(setting.dataset.train), _labelled(setting.dataset.validation)
    if not len(train):
        return None
    both = Split(
        *(np.concatenate([getattr(train, name), getattr(held_out, name)]) for name in ("x", "label", "truth"))
    )
    seen = compile_codes(setting.plan, setting.devices)(state, Pixels.of(both, setting.devices))
    labels, mark, N = setting.dataset.label_names, marks(train.x), len(train)
    return [
        Names.blank(group, labels)
        .taught(one.responsibility[:N], train.label, labels, mark)
        .calibrated(one.responsibility[N:], held_out.label)
        for group, one in zip(groups, seen, strict=True)
    ]


def _labelled(split: Split) -> Split:
    rows = np.flatnonzero(split.label != UNLABELLED)
    return Split(split.x[rows], split.label[rows], split.truth[rows])


def is_named(run: RunDirectory) -> bool:
    """Whether labels were counted for its channels."""
    return (run.path / FILE).is_file()


def keep(run: RunDirectory, names: Sequence[Names]) -> None:
    """Write down what was counted, for all seeds of a run: the same labels of the same samples."""
    first = names[0]
    run.write_json(
        FILE,
        {
            "label_names": list(first.labels),
            "labelled": len(first),  # samples that were counted
            "smoothing": first.tau.smoothing,
            "seeds": [
                {
                    "temperature": one.temperature,
                    "held_out": one.held_out,
                    "groups": one.groups.tolist(),
                    "counts": one.tau.counts.tolist(),
                }
                for one in names
            ],
            # Marks of the samples that were counted: they have no part in scores, and none counts twice.
            "counted": {label: _text(first.mark[first.label == y]) for y, label in enumerate(first.labels)},
        },
    )


def forget(run: RunDirectory) -> None:
    """Remove what was counted with weights that are about to change."""
    if run.is_lead:
        (run.path / FILE).unlink(missing_ok=True)


def forgotten(run: RunDirectory, dataset: Dataset) -> str | None:
    """What to say before training goes on: how many labels were taught that the data do not have; None for none."""
    try:
        names = kept(run)
    except RunError:  # the file is damaged, and about to be made anew
        return None
    if names is None:
        return None
    taught = len(names[0]) - _known_to(dataset, names[0])
    if not taught:
        return None
    are, them = ("is", "it") if taught == 1 else ("are", "them")
    return (
        f"{counted(taught, 'taught label')} {are} forgotten, since training changes what is in channels: count {them} "
        f"again afterwards with: rcmvae teach {shlex.quote(str(run.path))} DATA"
    )


def _known_to(dataset: Dataset, names: Names) -> int:
    """How many of the samples that were counted have the same label in the data that training looks at."""
    train = _labelled(dataset.train)
    mark = marks(train.x)
    return sum(
        int(np.isin(names.mark[names.label == y], mark[train.label == number]).sum())
        for y, label in enumerate(names.labels)
        for number, name in enumerate(dataset.label_names)
        if name == label
    )


def take_back_scores(run: RunDirectory) -> None:
    """Remove from the summary what was scored while channels were called otherwise."""
    summary = run.read_json("summary.json")
    old = summary.get("test", {}).get(SECTION)
    if old:
        again = (
            f"Labels were taught after the run was scored. Score it again with: rcmvae evaluate {run.path}"
        )
        reasons = {f"{SECTION}/{name}": again for name in old}
        _rewrite_scores(
            run, summary, {SECTION: {}, "absent": reasons, CURVES: [None] * len(summary["seeds"])}
        )


def keep_scores(run: RunDirectory, scored: Mapping[str, Any]) -> None:
    """Put into the summary of a finished run what the names are worth that channels have by now."""
    summary = run.read_json("summary.json") if run.is_finished else {}
    if scored["split"] in summary:
        _rewrite_scores(run, summary, scored)


def _rewrite_scores(run: RunDirectory, summary: dict[str, Any], scored: Mapping[str, Any]) -> None:
    """Replace in the summary the scores that depend on what channels are called."""
    test = summary["test"]
    others, ours = (
        {key: why for key, why in absent.items() if key.startswith(f"{SECTION}/") == is_ours}
        for absent, is_ours in ((test["absent"], False), (scored["absent"], True))
    )
    test |= {SECTION: scored[SECTION], CURVES: scored[CURVES], "absent": others | ours}
    run.write_json("summary.json", summary)


def kept(run: RunDirectory) -> list[Names] | None:
    """What the channels of each seed of a run are called; None where nothing was counted."""
    path = run.path / FILE
    if not path.is_file():
        return None
    try:
        return _read(run.read_json(FILE))
    except (KeyError, TypeError, ValueError, RcmvaeError) as error:
        raise RunError(
            f"{path} is damaged: it holds no counts of labels. Count anew with: rcmvae teach {run.path} DATA --fresh"
        ) from error


def _read(told: dict[str, Any]) -> list[Names]:
    labels = tuple(map(str, told["label_names"]))
    counted = [_marks(told["counted"][label]) for label in labels]
    mark = np.concatenate([np.zeros(0, np.uint64), *counted])
    label = np.repeat(np.arange(len(labels)), [len(one) for one in counted])
    return [
        Names(
            Tau(np.array(one["counts"], float), float(told["smoothing"]), np.array(one["groups"], int)),
            labels,
            mark,
            label,
            float(one["temperature"]),
            int(one["held_out"]),
        )
        for one in told["seeds"]
    ]


def _text(mark: UInt64[np.ndarray, " n"]) -> str:
    return base64.b64encode(mark.astype("<u8").tobytes()).decode()


def _marks(text: str) -> UInt64[np.ndarray, " n"]:
    return np.frombuffer(base64.b64decode(text, validate=True), "<u8").astype(np.uint64)
