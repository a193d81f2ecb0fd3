"""Earlier, flat files: every key of them has a place now, or a reason why not."""

import math
from pathlib import Path
from typing import Any

import pytest

from rcmvae.config import from_mapping, load_config, load_with_notes
from rcmvae.config.legacy import is_legacy, upgrade
from rcmvae.config.legacy_keys import Flat, FlatModel
from rcmvae.errors import ConfigError

DENSE = {"encoder_type": "dense", "decoder_type": "dense"}
GUMBEL = {"kind": "linear", "start": 2.0, "end": 0.5, "epochs": 100.0, "begin": 0.0}
SOFT = {"use_straight_through_gumbel": False}
LEARNED = {"learnable_pi": True, "c_regularizer": "categorical"}
HEADED = {"label_weight": 2.0}
TAU = {"use_tau_classifier": True, "tau_smoothing_alpha": 0.5}

# (keys of the section `model`, where they are now, what stands there)
MODEL: list[tuple[dict[str, Any], str, Any]] = [
    ({}, "model.num_channels", 10),
    ({"num_components": 20}, "model.num_channels", 20),
    ({}, "model.latent_dim", 2),
    ({"latent_dim": 3}, "model.latent_dim", 3),
    ({}, "model.layout", "shared"),
    ({"latent_layout": "decentralized"}, "model.layout", "decentralized"),
    ({}, "model.trunk", {"kind": "conv", "features": [32, 64, 128], "out": 256, "norm": "none"}),
    ({"encoder_type": "dense"}, "model.trunk", {"kind": "dense", "hidden": [256, 128, 64], "norm": "none"}),
    (DENSE | {"hidden_dims": [9, 5]}, "model.trunk.hidden", [9, 5]),
    (DENSE | {"hidden_dims": [9, 5]}, "model.decoder.backbone", {"kind": "dense", "hidden": [5, 9]}),
    ({}, "model.decoder.backbone.kind", "conv"),
    ({}, "model.decoder.output", {"kind": "bernoulli"}),
    (
        {"reconstruction_loss": "bce", "recon_weight": 2},
        "objective.reconstruction",
        {"weight": 2.0, "guides": True},
    ),
    (
        {"reconstruction_loss": "mse"},
        "model.decoder.output",
        {"kind": "gaussian", "sigma": math.sqrt(784 / 1000)},
    ),
    (
        {"reconstruction_loss": "mse", "recon_weight": 2},
        "model.decoder.output",
        {"kind": "gaussian", "sigma": 14.0},
    ),
    (
        {"reconstruction_loss": "mse", "recon_weight": 2},
        "objective.reconstruction",
        {"weight": 1.0, "guides": True},
    ),
    (
        {"reconstruction_loss": "mse", "recon_weight": 0},
        "objective.reconstruction",
        {"weight": 0.0, "guides": True},
    ),
    (
        {"use_heteroscedastic_decoder": True},
        "model.decoder.output",
        {"kind": "heteroscedastic", "sigma_min": 0.05, "sigma_max": 0.5},
    ),
    (
        {"use_heteroscedastic_decoder": True, "sigma_min": 0.1, "sigma_max": 0.2},
        "model.decoder.output",
        {"kind": "heteroscedastic", "sigma_min": 0.1, "sigma_max": 0.2},
    ),
    (
        {"use_heteroscedastic_decoder": True, "recon_weight": 3},
        "objective.reconstruction",
        {"weight": 3.0, "guides": True},
    ),
    ({}, "model.decoder.conditioner", {"kind": "cin"}),
    ({"decoder_conditioning": "film"}, "model.decoder.conditioner", {"kind": "film"}),
    ({"decoder_conditioning": "concat"}, "model.decoder.conditioner.kind", "concat"),
    (
        {"decoder_conditioning": "none", "latent_layout": "decentralized"},
        "model.decoder.conditioner",
        {"kind": "none"},
    ),
    ({}, "model.embedding_dim", 32),
    ({"component_embedding_dim": 8}, "model.embedding_dim", 8),
    ({}, "model.routing.kind", "straight_through"),
    (SOFT, "model.routing.kind", "gumbel_softmax"),
    ({"use_gumbel_softmax": False}, "model.routing.kind", "expectation"),
    ({}, "model.routing.temperature", GUMBEL),
    ({"gumbel_temperature": 3}, "model.routing.temperature", GUMBEL | {"start": 3.0}),
    ({"gumbel_temperature_min": 1}, "model.routing.temperature", GUMBEL | {"end": 1.0}),
    ({"gumbel_temperature_anneal_epochs": 7}, "model.routing.temperature", GUMBEL | {"epochs": 7.0}),
    ({"gumbel_temperature_anneal_epochs": 0}, "model.routing.temperature", 2.0),
    ({"top_m_gating": 3}, "model.routing", {"kind": "top_m", "m": 3}),
    ({"top_m_gating": 10}, "model.routing.kind", "expectation"),
    ({}, "objective.logit_mog", {"weight": 1.0, "mean": 7.0, "sigma": 1.0}),
    ({}, "objective.kl_c", None),
    ({"c_regularizer": "categorical"}, "objective.kl_c", {"weight": 0.05}),
    ({"c_regularizer": "categorical"}, "objective.logit_mog", None),
    ({"c_regularizer": "both", "kl_c_weight": 0.5}, "objective.kl_c", {"weight": 0.5}),
    ({"c_regularizer": "both"}, "objective.logit_mog.weight", 1.0),
    (
        {"c_regularizer": "both", "kl_c_anneal_epochs": 5},
        "objective.kl_c.weight",
        {"kind": "linear", "start": 0.0, "end": 0.05, "epochs": 5.0, "begin": 0.0},
    ),
    (
        {"kl_c_anneal_epochs": 5},
        "objective.logit_mog.weight",
        {"kind": "linear", "start": 0.0, "end": 1.0, "epochs": 5.0, "begin": 0.0},
    ),
    ({"c_logit_prior_weight": 0.1}, "objective.logit_mog.weight", 0.1),
    ({"c_logit_prior_mean": 5}, "objective.logit_mog.mean", 5.0),
    ({"c_logit_prior_sigma": 2}, "objective.logit_mog.sigma", 2.0),
    ({}, "objective.kl_z", {"weight": 1.0, "form": "all", "free_bits": 0.0, "guides": True}),
    ({"kl_weight": 5}, "objective.kl_z.weight", 5.0),
    ({"prior_type": "geometric_mog"}, "objective.kl_z.form", "responsible"),
    ({}, "objective.usage_entropy", {"weight": -5.0}),
    ({"component_diversity_weight": -0.05}, "objective.usage_entropy", {"weight": -0.05}),
    ({"component_diversity_weight": 0}, "objective.usage_entropy", None),
    ({}, "model.prior", {"kind": "mixture", "pi": "uniform"}),
    (LEARNED, "model.prior", {"kind": "mixture", "pi": "learned"}),
    ({"learnable_pi": True}, "model.prior", {"kind": "mixture", "pi": "uniform"}),
    (LEARNED | {"dirichlet_alpha": 5}, "objective.dirichlet_pi", {"weight": 1.0, "alpha": 5.0}),
    (LEARNED | {"dirichlet_alpha": 5, "dirichlet_weight": 0.5}, "objective.dirichlet_pi.weight", 0.5),
    ({"dirichlet_alpha": 5}, "objective.dirichlet_pi", None),
    ({"prior_type": "standard"}, "model.prior", {"kind": "standard"}),
    ({"prior_type": "standard"}, "model.num_channels", 1),
    ({"prior_type": "standard"}, "objective.usage_entropy", None),
    (
        {"prior_type": "vamp"},
        "model.prior",
        {
            "kind": "vamp",
            "num_pseudo_inputs": 10,
            "num_samples": 1,
            "start": "random",
            "learning_rate_scale": 0.1,
        },
    ),
    ({"prior_type": "vamp", "num_components": 7}, "model.prior.num_pseudo_inputs", 7),
    ({"prior_type": "vamp", "vamp_num_samples_kl": 4}, "model.prior.num_samples", 4),
    ({"prior_type": "vamp", "vamp_pseudo_lr_scale": 0.5}, "model.prior.learning_rate_scale", 0.5),
    ({"prior_type": "vamp", "vamp_pseudo_init_method": "kmeans"}, "model.prior.start", "kmeans"),
    (
        {"prior_type": "geometric_mog"},
        "model.prior",
        {"kind": "geometric", "arrangement": "circle", "radius": 2.0},
    ),
    ({"prior_type": "geometric_mog", "geometric_arrangement": "grid"}, "model.prior.arrangement", "grid"),
    ({"prior_type": "geometric_mog", "geometric_radius": 3}, "model.prior.radius", 3.0),
    ({}, "objective.classifier", None),
    (HEADED, "objective.classifier", {"weight": 2.0}),
    (HEADED, "model.classifier.dropout_rate", 0.2),
    (HEADED | {"dropout_rate": 0.5, "classifier_type": "dense"}, "model.classifier.dropout_rate", 0.5),
    (HEADED | TAU, "objective.tau", {"weight": 2.0, "smoothing": 0.5}),
    (HEADED | TAU, "model.classifier", None),
    (TAU, "objective.tau", None),
    (
        HEADED | TAU | {"monitor_metric": "classification_loss"},
        "training.early_stopping.monitor",
        "tau",
    ),
    ({}, "training.learning_rate", 1e-3),
    ({"learning_rate": 0.01}, "training.learning_rate", 0.01),
    ({}, "training.batch_size", 128),
    ({"batch_size": 64}, "training.batch_size", 64),
    ({}, "training.epochs", 300),
    ({"max_epochs": 5}, "training.epochs", 5),
    ({}, "training.early_stopping", {"monitor": "loss", "patience": 50, "min_delta": 0.0}),
    ({"patience": 3}, "training.early_stopping.patience", 3),
    ({"monitor_metric": "reconstruction_loss"}, "training.early_stopping.monitor", "reconstruction"),
    ({"monitor_metric": "kl_loss"}, "training.early_stopping.monitor", "kl_z"),
    ({"monitor_metric": "kl_c", "c_regularizer": "both"}, "training.early_stopping.monitor", "kl_c"),
    ({"monitor_metric": "kl_c"}, "training.early_stopping.monitor", "loss"),
    ({"monitor_metric": "auto"}, "training.early_stopping.monitor", "loss"),
    ({"monitor_metric": "classification_loss"}, "training.early_stopping.monitor", "loss"),
    (HEADED | {"monitor_metric": "classification_loss"}, "training.early_stopping.monitor", "classifier"),
    ({}, "data.validation", 0.1),
    ({"val_split": 0.2}, "data.validation", 0.2),
    ({}, "training.seed", 42),
    ({"random_seed": 7}, "training.seed", 7),
    ({"random_seed": 7}, "data.seed", 7),
    ({}, "training.clip_norm", 1.0),
    ({"grad_clip_norm": None}, "training.clip_norm", None),
    ({}, "training.weight_decay", 1e-4),
    ({"weight_decay": 0}, "training.weight_decay", 0.0),
    ({}, "objective.l1", None),
    ({"l1_weight": 1e-5}, "objective.l1", {"weight": 1e-5}),
]
DATA: list[tuple[dict[str, Any], str, Any]] = [
    ({}, "data.kind", "mnist"),
    ({"dataset": "fashion_mnist"}, "data.kind", "fashion_mnist"),
    ({"num_samples": 1000}, "data.num_samples", 1000),
    ({"num_labeled": 50}, "data.num_labeled", 50),
    ({}, "data.num_labeled", None),
    ({"seed": 3}, "data.seed", 3),
    ({}, "data.seed", 42),
]
DROPPED = ["soft_embedding_warmup_epochs", "use_contrastive", "contrastive_weight", "num_classes"]
DROPPED += [
    "use_component_aware_decoder",
    "mixture_history_log_every",
    "use_tau_classifier",
    "tau_smoothing_alpha",
]


