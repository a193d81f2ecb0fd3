"""What the section `curriculum` of an earlier, flat configuration file stands for now."""

from collections.abc import Iterator

from rcmvae.config.legacy_keys import Flat, FlatCurriculum, FlatKick, FlatModel, FlatUnlock, read
from rcmvae.config.legacy_steps import Becomes, Dropped, Step, monitored
from rcmvae.curriculum.options import Finish
from rcmvae.errors import ConfigError
from rcmvae.options import Options


class Growth(Options):
    """What is in the section when channels grow."""

    unlock: FlatUnlock = FlatUnlock()
    kick: FlatKick = FlatKick()

    @property
    def trial(self) -> int:
        """How long a new channel is on trial: it cannot be judged while it is kicked."""
        return max(1, self.kick.under_either("epochs"))


class Growing(Options):
    """The section in its file, so that problems are told under their full path."""

    curriculum: Growth = Growth()


def growth_of(flat: Flat) -> Growth:
    """The mappings of the section, read strictly."""
    section = {"unlock": flat.curriculum.unlock, "kick": flat.curriculum.kick}
    return read(Growing, {"curriculum": section}).curriculum


def curriculum_refused(flat: Flat) -> Iterator[str]:
    """A sentence for everything in the section that has no place now."""
    if not flat.grows:
        return
    asked, K = flat.curriculum, flat.model.num_components
    for name, count in (("k_active_init", asked.k_active_init), ("k_active_max", asked.k_active_max or 0)):
        if count > K:
            yield f"curriculum.{name} is {count}, but model.num_components allows only {K} channels."
    if asked.k_active_max is not None and asked.k_active_max < asked.k_active_init:
        yield (
            f"curriculum.k_active_max is {asked.k_active_max}, but curriculum.k_active_init already opens "
            f"{asked.k_active_init} channels."
        )
    try:
        trial = growth_of(flat).trial
    except ConfigError as error:
        yield str(error)
        return
    if flat.model.max_epochs < trial + 2:
        yield (
            f"model.max_epochs is {flat.model.max_epochs}, but a new channel takes {trial} (curriculum.kick.epochs, or "
            f"1), and an epoch goes before and one after it: make it at least {trial + 2}."
        )


def curriculum_steps(flat: Flat) -> Iterator[Step]:
    """The section, key by key."""
    if not flat.grows:
        standard = "the earlier `standard` prior had no channels to open"
        because = standard if flat.curriculum.enabled else "all channels are open from the start"
        yield Dropped((*FlatCurriculum.model_fields,), because)
        return
    growth = growth_of(flat)
    yield Becomes(("k_active_init",), "curriculum.initial", flat.curriculum.k_active_init)
    yield Becomes(("k_active_max",), "curriculum.limit", flat.curriculum.k_active_max)
    yield from _unlock(growth.unlock, flat.model)
    yield from _kick(growth, flat.model)
    because = "a new channel began with the weights that were first drawn"
    yield Becomes(("enabled",), "curriculum.start", {"kind": "fresh", "soften": 1.0}, because)
    yield Becomes(("enabled",), "curriculum.index", "next", "no index was used twice")
    epochs = min(Finish().epochs, flat.model.max_epochs - 1 - growth.trial)
    because = "the earlier learning rate did not fall; training ends so long after growth"
    yield Becomes(("enabled",), "curriculum.finish", {"epochs": epochs, "rate": 1.0}, because)


def _unlock(unlock: FlatUnlock, model: FlatModel) -> Iterator[Step]:
    because = "every new channel stays, and nothing is counted while it is on trial"
    yield Becomes(("unlock.policy",), "curriculum.policy.kind", unlock.policy, because)
    monitor, because = monitored(model, unlock.monitor)
    yield Becomes(("unlock.monitor",), "curriculum.policy.monitor", monitor, because)
    values = {
        "min_delta": (("min_delta",), unlock.min_delta),
        "patience": (("patience", "patience_epochs"), unlock.under_either("patience")),
        "cooldown": (("cooldown", "cooldown_epochs"), unlock.under_either("cooldown")),
    }
    for name, (keys, value) in values.items():
        if unlock.model_fields_set.intersection(keys):
            yield Becomes(tuple(f"unlock.{key}" for key in keys), f"curriculum.policy.{name}", value)
    given = unlock.under_either("stop_after")
    because = "" if given else "never: there are no more trials than channels"
    keys = ("unlock.stop_after", "unlock.max_failed")
    yield Becomes(keys, "curriculum.stop_after", given or model.num_components, because)


def _kick(growth: Growth, model: FlatModel) -> Iterator[Step]:
    """Only what was given: the earlier kick changed nothing else, as now."""
    kick, keys = growth.kick, ("kick.epochs", "kick.num_epochs")
    yield Becomes(keys, "curriculum.trial", growth.trial, "a new channel is judged once its kick is over")
    yield Becomes(keys, "curriculum.kick.epochs", float(kick.under_either("epochs")))
    hard = model.use_gumbel_softmax and model.use_straight_through_gumbel and not model.top_m_gating
    relaxed = model.c_regularizer != "categorical"
    share = 1.0 if kick.straight_through or not hard else 0.0
    factor = kick.logit_mog_scale if relaxed else 1.0
    values = {
        "temperature": ("temperature", kick.temperature, ""),
        "logit_bias": ("logit_bias", kick.logit_bias, ""),
        "straight_through": ("straight_through", share, "" if hard else "this file makes no hard choice"),
        "logit_mog_scale": ("logit_mog", factor, "" if relaxed else "this file has no such term"),
    }
    for key, (name, value, because) in values.items():
        if key in kick.model_fields_set:
            lasts = kick.under_either("epochs") > 0
            becomes = Becomes((f"kick.{key}",), f"curriculum.kick.{name}", value, because)
            yield becomes if lasts else Dropped((f"kick.{key}",), "the kick lasted no epoch")
