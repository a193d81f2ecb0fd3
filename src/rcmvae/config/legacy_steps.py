"""What each key of an earlier, flat configuration file stands for now."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from rcmvae.config.legacy_keys import Flat, FlatExperiment, FlatModel, Monitor

PIXELS = {"mnist": 28 * 28, "fashion_mnist": 28 * 28, "digits": 8 * 8}
PRIORS = {"standard": "standard", "mixture": "mixture", "vamp": "vamp", "geometric_mog": "geometric"}


@dataclasses.dataclass(frozen=True)
class Becomes:
    """Earlier keys, and the value of one present key that they stand for."""

    keys: tuple[str, ...]
    path: str
    value: Any
    because: str = ""


@dataclasses.dataclass(frozen=True)
class Dropped:
    """Earlier keys that nothing follows from."""

    keys: tuple[str, ...]
    because: str


Step = Becomes | Dropped


def steps(flat: Flat) -> list[Step]:
    """The whole file, key by key."""
    model = flat.model
    return [
        *_model(flat),
        *_decoder(flat),
        *_routing(model),
        *_prior(model),
        *_objective(flat),
        *_training(flat),
        *_data(flat),
        *_without_consequence(),
    ]


def _model(flat: Flat) -> Iterator[Step]:
    model = flat.model
    if model.prior_type == "standard":
        because = "the earlier `standard` prior had one latent and no channels"
        yield Becomes(("num_components", "prior_type"), "model.num_channels", 1, because)
        because = "the one channel owns the one latent"
        yield Becomes(("latent_layout", "prior_type"), "model.layout", "decentralized", because)
    else:
        yield Becomes(("num_components",), "model.num_channels", model.num_components)
        yield Becomes(("latent_layout",), "model.layout", model.latent_layout)
    yield Becomes(("latent_dim",), "model.latent_dim", model.latent_dim)
    yield Becomes(("component_embedding_dim",), "model.embedding_dim", model.component_embedding_dim)
    trunks = {
        "conv": {"kind": "conv", "norm": "none"},
        "dense": {"kind": "dense", "hidden": [*model.hidden_dims], "norm": "none"},
    }
    keys = ("encoder_type", "hidden_dims") if model.encoder_type == "dense" else ("encoder_type",)
    yield Becomes(keys, "model.trunk", trunks[model.encoder_type], "the earlier encoders did not normalise")


def _decoder(flat: Flat) -> Iterator[Step]:
    model = flat.model
    backbones = {"conv": "conv", "dense": {"kind": "dense", "hidden": [*reversed(model.hidden_dims)]}}
    keys = ("decoder_type", "hidden_dims") if model.decoder_type == "dense" else ("decoder_type",)
    yield Becomes(keys, "model.decoder.backbone", backbones[model.decoder_type])
    ignored = {
        "standard": "with one channel there is none to tell apart",
        "vamp": "the earlier vamp prior ignored it",
    }
    conditioner = "none" if model.prior_type == "standard" else model.decoder_conditioning
    because = ignored.get(model.prior_type, "")
    yield Becomes(("decoder_conditioning",), "model.decoder.conditioner", conditioner, because)
    yield from _output(flat)


def _output(flat: Flat) -> Iterator[Step]:
    """The output head, and the weight of the reconstruction that goes with it."""
    model, output, weight = flat.model, "model.decoder.output", "objective.reconstruction"
    mse = model.reconstruction_loss == "mse"
    given = model.recon_weight if model.recon_weight is not None else (500.0 if mse else 1.0)
    if model.use_heteroscedastic_decoder:
        keys = ("use_heteroscedastic_decoder", "sigma_min", "sigma_max")
        bounds = {"sigma_min": model.sigma_min, "sigma_max": model.sigma_max}
        because = "the likelihood is now exact: log σ counts once per pixel, where it counted once per image"
        yield Becomes(keys, output, {"kind": "heteroscedastic"} | bounds, because)
        yield Becomes(("recon_weight", "reconstruction_loss"), weight, given)
    elif mse and given > 0:
        # w/P Σ (x − μ)² = Σ (x − μ)² / 2σ²  with  σ = √(P / 2w)
        P = PIXELS[flat.data.dataset]
        sigma = math.sqrt(P / (2 * given))
        keys = ("reconstruction_loss", "recon_weight")
        because = f"σ = √(P/2w) weighs the squares of the {P} pixels as {given:g} times their mean did"
        yield Becomes(keys, output, {"kind": "gaussian", "sigma": sigma}, because)
        yield Becomes(keys, weight, 1.0, "its weight is in σ")
    else:
        yield Becomes(("reconstruction_loss",), output, "gaussian" if mse else "bernoulli")
        yield Becomes(("recon_weight",), weight, given)


def _routing(model: FlatModel) -> Iterator[Step]:
    if model.prior_type == "standard":
        return
    if model.top_m_gating > 0:
        every = model.top_m_gating >= model.num_components
        value = "expectation" if every else {"kind": "top_m", "m": model.top_m_gating}
        yield Becomes(
            ("top_m_gating",), "model.routing", value, "beside these, one of the rest is drawn" * (not every)
        )
        return
    if not model.use_gumbel_softmax:
        yield Becomes(("use_gumbel_softmax",), "model.routing", "expectation")
        return
    start, end, epochs = (
        model.gumbel_temperature,
        model.gumbel_temperature_min,
        model.gumbel_temperature_anneal_epochs,
    )
    linear = {"kind": "linear", "start": start, "end": end, "epochs": float(epochs)}
    kind = "straight_through" if model.use_straight_through_gumbel else "gumbel_softmax"
    keys = (
        "use_gumbel_softmax",
        "use_straight_through_gumbel",
        "gumbel_temperature",
        "gumbel_temperature_min",
        "gumbel_temperature_anneal_epochs",
    )
    yield Becomes(keys, "model.routing", {"kind": kind, "temperature": linear if epochs else start})


def _prior(model: FlatModel) -> Iterator[Step]:
    vamp = {
        "num_pseudo_inputs": model.num_components,
        "num_samples": model.vamp_num_samples_kl,
        "start": model.vamp_pseudo_init_method,
        "learning_rate_scale": model.vamp_pseudo_lr_scale,
    }
    geometric = {"arrangement": model.geometric_arrangement, "radius": model.geometric_radius}
    mixture = {"pi": "learned" if _learns_pi(model) else "uniform"}
    settings = {"vamp": vamp, "geometric_mog": geometric, "mixture": mixture}
    own = {
        "vamp": ("num_components", *(key for key in FlatModel.model_fields if key.startswith("vamp_"))),
        "geometric_mog": ("geometric_arrangement", "geometric_radius"),
        "mixture": ("learnable_pi",),
    }
    kind = {"kind": PRIORS[model.prior_type]}
    because = "no term of this file would train π" if model.learnable_pi and not _learns_pi(model) else ""
    value = kind | settings.get(model.prior_type, {})
    yield Becomes(("prior_type", *own.get(model.prior_type, ())), "model.prior", value, because)


def _learns_pi(model: FlatModel) -> bool:
    trained = model.c_regularizer != "logit_mog" or model.dirichlet_alpha is not None
    return model.prior_type == "mixture" and model.learnable_pi and trained


def _objective(flat: Flat) -> Iterator[Step]:
    model = flat.model
    form = "responsible" if model.prior_type == "geometric_mog" else "all"
    yield Becomes(("kl_weight",), "objective.kl_z", {"weight": model.kl_weight, "form": form})
    if model.prior_type != "standard":
        yield from _channel_terms(model)
    if model.label_weight > 0 and model.use_tau_classifier:
        keys = ("use_tau_classifier", "label_weight", "tau_smoothing_alpha")
        tau = {"weight": model.label_weight, "smoothing": model.tau_smoothing_alpha}
        yield Becomes(keys, "objective.tau", tau)
    elif model.label_weight > 0:
        yield Becomes(("label_weight",), "objective.classifier", model.label_weight)
        yield Becomes(
            ("classifier_type", "dropout_rate"), "model.classifier", {"dropout_rate": model.dropout_rate}
        )
    if model.l1_weight > 0:
        yield Becomes(("l1_weight",), "objective.l1", model.l1_weight)


def _channel_terms(model: FlatModel) -> Iterator[Step]:
    def annealed(weight: float) -> Any:
        ramp = {"kind": "linear", "start": 0.0, "end": weight, "epochs": float(model.kl_c_anneal_epochs)}
        return ramp if model.kl_c_anneal_epochs and weight else weight

    if model.c_regularizer != "logit_mog":
        keys = ("c_regularizer", "kl_c_weight", "kl_c_anneal_epochs")
        yield Becomes(keys, "objective.kl_c", {"weight": annealed(model.kl_c_weight)})
    if model.c_regularizer != "categorical":
        keys = tuple(key for key in FlatModel.model_fields if key.startswith("c_logit_prior_"))
        value = {"mean": model.c_logit_prior_mean, "sigma": model.c_logit_prior_sigma}
        weight = annealed(model.c_logit_prior_weight)
        yield Becomes(
            ("c_regularizer", *keys, "kl_c_anneal_epochs"), "objective.logit_mog", {"weight": weight} | value
        )
    if model.component_diversity_weight:
        yield Becomes(
            ("component_diversity_weight",), "objective.usage_entropy", model.component_diversity_weight
        )
    if _learns_pi(model) and model.dirichlet_alpha is not None:
        value = {"weight": model.dirichlet_weight, "alpha": model.dirichlet_alpha}
        yield Becomes(("dirichlet_alpha", "dirichlet_weight"), "objective.dirichlet_pi", value)


def _training(flat: Flat) -> Iterator[Step]:
    model = flat.model
    yield Becomes(("max_epochs",), "training.epochs", model.max_epochs)
    yield Becomes(("batch_size",), "training.batch_size", model.batch_size)
    yield Becomes(("learning_rate",), "training.learning_rate", model.learning_rate)
    yield Becomes(("weight_decay",), "training.weight_decay", model.weight_decay)
    yield Becomes(("grad_clip_norm",), "training.clip_norm", model.grad_clip_norm)
    yield Becomes(("random_seed",), "training.seed", model.random_seed)
    if flat.grows:
        because = "growth ends by itself, so early stopping does not come along"
        yield Becomes(("enabled", "patience", "monitor_metric"), "training.early_stopping", None, because)
        return
    monitor, because = monitored(model, model.monitor_metric)
    stopping = {"monitor": monitor, "patience": model.patience}
    yield Becomes(("patience", "monitor_metric"), "training.early_stopping", stopping, because)


def monitored(model: FlatModel, metric: Monitor) -> tuple[str, str]:
    """What a value that is monitored is called now, and why it is another one, if it is."""
    same = {"reconstruction_loss": "reconstruction", "kl_loss": "kl_z", "kl_z": "kl_z"}
    if model.c_regularizer != "logit_mog" and model.prior_type != "standard":
        same["kl_c"] = "kl_c"
    if model.label_weight > 0:
        same["classification_loss"] = "tau" if model.use_tau_classifier else "classifier"
    computed = metric in {"loss", "auto", *same}
    return same.get(metric, "loss"), "" if computed else f"this file weighs no term that is `{metric}`"


def _data(flat: Flat) -> Iterator[Step]:
    data = flat.data
    yield Becomes(("dataset",), "data.kind", data.dataset)
    if data.num_samples is not None:
        yield Becomes(("num_samples",), "data.num_samples", data.num_samples)
    if data.num_labeled is not None:
        yield Becomes(("num_labeled",), "data.num_labeled", data.num_labeled)
    yield Becomes(("val_split",), "data.validation", flat.model.val_split)
    own = data.seed is not None
    yield Becomes(
        ("seed",) if own else ("random_seed",), "data.seed", data.seed if own else flat.model.random_seed
    )


def _without_consequence() -> Iterator[Step]:
    """Keys that need no successor."""
    yield Dropped(
        ("soft_embedding_warmup_epochs", "use_contrastive", "contrastive_weight"), "it never did anything"
    )
    yield Dropped(("use_component_aware_decoder",), "it never did anything; decoder_conditioning says it all")
    yield Dropped(("num_classes",), "the data say how many labels there are")
    yield Dropped(("mixture_history_log_every",), "every epoch is in the history")
    yield Dropped(("use_tau_classifier", "tau_smoothing_alpha"), "nothing is trained through τ")
    yield Dropped((*FlatExperiment.model_fields,), "runs are named after what was run, or by --name")