def value_at(raw: dict[str, Any], path: str) -> Any:
    node: Any = from_mapping(upgrade(raw).config).model_dump(mode="json")
    for key in path.split("."):
        node = node[key]
    return node


@pytest.mark.parametrize(("keys", "path", "value"), MODEL, ids=[f"{[*k]}-{p}" for k, p, _ in MODEL])
def test_each_key_of_the_model_has_its_place(keys: dict[str, Any], path: str, value: Any) -> None:
    assert value_at({"model": keys, "data": {}}, path) == value
    notes = upgrade({"model": keys}).notes
    for key in keys:
        assert any(f"{key}=" in note.partition("→")[0] for note in notes), key


@pytest.mark.parametrize(("keys", "path", "value"), DATA, ids=[f"{[*k]}-{p}" for k, p, _ in DATA])
def test_each_key_of_the_data_has_its_place(keys: dict[str, Any], path: str, value: Any) -> None:
    assert value_at({"model": {"max_epochs": 300}, "data": keys}, path) == value


def test_every_key_is_tried() -> None:
    assert {key for keys, _, _ in MODEL for key in keys} | set(DROPPED) == set(FlatModel.model_fields)


def test_the_weight_of_a_squared_error_is_kept() -> None:
    # w · mean of the squares, over 64 pixels, against ½ Σ d² / σ²
    output = value_at({"model": {"reconstruction_loss": "mse", "recon_weight": 30}, "data": {"dataset": "digits"}},
                      "model.decoder.output")  # fmt: skip
    squares = 12.5
    assert 0.5 * squares / output["sigma"] ** 2 == pytest.approx(30 * squares / 64)


