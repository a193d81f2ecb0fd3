"""Settings that are made for data, of which nothing is known but where they are."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from rcmvae.config import from_mapping, load_config
from rcmvae.data import ArraysSource, Digits, dataset_from_arrays
from rcmvae.errors import ConfigError
from rcmvae.nn import PatchTrunk
from rcmvae.recipes import IMAGES, SMALL_IMAGES, VECTORS, config_for, made_for, recipe_for
from rcmvae.training import RUN_FILES

DIGITS = Path(__file__).parents[1] / "configs" / "digits.yaml"


def test_the_digits_get_what_their_configuration_says() -> None:
    config, dataset = made_for("digits")
    assert config.data == Digits()
    assert len(dataset.train) == 1455
    assert config.training.epochs == SMALL_IMAGES.most
    said = load_config(DIGITS)
    # But for how many seeds to choose from, and batches into which all samples fit.
    assert (said.training.seeds, said.training.batch_size) == (8, 128)
    assert config == load_config(DIGITS, ["training.seeds=1", "training.batch_size=121"])


def test_what_is_found_in_files_decides(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "table.npy", rng.normal(size=(400, 7)).astype(np.float32))
    (tmp_path / "images").mkdir()
    for at in range(40):
        Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8)).save(tmp_path / "images" / f"{at}.png")
    vectors = made_for(str(tmp_path / "table.npy"))
    assert vectors.config.data.kind_name() == "npy"
    assert [*vectors.config.model.trunk.model_dump()["hidden"]] == VECTORS.model["trunk"]["hidden"]
    images = made_for(str(tmp_path / "images"), ["data.color=grey", "data.validation=8", "data.test=0"])
    assert images.dataset.shape == (20, 24, 1)
    assert images.config.model.trunk == PatchTrunk(features=(32, 64))
    # 32 samples are fewer than a batch.
    assert images.config.training.batch_size == len(images.dataset.train) == 32


def test_what_is_asked_for_comes_last_and_schedules_follow_the_epochs() -> None:
    config, dataset = made_for(
        "digits", ["model.num_channels=4", "training.epochs=20", "data.num_samples=500"]
    )
    assert config.model.num_channels == 4
    assert config.training.epochs == 20
    assert config.objective.settled() < 20
    assert config.data.num_samples == 500
    assert len(dataset.train) < 500
    assert config_for(dataset, ["model.num_channels=4", "training.epochs=20"]) == config


def test_floats_of_any_range_are_images_too(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5, 6, 1)).astype(np.float32)
    np.save(tmp_path / "floats.npy", x)
    config, dataset = made_for(str(tmp_path / "floats.npy"))
    config.check_against(dataset)
    assert config.data.scaling == "range"
    assert made_for(str(tmp_path / "floats.npy"), ["data.scaling=standard"]).config.data.scaling == "standard"


def test_data_are_named_once() -> None:
    with pytest.raises(ConfigError, match="data=mnist is given beside digits, which names the data already"):
        made_for("digits", ["data=mnist"])


def test_samples_in_memory_have_a_recipe_too() -> None:
    dataset = dataset_from_arrays(np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32))
    config = config_for(dataset)
    config.check_against(dataset)
    assert config.model.decoder.output.kind_name() == "gaussian"


@pytest.mark.parametrize("shape", [(3,), (8, 8, 1), (28, 28, 1)])
@pytest.mark.parametrize("overrides", [[], ["curriculum.initial=1"]])
def test_views_alone_guide_large_images(shape: tuple[int, ...], overrides: list[str]) -> None:
    """Of smaller ones, and of vectors, the bound has a say in where they belong."""
    dataset = dataset_from_arrays(np.random.default_rng(0).random((200, *shape), np.float32))
    terms, is_large = config_for(dataset, overrides).objective.terms, len(shape) == 3 and shape[0] >= 16
    assert {terms[name].guides for name in ("reconstruction", "kl_z")} == {not is_large}


@pytest.mark.parametrize("shape", [(3,), (8, 8, 1), (28, 28, 1)])
@pytest.mark.parametrize("samples", [40, 100, 1_500])
def test_channels_grow_where_that_is_asked_for(shape: tuple[int, ...], samples: int) -> None:
    dataset = dataset_from_arrays(np.random.default_rng(0).random((samples, *shape), np.float32))
    config = config_for(dataset, ["curriculum.initial=1"])
    config.check_against(dataset)
    assert config.model.num_channels == 20
    assert config.objective.settled() == 0, "a channel is judged by terms that do not change"
    assert config.curriculum is not None
    assert config.curriculum.soonest_end(19) < config.training.epochs
    steps = config.curriculum.trial * (len(dataset.train) // config.training.batch_size)
    assert 50 <= steps <= 200
    asked = config_for(dataset, ["curriculum={initial: 2}", "curriculum.trial=3", "training.epochs=900"])
    assert asked.curriculum is not None
    assert (asked.curriculum.initial, asked.curriculum.trial, asked.training.epochs) == (2, 3, 900)
    assert asked.curriculum.finish == config.curriculum.finish, "what is not given is the recipe's"
    assert (asked.curriculum.helps, asked.curriculum.merge_below) == (config.curriculum.helps, 0.3)
    once = config_for(dataset, ["curriculum.policy.when={kind: scheduled, at: [3]}"])
    assert once.curriculum is not None
    assert once.curriculum.policy.model_dump(exclude={"kind"})["when"] == {
        "kind": "scheduled",
        "at": (3,),
        "every": None,
    }
    apart = config_for(dataset, ["curriculum.merge_below=null"])
    assert apart.curriculum == config.curriculum.model_copy(update={"merge_below": None})
    assert apart.objective == config.objective
    assert config_for(dataset, ["curriculum=null"]) == config_for(dataset)


def test_a_mistake_in_a_curriculum_is_told_as_everywhere() -> None:
    for change, sentence in (
        ("curriculum.trial=", "`curriculum.trial=` has no value"),
        ("curriculum.trail=3", r"curriculum.trail is not known. .* Did you mean 'trial'\?"),
        (
            "curriculum.helps.bound=.inf",
            r"curriculum.helps.bound is `\.inf`, but it must be a number above 0",
        ),
        ("curriculum={trial: none}", "curriculum.trial is `none`, but it must be a whole number above 0"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            made_for("digits", [change])


def test_channels_grow_on_digits_as_their_configuration_says() -> None:
    config, _ = made_for("digits", ["curriculum.initial=1", "data.validation=300", "training.batch_size=128"])
    assert config == load_config(DIGITS.with_name("digits-pots.yaml"))


def test_channels_grow_on_mnist_as_its_configuration_says() -> None:
    said = load_config(DIGITS.with_name("mnist-pots.yaml")).curriculum
    grown = from_mapping(IMAGES.growing(55_000), ["data=mnist"])
    assert said is not None
    assert grown.curriculum == said
    assert grown.model.num_channels == 20


@pytest.mark.parametrize(("samples", "number"), [(2, None), (3, 1), (20, 9), (21, 10), (10**7, 10)])
def test_neighbours_go_by_the_number_of_samples(samples: int, number: int | None) -> None:
    for recipe, other in ((VECTORS, "jitter"), (IMAGES, "warp")):
        *neighbours, last = recipe.settings(200, samples)["objective"]["consistency"]["views"]
        asked = {"kind": "neighbours", "number": number, "share": recipe.share}
        assert neighbours == ([] if number is None else [asked])
        assert last == other or last["kind"] == other
    assert SMALL_IMAGES.settings(200, samples)["objective"]["consistency"]["views"] == SMALL_IMAGES.views


@pytest.mark.parametrize(("samples", "epochs"), [(1_000, 100), (20_000, 54), (55_000, 20), (70_000, 20)])
def test_epochs_go_by_the_number_of_samples(samples: int, epochs: int) -> None:
    assert IMAGES.epochs(samples) == epochs


@pytest.mark.parametrize("side", [16, 28, 32, 64, 96, 224])
def test_a_few_cells_are_left_of_any_image(side: int) -> None:
    trunk = PatchTrunk.model_validate(recipe_for((side, side // 2 + 8, 1)).model["trunk"])
    built = eqx.filter_eval_shape(
        lambda key: trunk.build((side, side // 2 + 8, 1), key=key), jax.random.key(0)
    )
    cells = built.project.weight.shape[0] // trunk.features[-1]
    assert 4 <= cells <= 16


@pytest.mark.parametrize("samples", [2, 3, 12])
def test_a_few_vectors_can_be_trained_on(samples: int) -> None:
    x = np.random.default_rng(0).normal(size=(samples, 3)).astype(np.float32)
    dataset = dataset_from_arrays(x, options=ArraysSource(validation=1, test=0))
    config_for(dataset).check_against(dataset)


def test_equal_shares_are_asked_for_first_and_less_in_the_end() -> None:
    config = config_for(dataset_from_arrays(np.zeros((90, 3), np.float32)), ["training.epochs=100"])
    term = config.objective.usage_entropy
    assert term is not None
    times = jnp.asarray([0.0, 30.0, 50.0, 70.0, 100.0])
    assert jax.vmap(term.weight)(times).tolist() == [-100, -100, -75, -50, -50]
    images = config_for(dataset_from_arrays(np.zeros((90, 8, 8, 1), np.uint8)))
    assert images.objective.usage_entropy.weight.levels() == (-100,)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("minst", r"minst does not exist: give a configuration file .* Did you mean 'mnist'\?"),
        ("notes.txt", "notes.txt cannot be read: give a configuration file"),
        ("table.xls", r"table.xls cannot be read: .* \.parquet or \.csv file"),
        ("sample.npy", r"sample.npy does not exist: .* Did you mean 'samples.npy'\?"),
        ("run", r"run is a run and no data: its configuration is run/config.yaml"),
    ],
)
def test_what_is_no_data_is_told(
    named: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.txt", "table.xls", "samples.npy"):
        (tmp_path / name).write_text("none")
    (tmp_path / "run").mkdir()
    for name in RUN_FILES:
        (tmp_path / "run" / name).write_text("{}")
    with pytest.raises(ConfigError, match=sentence):
        made_for(named)
