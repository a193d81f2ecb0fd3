"""The keys of earlier, flat configuration files, with the defaults that they had there."""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from rcmvae.config.places import Place
from rcmvae.config.problems import Found, explain, lookalikes
from rcmvae.config.text import inline
from rcmvae.errors import ConfigError, raise_all
from rcmvae.options import Options

Monitor = Literal["auto", "loss", "reconstruction_loss", "kl_loss", "kl_z", "kl_c", "classification_loss"]


class FlatModel(Options):
    """The section `model`, which held the objective and the training too."""

    num_components: PositiveInt = 10
    latent_dim: PositiveInt = 2
    latent_layout: Literal["shared", "decentralized"] = "shared"
    encoder_type: Literal["conv", "dense"] = "conv"
    decoder_type: Literal["conv", "dense"] = "conv"
    hidden_dims: tuple[PositiveInt, ...] = Field(default=(256, 128, 64), min_length=1)

    reconstruction_loss: Literal["bce", "mse"] = "bce"
    recon_weight: NonNegativeFloat | None = None  # 1 with bce, 500 with mse
    use_heteroscedastic_decoder: bool = False
    sigma_min: PositiveFloat = 0.05
    sigma_max: PositiveFloat = 0.5
    decoder_conditioning: Literal["cin", "film", "concat", "none"] = "cin"
    component_embedding_dim: PositiveInt = 32

    use_gumbel_softmax: bool = True
    use_straight_through_gumbel: bool = True
    gumbel_temperature: PositiveFloat = 2.0
    gumbel_temperature_min: PositiveFloat = 0.5
    gumbel_temperature_anneal_epochs: NonNegativeInt = 100
    top_m_gating: NonNegativeInt = 0

    c_regularizer: Literal["categorical", "logit_mog", "both"] = "logit_mog"
    kl_weight: NonNegativeFloat = 1.0
    kl_c_weight: NonNegativeFloat = 0.05
    kl_c_anneal_epochs: NonNegativeInt = 0
    c_logit_prior_weight: NonNegativeFloat = 1.0
    c_logit_prior_mean: float = 7.0
    c_logit_prior_sigma: PositiveFloat = 1.0
    component_diversity_weight: float = -5.0

    prior_type: Literal["standard", "mixture", "vamp", "geometric_mog"] = "mixture"
    learnable_pi: bool = False
    dirichlet_alpha: PositiveFloat | None = None
    dirichlet_weight: NonNegativeFloat = 1.0
    vamp_num_samples_kl: PositiveInt = 1
    vamp_pseudo_lr_scale: PositiveFloat = 0.1
    vamp_pseudo_init_method: Literal["random", "kmeans"] = "random"
    geometric_arrangement: Literal["circle", "grid"] = "circle"
    geometric_radius: PositiveFloat = 2.0

    use_tau_classifier: bool = False
    tau_smoothing_alpha: PositiveFloat = 1.0
    label_weight: NonNegativeFloat = 0.0
    classifier_type: Literal["dense"] = "dense"
    dropout_rate: float = Field(default=0.2, ge=0, lt=1)

    learning_rate: PositiveFloat = 1e-3
    batch_size: PositiveInt = 128
    max_epochs: PositiveInt = 300
    patience: PositiveInt = 50
    val_split: float = Field(default=0.1, gt=0, lt=1)
    random_seed: NonNegativeInt = 42
    grad_clip_norm: PositiveFloat | None = 1.0
    weight_decay: NonNegativeFloat = 1e-4
    l1_weight: NonNegativeFloat = 0.0
    monitor_metric: Monitor = "loss"

    # These never did anything, or no longer need to be said.
    soft_embedding_warmup_epochs: NonNegativeInt = 0
    use_contrastive: bool = False
    contrastive_weight: NonNegativeFloat = 0.0
    num_classes: PositiveInt | None = None
    use_component_aware_decoder: bool = False
    mixture_history_log_every: PositiveInt = 1


class FlatData(Options):
    """The section `data`."""

    dataset: Literal["mnist", "fashion_mnist", "digits"] = "mnist"
    num_samples: PositiveInt | None = None
    num_labeled: NonNegativeInt | None = None
    seed: NonNegativeInt | None = None  # that of the model


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"it must be a mapping, but it is `{inline(value)}`.")  # noqa: TRY004 — told by pydantic
    return value


AnyKeys = Annotated[dict[str, Any], BeforeValidator(_mapping)]


class FlatCurriculum(Options):
    """The section `curriculum`. What `unlock` and `kick` hold matters only where it is enabled."""

    enabled: bool = False
    k_active_init: PositiveInt = 1
    k_active_max: PositiveInt | None = None  # all
    unlock: AnyKeys = Field(default_factory=dict)
    kick: AnyKeys = Field(default_factory=dict)


class TwoNames(Options):
    """Options some of which may be written under another name."""

    other_name: ClassVar[dict[str, str]] = {}

    @model_validator(mode="after")
    def _one_of_them(self) -> "TwoNames":
        for name, other in self.other_name.items():
            if {name, other} <= self.model_fields_set:
                raise ValueError(f"{name} and {other} are two names of one thing: give one of them.")
        return self

    def under_either(self, name: str) -> Any:
        """The value of an option, whichever of its names was used."""
        other = self.other_name[name]
        return getattr(self, other if other in self.model_fields_set else name)


class FlatUnlock(TwoNames):
    """The mapping `curriculum.unlock`."""

    policy: Literal["plateau"] = "plateau"
    monitor: Monitor = "loss"
    min_delta: NonNegativeFloat = 0.0
    patience: PositiveInt = 3
    patience_epochs: PositiveInt = 3
    cooldown: NonNegativeInt = 0
    cooldown_epochs: NonNegativeInt = 0
    stop_after: PositiveInt | None = None  # never
    max_failed: PositiveInt | None = None

    other_name: ClassVar[dict[str, str]] = {
        "patience": "patience_epochs",
        "cooldown": "cooldown_epochs",
        "stop_after": "max_failed",
    }


class FlatKick(TwoNames):
    """The mapping `curriculum.kick`."""

    epochs: NonNegativeInt = 1
    num_epochs: NonNegativeInt = 1
    temperature: PositiveFloat = 1.0
    logit_bias: float = 0.0
    straight_through: bool = True
    logit_mog_scale: float = Field(default=1.0, ge=0, le=1)

    other_name: ClassVar[dict[str, str]] = {"epochs": "num_epochs"}


class FlatExperiment(Options):
    """The section `experiment`."""

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()


class Flat(Options):
    """A whole file."""

    model: FlatModel = FlatModel()
    data: FlatData = FlatData()
    curriculum: FlatCurriculum = FlatCurriculum()
    experiment: FlatExperiment = FlatExperiment()

    @property
    def grows(self) -> bool:
        """Whether channels opened one after another; the standard prior had none to open."""
        return self.curriculum.enabled and self.model.prior_type != "standard"


Keys = TypeVar("Keys", bound=Options)


def read(keys: type[Keys], raw: dict[str, Any]) -> Keys:
    """Plain values as these keys; every problem in them is told at once."""
    problems = [*lookalikes(Found(keys, "", Place(keys)), raw)]
    try:
        found = keys.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys([*explain(keys, error), *problems]))) from error
    raise_all(problems)
    return found