def test_flat_and_sectioned_files_mean_the_same() -> None:
    sections = {"model": {"num_components": 5, "kl_weight": 2}, "data": {"num_labeled": 10, "seed": 3}}
    flat = {"num_components": 5, "kl_weight": 2, "num_labeled": 10, "seed": 3}
    assert upgrade(sections) == upgrade(flat) == upgrade({"model": {"kl_weight": 2}, "num_components": 5} | {
        "data": {"num_labeled": 10, "seed": 3}})  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ({}, False),
        ({"data": "digits"}, False),
        ({"data": {"kind": "digits"}, "model": {"latent_dim": 3}}, False),
        ({"model": {"num_channels": 3, "num_components": 3}}, False),
        ({"objective": {}, "model": {"num_components": 3}}, False),
        ({"model": "x"}, False),
        ({"curriculum": {"kick": {"epochs": 1}}}, False),
        ({"curriculum": {"initial": 2, "enabled": True}}, False),
        ({"model": {"num_components": 3}, "curriculum": {"initial": 2}}, False),
        ({"curriculum": "x"}, False),
        ({"curriculum": {"k_active_init": 2}}, True),
        ({"model": {"num_components": 3}}, True),
        ({"num_components": 3}, True),
        ({"model": {"latent_dim": 2}, "curriculum": {"enabled": False}}, True),
        ({"data": {"dataset": "mnist"}}, True),
        ({"experiment": {"name": "x"}}, True),
    ],
)
def test_earlier_files_are_recognised(raw: dict[str, Any], answer: bool) -> None:
    assert is_legacy(raw) is answer


