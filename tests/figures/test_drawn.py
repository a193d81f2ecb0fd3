"""What is drawn, against the numbers it stands for."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch

from rcmvae.config import from_mapping
from rcmvae.curriculum import channel_tree
from rcmvae.curriculum.tree import ChannelTree, Merge
from rcmvae.diagnostics import Absent
from rcmvae.errors import percent
from rcmvae.figures import FIGURES, drawings
from rcmvae.figures.curriculum.k_active import kicked
from rcmvae.figures.maps import MOST_POINTS, thinned
from rcmvae.figures.mixture.tree import commonest
from rcmvae.figures.pictures import some_of_each
from rcmvae.figures.tiles import GAP, tiles_of
from rcmvae.findings import Findings
from rcmvae.labels import Pool, Tau, answered, ask, reliability, unlabelled
from tests.figures.made import EVENTS, made

IMAGES, GROWN = made(), made(grown=True, closed=[2, 3])


def drawn(name: str, findings: Findings) -> Figure:
    figure = drawings(findings)[name](findings)
    assert isinstance(figure, Figure)
    return figure


def points(axes: Axes) -> np.ndarray:
    (scatter,) = (one for one in axes.collections if isinstance(one, PathCollection))
    return np.asarray(scatter.get_offsets())


def in_any_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def heights(axes: Axes) -> list[float]:
    return [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]


def pictures(axes: Axes, R: int, C: int) -> np.ndarray:
    """The tables of pictures that an axes shows, taken apart again."""
    (image,) = axes.images
    shown = np.asarray(image.get_array())
    height, width = shown.shape[0] // R, shown.shape[1] // C
    return shown.reshape(R, height, C, width, 3).swapaxes(1, 2)


def inner(table: np.ndarray, H: int, W: int) -> np.ndarray:
    above, beside = (table.shape[2] - H) // 2, (table.shape[3] - W) // 2
    return table[:, :, above : above + H, beside : beside + W]


def test_each_map_has_the_codes_of_the_samples_of_its_channel() -> None:
    findings = made(K=5, D=4, closed=[1])
    bundle = findings.bundle
    panels = drawn("mixture/channel_latents_grid", findings).axes
    used = np.unique(bundle.channel)
    assert len(panels) == len(used) == 4
    for axes, k in zip(panels, used.tolist(), strict=True):
        codes = bundle.mean[bundle.channel == k][:, bundle.pictures.plane[k]]
        np.testing.assert_allclose(in_any_order(points(axes)), in_any_order(codes), rtol=1e-6)
        assert axes.get_title(loc="left").startswith(f"channel {k}")
        assert f"{len(codes)} samples" in axes.get_title(loc="left")
        large = drawn(f"mixture/channel_{k:02d}", findings).axes[0]
        np.testing.assert_allclose(in_any_order(points(large)), in_any_order(codes), rtol=1e-6)


def test_points_have_the_colour_of_their_label() -> None:
    (axes,) = drawn("core/latent_space", IMAGES).axes
    (scatter,) = (one for one in axes.collections if isinstance(one, PathCollection))
    rows = thinned(np.arange(len(IMAGES.bundle)), MOST_POINTS)
    np.testing.assert_allclose(points(axes), IMAGES.bundle.mean[rows], rtol=1e-6)
    tones = np.asarray(scatter.get_facecolor())
    for label in range(3):
        of_label = tones[IMAGES.bundle.truth[rows] == label]
        assert (of_label == of_label[0]).all()
    assert len(np.unique(tones, axis=0)) == 3


def test_without_labels_the_densest_place_is_darkest() -> None:
    findings = made(K=1, N=400, classes=0, unlabelled=1.0)
    (axes,) = drawn("mixture/channel_latents_grid", findings).axes
    (scatter,) = (one for one in axes.collections if isinstance(one, PathCollection))
    light = np.asarray(scatter.get_facecolor())[:, :3].sum(axis=1)
    radius = np.linalg.norm(points(axes), axis=1)
    assert light[radius < 0.5].mean() < light[radius > 2].mean()


def test_pictures_on_a_map_are_those_of_samples_whose_codes_are_there() -> None:
    bundle = IMAGES.bundle
    axes = drawn("mixture/channel_01", IMAGES).axes[0]
    assert axes.images
    for image in axes.images:
        left, right, low, high = image.get_extent()
        centre = np.array([(left + right) / 2, (low + high) / 2])
        rows = bundle.pictures.thumbnail_of
        nearest = int(np.abs(bundle.mean[rows] - centre).sum(axis=1).argmin())
        assert bundle.channel[rows[nearest]] == 1
        np.testing.assert_allclose(bundle.mean[rows[nearest]], centre, atol=1e-6)
        np.testing.assert_array_equal(
            np.asarray(image.get_array())[..., 0], bundle.pictures.thumbnail[nearest][..., 0]
        )
    boxes = np.array([image.get_extent() for image in axes.images])
    for n, (left, right, low, high) in enumerate(boxes):
        others = np.delete(boxes, n, axis=0) * (1 + 1e-9)
        apart = (
            (others[:, 0] >= right) | (others[:, 1] <= left) | (others[:, 2] >= high) | (others[:, 3] <= low)
        )
        assert apart.all()


def test_reconstructions_are_those_of_the_own_channel() -> None:
    bundle = IMAGES.bundle
    at = some_of_each(bundle, 48)
    own = bundle.channel[bundle.pictures.example[at]]
    (axes,) = drawn("core/reconstructions", IMAGES).axes
    assert [text.get_text() for text in axes.texts] == [f"ch {k}" for k in np.unique(own)]
    table = inner(pictures(axes, 2, 16), 6, 5)[:, : len(at), ..., :1]
    np.testing.assert_array_equal(table[0], bundle.pictures.original[at])
    np.testing.assert_array_equal(table[1], bundle.pictures.reconstruction[at, own])
    nll = bundle.nll[np.arange(len(bundle)), bundle.channel].mean()
    assert f"{nll:.1f} nats" in drawn("core/reconstructions", IMAGES).get_suptitle()


def test_selected_weighted_and_second_best() -> None:
    bundle = IMAGES.bundle
    at = some_of_each(bundle, 14)
    r, each = bundle.responsibility[bundle.pictures.example[at]], bundle.pictures.reconstruction[at]
    order = np.argsort(-r, axis=1)
    (axes,) = drawn("mixture/recon_selected", IMAGES).axes
    table = inner(pictures(axes, 4, len(at)), 6, 5)[..., :1].astype(float)
    rows = np.arange(len(at))
    np.testing.assert_array_equal(table[0], bundle.pictures.original[at])
    np.testing.assert_array_equal(table[1], each[rows, order[:, 0]])
    np.testing.assert_allclose(
        table[2], sum(r[:, k, None, None, None] * each[:, k] for k in range(4)), atol=0.51
    )
    np.testing.assert_array_equal(table[3], each[rows, order[:, 1]])


def test_every_channel_draws_in_its_column_and_the_own_one_is_framed() -> None:
    bundle = IMAGES.bundle
    at = some_of_each(bundle, 12)
    (axes,) = drawn("mixture/recon_by_channel", IMAGES).axes
    table = inner(pictures(axes, len(at), 5), 6, 5)[..., :1]
    np.testing.assert_array_equal(table[:, 0], bundle.pictures.original[at])
    np.testing.assert_array_equal(table[:, 1:], bundle.pictures.reconstruction[at])
    frames = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    own = bundle.channel[bundle.pictures.example[at]]
    assert frames == [(k + 0.5, row - 0.5) for row, k in enumerate(own.tolist())]


def test_draws_and_manifolds_are_those_of_the_bundle() -> None:
    bundle = IMAGES.bundle
    table = inner(pictures(drawn("core/samples", IMAGES).axes[0], 4, 2), 6, 5)
    np.testing.assert_array_equal(table[..., :1], bundle.pictures.drawn)
    for k, axes in enumerate(drawn("mixture/manifolds", IMAGES).axes):
        table = inner(pictures(axes, 4, 4), 6, 5)
        np.testing.assert_array_equal(table[..., :1], bundle.pictures.manifold[k])


def test_colour_stays_colour_and_floats_fill_the_range() -> None:
    colour = made(shape=(6, 5, 3))
    table = inner(pictures(drawn("mixture/manifolds", colour).axes[0], 4, 4), 6, 5)
    np.testing.assert_array_equal(table, colour.bundle.pictures.manifold[0])
    floats = made(as_bytes=False)
    table = inner(pictures(drawn("mixture/manifolds", floats).axes[0], 4, 4), 6, 5)[..., :1]
    known = floats.bundle.pictures.thumbnail
    share = (floats.bundle.pictures.manifold[0] - known.min()) / (known.max() - known.min())
    np.testing.assert_allclose(table, 255 * np.clip(share, 0, 1), atol=0.51)


def test_vectors_are_bars_of_deviations() -> None:
    findings = made(shape=(7,), as_bytes=False)
    tiles = tiles_of(findings.bundle)
    samples = findings.bundle.pictures.manifold[0]
    axes = drawn("mixture/manifolds", findings).axes[0]
    (bars,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    corners = np.array([path.vertices for path in bars.get_paths()])
    tall = (corners[:, 0, 1] - corners[:, 1, 1]).reshape(4, 4, 7) / (
        1 - 2 * GAP
    )  # rows are counted downwards
    known = findings.bundle.pictures.thumbnail
    deviation = np.clip((samples - known.mean(axis=0)) / known.std(axis=0), -2, 2) / 4
    np.testing.assert_allclose(tall, deviation, atol=1e-5)
    assert "deviations" in tiles.caption


def test_long_vectors_are_lines() -> None:
    axes = drawn("mixture/manifolds", made(shape=(300,), as_bytes=False)).axes[0]
    lines = [one for one in axes.collections if isinstance(one, LineCollection)][-1].get_segments()
    assert [len(line) for line in lines] == [128] * 16


def test_ownership_is_the_share_of_each_label() -> None:
    bundle = IMAGES.bundle
    axes = drawn("mixture/channel_ownership", IMAGES).axes[0]
    (image,) = axes.images
    channels = [int(label.get_text().removeprefix("ch ")) for label in axes.get_yticklabels()]
    assert sorted(channels) == [0, 1, 2, 3]
    for row, k in enumerate(channels):
        share = np.bincount(bundle.truth[bundle.channel == k], minlength=3) / (bundle.channel == k).sum()
        np.testing.assert_allclose(np.asarray(image.get_array())[row], share)


def test_profiles_are_means_of_channels_in_deviations() -> None:
    findings = made(K=5, closed=[2], shape=(7,), as_bytes=False)
    names = tuple(f"column called {at}" for at in range(7))
    findings = dataclasses.replace(findings, bundle=dataclasses.replace(findings.bundle, columns=names))
    pictures = findings.bundle.pictures
    x, held = pictures.thumbnail.astype(float), findings.bundle.channel[pictures.thumbnail_of]
    x[:, 3] += 5 * held  # far apart in one column,
    x[:, 5] = 2.5  # and all alike in another
    pictures = dataclasses.replace(pictures, thumbnail=x.astype(np.float32))
    findings = dataclasses.replace(findings, bundle=dataclasses.replace(findings.bundle, pictures=pictures))
    figure = drawn("mixture/profiles", findings)
    axes = figure.axes[0]
    rows = [names.index(tick.get_text()) for tick in axes.get_yticklabels()]
    channels = [int(tick.get_text().split()[1]) for tick in axes.get_xticklabels()]
    assert channels == [0, 1, 3, 4]
    assert (rows[0], rows[-1]) == (3, 5)
    shown, between = np.asarray(axes.images[0].get_array()), []
    for row, column in enumerate(rows):
        value = x[:, column].astype(np.float32).astype(float)
        spread = value.std() or 1.0
        for at, k in enumerate(channels):
            assert shown[row, at] == pytest.approx(
                (value[held == k].mean() - value.mean()) / spread, abs=1e-5
            )
        within = sum((held == k).sum() * value[held == k].var() for k in channels) / len(value)
        between.append(1 - within / spread**2 if value.std() else 0.0)
    assert between == sorted(between, reverse=True)
    told = [text.get_text() for text in axes.texts][-7:]
    assert told == [percent(share) for share in between]
    assert figure.get_suptitle().startswith("Channels differ most in column called 3")


def test_profiles_of_many_columns_are_those_that_tell_most() -> None:
    figure = drawn("mixture/profiles", made(K=40, N=2000, shape=(50,), as_bytes=False))
    caption = figure.get_supxlabel().replace("\n", " ")
    assert "Not shown: 20 more channels. Not shown: 20 more columns." in caption
    assert figure.axes[0].get_yticklabels()[0].get_text().startswith("column ")


def test_channels_are_shown_with_what_they_are_called() -> None:
    findings = made(K=5, closed=[1], taught=30)
    names = findings.names
    assert names is not None
    figure = drawn("labels/tau_matrix", findings)
    axes = figure.axes[0]
    rows = [int(tick.get_text().removeprefix("ch ")) for tick in axes.get_yticklabels()]
    assert sorted(rows) == np.flatnonzero(findings.bundle.active).tolist(), "channel 1 is closed"
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), names.tau.table[rows])
    words = [text.get_text() for text in axes.texts]
    assert {f"{names.tau.counts[k].sum():.0f}" for k in rows} <= {*words}
    assert "By 30 labels, 4 of 4 open channels have a name" in figure.get_suptitle()


def test_calibration_is_of_samples_that_were_not_counted() -> None:
    findings = made(taught=40, unlabelled=0.3)
    b, names = findings.bundle, findings.names
    assert names is not None
    p = names.predict_proba(b.responsibility)
    rest = [n for n in range(40, 120) if b.truth[n] >= 0]
    right = np.mean([p[n].argmax() == b.truth[n] for n in rest])
    figure = drawn("labels/calibration", findings)
    assert f"{100 * right:.0f} % of the labels are right" in figure.get_suptitle()
    assert f"Over the {len(rest)} samples of the validation split" in figure.get_supxlabel()
    assert sum(heights(figure.axes[1])) == pytest.approx(100)


def test_efficiency_is_what_the_person_who_is_played_reaches() -> None:
    findings = made(N=400, K=4, unlabelled=0.25)
    b, tree = findings.bundle, findings.tree
    figure = drawn("labels/efficiency", findings)
    chance, medoids = (np.asarray(line.get_ydata(), float) for line in figure.axes[0].get_lines()[:2])
    known = np.random.default_rng(0).permutation(np.flatnonzero(b.truth >= 0))
    asked, judging = known[: len(known) // 2], known[len(known) // 2 :]
    groups = tree.cut()
    r = b.responsibility.astype(float)
    expected = []
    for count in range(1, 21):
        pool = unlabelled(r[asked], b.mean[asked], len(b.label_names), 0, groups)
        rows = asked[ask_in_turn(pool, b.truth[asked], count)]
        tau = Tau(np.zeros_like(pool.tau.counts), pool.tau.smoothing, groups).taught(r[rows], b.truth[rows])
        expected.append(100 * np.mean(tau.predict(r[judging]) == b.truth[judging]))
    np.testing.assert_allclose(medoids, expected)
    (band,) = figure.axes[0].collections
    low, high = band.get_paths()[0].get_extents().intervaly
    assert low <= np.min(chance)
    assert high >= np.max(chance)


def ask_in_turn(pool: Pool, truth: np.ndarray, count: int) -> list[int]:
    """The first so many samples that medoids ask for, one at a time."""
    rows: list[int] = []
    for _ in range(count):
        (row,) = ask(pool, "medoids", 1)
        rows.append(int(row))
        pool = answered(pool, np.array([row]), truth[[row]])
    return rows


def test_where_all_were_counted_the_test_split_tells_of_calibration() -> None:
    findings = made(N=30, taught=30)
    assert findings.names is not None
    assert isinstance(FIGURES["labels/calibration"](findings), Absent)
    told = reliability(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1])).to_json()
    for by, absent in ((findings.names.fingerprint, False), ("other names", True)):
        test = {"split": "test", "seeds": [7, 0], "calibration_of": [None, told | {"names": by}]}
        found = FIGURES["labels/calibration"](dataclasses.replace(findings, summary={"test": test}))
        assert isinstance(found, Absent) == absent
        if isinstance(found, Figure):
            assert "50 % of the labels are right, where 75 % was said" in found.get_suptitle()
            assert "Over the 2 samples of the test split" in found.get_supxlabel()


def test_outliers_are_drawn_as_they_were_counted() -> None:
    findings = made(strange=2)
    figure = drawn("labels/ood", findings)
    for row, told in enumerate(findings.outliers):
        for axes, (score, histogram) in zip(
            figure.axes[3 * row : 3 * row + 3], told["histograms"][0].items(), strict=True
        ):
            steps = [patch.get_data()[0] for patch in axes.patches if isinstance(patch, StepPatch)]
            np.testing.assert_allclose(steps[0], 100 * np.array(histogram["normal"]))
            np.testing.assert_allclose(steps[1], 100 * np.array(histogram["outliers"]))
            assert axes.get_title(loc="left") == f"{score}\nAUROC 0.900, FPR95 20 %"


def test_bars_are_as_high_as_their_numbers() -> None:
    bundle = IMAGES.bundle
    kl = [bundle.kl[bundle.channel == k, k].mean() for k in range(4)]
    np.testing.assert_allclose(heights(drawn("mixture/channel_kl", IMAGES).axes[0]), kl, rtol=1e-5)
    over_time, at_end = drawn("mixture/evolution", IMAGES).axes
    np.testing.assert_allclose(heights(at_end), 100 * np.sort(bundle.usage)[::-1], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(at_end.lines[0].get_ydata()), 25.0, rtol=1e-5)
    for line, name in zip(over_time.lines, ("k_active", "channels_1pct"), strict=True):
        assert list(np.asarray(line.get_ydata())) == [row[name] for row in IMAGES.rows]


def test_hardness_counts_every_sample_once() -> None:
    axes = drawn("mixture/routing_hardness", IMAGES).axes[0]
    assert sum(heights(axes)) == pytest.approx(100)
    soft = IMAGES.bundle.responsibility.max(axis=1)
    assert heights(axes)[-1] == pytest.approx(100 * (soft >= 0.975).mean())


def test_ranges_of_codes_are_their_quantiles() -> None:
    bundle = IMAGES.bundle
    for d, axes in enumerate(drawn("mixture/latent_by_channel", IMAGES).axes):
        middles = np.asarray(axes.lines[0].get_xdata())
        expected = [np.median(bundle.mean[bundle.channel == k, d]) for k in range(4)]
        np.testing.assert_allclose(middles, expected, rtol=1e-5)


def test_loss_curves_are_the_history() -> None:
    panels = {axes.get_title(loc="left"): axes for axes in drawn("core/loss_curves", IMAGES).axes}
    assert list(panels) == ["bound", "loss", "kl_z", "gradient_norm"]
    curves = [np.asarray(line.get_ydata()).tolist() for line in panels["kl_z"].lines]
    for part, curve in zip(("train", "validation"), curves, strict=False):
        assert curve == [row[f"{part}/kl_z"] for row in IMAGES.rows]


def test_the_tree_is_cut_where_it_proposes() -> None:
    alike = np.kron(np.diag([0.3, 0.7]), [[0.3, 0.2], [0.2, 0.3]])
    tree = channel_tree(alike)
    (axes,) = drawn("mixture/tree", dataclasses.replace(made(K=4), tree=tree)).axes
    (cut,) = np.unique(np.asarray(axes.lines[0].get_xdata()))
    assert tree.proposed == 2
    assert len(tree.channels) - (tree.heights <= cut).sum() == tree.proposed
    (lines,) = (one for one in axes.collections if isinstance(one, LineCollection))
    tops = sorted(np.asarray(segment)[1, 0] for segment in lines.get_segments())
    np.testing.assert_allclose(tops, tree.heights)
    order = [int(label.get_text().partition(":")[0].removeprefix("ch ")) for label in axes.get_yticklabels()]
    assert sorted(order) == list(tree.channels)


def test_a_cut_that_may_as_well_be_another_is_drawn_too() -> None:
    heights = [0.1, 0.1, 0.62, 0.72, 1.0]
    merges = tuple(Merge(0, k + 1, height, 0.0) for k, height in enumerate(heights))
    tree = ChannelTree(6, tuple(range(6)), 0.0, merges)
    assert (tree.proposed, tree.nearly) == (4, (3,))
    figure = drawn("mixture/tree", dataclasses.replace(made(K=6), tree=tree))
    assert "Dotted: a cut that is nearly as clear." in figure.get_supxlabel().replace("\n", " ")
    cuts = {line.get_linestyle(): float(np.asarray(line.get_xdata())[0]) for line in figure.axes[0].lines}
    assert 0.1 < cuts["--"] < 0.62 < cuts[":"] < 0.72
    clear = drawn("mixture/tree", made(K=4))
    assert "Dotted" not in clear.get_supxlabel()


def test_the_commonest_label_of_groups() -> None:
    findings = made(K=4)
    bundle, groups = findings.bundle, np.array([0, 1, 1, -1])
    found = commonest(bundle, groups)
    assert found is not None
    for group in range(2):
        inside = bundle.truth[groups[bundle.channel] == group]
        counts = np.bincount(inside[inside >= 0])
        assert counts[found[group]] == counts.max()
    assert commonest(dataclasses.replace(bundle, truth=np.full_like(bundle.truth, -1)), groups) is None


def test_a_tree_without_groups_has_no_cut() -> None:
    joint = np.full((4, 4), 1 / 16)
    figure = drawn("mixture/tree", dataclasses.replace(made(K=4), tree=channel_tree(joint)))
    assert "no cut to propose" in figure.get_suptitle()
    assert "no groups are proposed" in figure.get_supxlabel()
    assert not len(figure.axes[0].lines)
    assert not figure.axes[0].texts


def test_growth_is_told_with_what_became_of_it() -> None:
    (axes,) = drawn("curriculum/k_active", GROWN).axes
    by_name = {str(line.get_label()): line for line in axes.lines}
    for what, count in (("opened", 3), ("kept", 2), ("closed", 1), ("merged", 1)):
        at = np.asarray(by_name[f"{what} ({count})"].get_xdata()).tolist()
        assert at == [event.epoch for event in EVENTS if event.what == what]
    assert kicked(GROWN) == [(2, 4), (6, 7)]
    assert "Growth ended with epoch 10" in drawn("curriculum/k_active", GROWN).get_supxlabel()


@pytest.mark.parametrize(
    ("policy", "stays"), [("plateau", True), ({"kind": "scheduled", "every": 2}, True), ("birth", False)]
)
def test_only_what_may_close_again_opens_on_trial(policy: Any, stays: bool) -> None:
    config = from_mapping({"model": {"num_channels": 6}, "curriculum": {"initial": 1, "policy": policy}})
    words = drawn("curriculum/k_active", dataclasses.replace(GROWN, config=config)).get_supxlabel()
    assert words.startswith("Every channel that opens stays." if stays else "A channel opens on trial;")


def test_pots_stand_below_those_that_they_came_from() -> None:
    (axes,) = drawn("curriculum/pot_tree", GROWN).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["channel 0", "channel 2", "channel 1"]
    lives, uprights = {}, {}
    for line in axes.lines:
        across, up = np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()
        if line.get_linewidth() == 3.5:
            lives[up[0]] = across
        else:
            uprights[tuple(up)] = line.get_linewidth()
    assert lives == {0: [0, 12], 2: [2, 12], 1: [4, 9]}
    assert uprights[0, 2] == pytest.approx(3.0)  # all of channel 1 came from 0
    assert uprights[0, 1] == pytest.approx(0.4 + 2.6 * 0.7)
    assert uprights[2, 1] == pytest.approx(0.4 + 2.6 * 0.25)
    assert "1 of them" in drawn("curriculum/pot_tree", GROWN).get_supxlabel()


def test_large_splits_are_thinned_and_that_is_said() -> None:
    findings = made(K=2, N=30_000, shape=(1,), as_bytes=False)
    figure = FIGURES["core/latent_space"](findings)
    assert isinstance(figure, Figure)
    assert len(points(figure.axes[0])) == MOST_POINTS
    assert "20,000 of 30,000 samples" in figure.get_supxlabel().replace("\n", " ")
    for axes in drawn("mixture/channel_latents_grid", findings).axes:
        assert len(points(axes)) == 3_000
