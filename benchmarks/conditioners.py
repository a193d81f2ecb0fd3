"""Which conditioners keep latents and responsibilities alive, in shallow and in deep decoders.

    python -m benchmarks.conditioners [--epochs 60] [--seeds 5]

Trains on the embedded digits with a dense decoder that hears of its channel through the conditioner alone, and with
the KL of every channel in the loss, which draws unused latents to the prior. A latent is alive where its posterior
mean varies over the samples that its channel owns (variance above 0.01); a routing is alive where responsibilities
are peaked and several channels are used. `cin` is plain normalise-then-modulate; `film_norm` is the same maths behind
a residual mix that starts at 0.
"""

import argparse
from typing import Any

import equinox as eqx
import jax
import numpy as np

from benchmarks.common import report
from rcmvae.config import Config, load_config
from rcmvae.nn import CONDITIONERS
from rcmvae.setting import Setting
from rcmvae.training import begin, compile_codes, compile_validation, fit

DEPTHS = (2, 6, 10)


def alive(setting: Setting, params: Any, responsibility: np.ndarray) -> float:
    """Share of used channels whose latent carries information, over replicas."""
    x = setting.dataset.scaling(setting.dataset.train.x)
    shares = []
    for replica, r in enumerate(responsibility):
        model = eqx.combine(jax.tree.map(lambda leaf, i=replica: leaf[i], params), setting.plan.skeleton)
        mean = np.asarray(eqx.filter_jit(model.encode)(x).mean)
        owner = r.argmax(axis=-1)
        used = [k for k in range(r.shape[-1]) if (owner == k).mean() >= 0.01]
        shares.append(np.mean([mean[owner == k, k].var(axis=0).max() > 0.01 for k in used]))
    return float(np.mean(shares))


def measure(conditioner: str, depth: int, config: Config) -> dict[str, Any]:
    setting = Setting.prepare(config, None)
    train = setting.on_device(setting.dataset.train)
    held_out = setting.on_device(setting.dataset.validation)
    outcome = fit(setting.plan, setting.devices, begin(setting.plan, setting.start), train, held_out)
    codes = compile_codes(setting.plan, setting.devices)(outcome.chosen, train)
    r = np.stack([one.responsibility for one in codes])
    means = compile_validation(setting.plan, setting.devices)(outcome.chosen, held_out)
    usage = np.asarray(means["usage"])
    return {
        "layers": depth,
        "conditioner": conditioner,
        "bound": float(np.mean(means["bound"])),
        "bound sd": float(np.std(means["bound"])),
        "KL over all channels": float(np.mean(means["kl_z"])),
        "latents alive": alive(setting, outcome.chosen.params, r),
        "mean max r": float(r.max(axis=-1).mean()),
        "channels in use": float((usage >= 0.01).sum(axis=-1).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    rows, config = [], Config()
    for depth in DEPTHS:
        for conditioner in CONDITIONERS:
            overrides = [
                f"model.decoder.backbone={{kind: dense, hidden: {[128] * depth}}}",
                f"model.decoder.conditioner={conditioner}",
                "model.embedding_dim=16",
                "objective.kl_z={form: all}",
                "training.batch_size=128",
                f"training.epochs={args.epochs}",
                f"training.seeds={args.seeds}",
            ]
            config = load_config(None, overrides)
            rows.append(measure(conditioner, depth, config))
    title = f"Conditioners on the digits, {args.epochs} epochs, seeds 0 to {args.seeds - 1}"
    report("conditioners", title, rows, config)


if __name__ == "__main__":
    main()