def test_notes_tell_each_key_and_each_changed_default() -> None:
    notes = upgrade(
        {
            "model": {"num_components": 10, "kl_weight": 1, "hidden_dims": [3], "use_contrastive": False},
            "curriculum": {"enabled": False},
            "experiment": {"name": "x", "tags": ["a"]},
        }
    ).notes
    assert "num_components=10 → model.num_channels=10" in notes
    assert "kl_weight=1.0 → objective.kl_z={weight: 1.0, form: all}" in notes
    assert "max_epochs left out, by its earlier default → training.epochs=300" in notes
    assert "hidden_dims=[3] → nothing: no other key of this file calls for it." in notes
    assert "use_contrastive=false → nothing: it never did anything." in notes
    assert "curriculum.enabled=false → nothing: all channels are open from the start." in notes
    assert any(note.startswith("experiment.name=x, experiment.tags=[a] → nothing") for note in notes)
    assert not any(note.startswith("latent_dim") for note in notes)  # left out, and the same now


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"model": {"soft_embedding_warmup_epochs": 10}},
        "model.soft_embedding_warmup_epochs is 10. It never did anything",
    ),
    ({"model": {"use_contrastive": True}}, "model.use_contrastive is true. It never did anything"),
    (
        {"model": {"num_componets": 3, "kl_weight": 1}},
        "model.num_componets is not known. Did you mean 'num_components'?",
    ),
    (
        {"kl_weight": 1, "gumbel_temp": 1},
        "model.gumbel_temp is not known. Did you mean 'gumbel_temperature'?",
    ),
    ({"model": {"kl_weight": 1}, "data": {"datset": "mnist"}}, "data.datset is not known."),
    (
        {"model": {"num_components": "ten"}},
        "model.num_components is `ten`, but it must be a whole number above 0.",
    ),
    (
        {"model": {"use_gumbel_softmax": "yes"}},
        "model.use_gumbel_softmax is `'yes'`, but it must be true or false.",
    ),
    (
        {"model": {"prior_type": "mixtur"}},
        "model.prior_type is `mixtur`, but it must be one of standard, mixture",
    ),
    ({"kl_weight": 1, "model": 3}, "model is `3`, but it must be a mapping"),
]


@pytest.mark.parametrize(("raw", "sentence"), REFUSED)
def test_what_cannot_be_carried_over_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert is_legacy(raw)
    with pytest.raises(ConfigError) as caught:
        upgrade(raw)
    assert str(caught.value).startswith(sentence)


def test_a_file_is_upgraded_as_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "quick.yaml"
    file.write_text("model:\n  num_components: 5\ndata:\n  dataset: digits\n", encoding="utf-8")
    loaded = load_with_notes(file, ["model.num_channels=6", "training.epochs=1"])
    assert (loaded.config.model.num_channels, loaded.config.training.epochs) == (6, 1)
    assert loaded.config.data.kind_name() == "digits"
    assert "num_components=5 → model.num_channels=5" in loaded.notes
    assert load_config(file).model.num_channels == 5
    file.write_text("model:\n  num_channels: 5\n", encoding="utf-8")
    assert load_with_notes(file).notes == ()


def test_sections_do_not_share_keys() -> None:
    flat = Flat()
    keys = [key for section in Flat.model_fields for key in type(getattr(flat, section)).model_fields]
    assert len(keys) == len(set(keys))
