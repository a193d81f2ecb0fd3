"""Names for the channels of a run: counted from its few labels, and kept in its directory."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, UInt64

from rcmvae.data import Arrays as Split
from rcmvae.data import marks
from rcmvae.errors import RcmvaeError, RunError
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
