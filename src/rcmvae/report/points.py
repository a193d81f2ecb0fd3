"""The samples of every channel as points that a page can draw: compact arrays, one picture each."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import to_hex

from rcmvae.diagnostics import Bundle
from rcmvae.figures.style import colours
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings
from rcmvae.report.channels import Channel
from rcmvae.report.sprites import most, sheet
from rcmvae.structs import UNLABELLED

STEPS = 2**16 - 1
MARGIN = 0.06  # of a plot's side


def points(findings: Findings, channels: Sequence[Channel]) -> tuple[dict[str, Any], str]:
    """All that the plots of a page draw, and the sheet of the samples' pictures in the same order."""
    bundle = findings.bundle
    held = bundle.channel[bundle.pictures.thumbnail_of]
    chosen = _some(bundle)
    order = chosen[np.argsort(held[chosen], kind="stable")]
    rows = bundle.pictures.thumbnail_of[order]
    drawn = tiles_of(bundle).sprites(bundle.pictures.thumbnail[order])
    picture, columns = sheet(drawn)
    places, views = [], []
    for channel in channels:
        mine = rows[held[order] == channel.index]
        place, view = _square(bundle.mean[mine][:, bundle.pictures.plane[channel.index]])
        places.append(place)
        views.append({"channel": channel.index, "count": len(mine), "label": channel.label, **view})
    x, y = np.concatenate(places).T
    rival, share = _runner_up(bundle.responsibility[rows])
    sure = np.rint(255 * bundle.responsibility[rows].max(axis=1))
    names, shades = legend(bundle)
    told = {
        "picture": [*drawn.shape[1:3], columns],
        "views": views,
        "rings": findings.config.model.layout == "decentralized",
        "names": names,
        "colours": shades,
        **{"x": _packed(x, "<u2"), "y": _packed(y, "<u2"), "row": _packed(rows, "<u4")},
        **{"label": _packed(bundle.truth[rows], "<i4"), "sure": _packed(sure, "u1")},
        **{"rival": _packed(rival, "<u2"), "share": _packed(np.rint(255 * share), "u1")},
    }
    return told, picture


def legend(bundle: Bundle) -> tuple[list[str], list[str]]:
    """The names of the labels and their colours, as in the figures; none where nobody knows any."""
    if (bundle.truth == UNLABELLED).all():
        return [], [to_hex(colours(np.zeros(1, int))[0])]
    names = list(bundle.label_names)
    return names, [to_hex(colour) for colour in colours(np.arange(len(names)))]


def as_json(told: dict[str, Any]) -> str:
    """JSON that may stand within a script element."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _some(bundle: Bundle) -> Int[np.ndarray, " t"]:
    """As many of the kept samples as a page carries; which are kept is random already."""
    have = len(bundle.pictures.thumbnail_of)
    return np.sort(np.random.default_rng(0).permutation(have)[: most(bundle)])


def _runner_up(
    responsibility: Float[np.ndarray, "n K"],
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The second most responsible channel of each sample, and how responsible it is; 0 where there is no other."""
    others = responsibility.copy()
    np.put_along_axis(others, responsibility.argmax(axis=1)[:, None], 0, axis=1)
    return others.argmax(axis=1), others.max(axis=1)


def _square(codes: Float[np.ndarray, "n 2"]) -> tuple[Int[np.ndarray, "n 2"], dict[str, Any]]:
    """Codes within a square as whole numbers, and where the square lies: both axes have one scale."""
    if len(codes) == 0:
        return np.zeros((0, 2), int), {"low": [-1.0, -1.0], "side": 2.0}
    low, high = codes.min(axis=0), codes.max(axis=0)
    side = max(float((high - low).max()), 1e-6) * (1 + 2 * MARGIN)
    corner = (low + high - side) / 2
    return np.rint((codes - corner) / side * STEPS).astype(int), {
        "low": [round(float(value), 5) for value in corner],
        "side": round(side, 5),
    }


def _packed(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
