"""Which conditioners keep latents and responsibilities alive, in shallow and in deep decoders.

    python -m benchmarks.conditioners [--epochs 60] [--seeds 5] [--layers 2 6 10]

Trains on the embedded digits with a dense decoder that hears of its channel through the conditioner alone, and with
the KL of every channel in the loss, which draws unused latents to the prior. A latent is alive where its posterior
mean varies over the samples that its channel owns (variance above 0.01); a routing is alive where responsibilities
are peaked and several channels are used. `cin` is plain normalise-then-modulate; `film_norm` is the same maths behind
a residual mix that starts at 0.
"""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from benchmarks.common import Trained, arguments, progress, report, trained
from rcmvae.config import load_config
from rcmvae.nn import CONDITIONERS
from rcmvae.training import compile_validation


def alive(run: Trained) -> float:
    """Share of used channels whose latent carries information, over replicas."""
    setting, params = run.setting, run.outcome.chosen.params
    x = setting.dataset.scaling(setting.dataset.train.x)
    shares = []
    for replica, r in enumerate(run.responsibility):
        model = eqx.combine(jax.tree.map(lambda leaf, i=replica: leaf[i], params), setting.plan.skeleton)
        mean = np.asarray(eqx.filter_jit(model.encode)(x).mean)
        owner = r.argmax(axis=-1)
        used = [k for k in range(r.shape[-1]) if (owner == k).mean() >= 0.01]
        shares.append(np.mean([mean[owner == k, k].var(axis=0).max() > 0.01 for k in used]))
    return float(np.mean(shares))


def measure(conditioner: str, depth: int, epochs: int, seeds: int) -> dict[str, Any]:
    overrides = [
        f"model.decoder.backbone={{kind: dense, hidden: {[128] * depth}}}",
        f"model.decoder.conditioner={conditioner}",
        "model.embedding_dim=16",
        "objective.kl_z={form: all}",
        "training.batch_size=128",
        f"training.epochs={epochs}",
        f"training.seeds={seeds}",
    ]
    run = trained(load_config(None, overrides))
    validation = compile_validation(run.setting.plan, run.setting.devices)
    means = validation(run.outcome.chosen, run.held_out)
    usage = np.asarray(means["usage"])
    return {
        "layers": depth,
        "conditioner": conditioner,
        "bound": float(np.mean(means["bound"])),
        "bound sd": float(np.std(means["bound"])),
        "KL over all channels": float(np.mean(means["kl_z"])),
        "latents alive": alive(run),
        "mean max r": float(run.responsibility.max(axis=-1).mean()),
        "channels in use": float((usage >= 0.01).sum(axis=-1).mean()),
    }


def main() -> None:
    args = arguments(__doc__, epochs=60, seeds=5, layers=[2, 6, 10]).parse_args()
    measured = (
        measure(conditioner, depth, args.epochs, args.seeds)
        for depth in args.layers
        for conditioner in CONDITIONERS
    )
    title = f"Conditioners on the digits, {args.epochs} epochs, seeds 0 to {args.seeds - 1}"
    report(args.results, "conditioners", title, [*progress(measured)])


if __name__ == "__main__":
    main()
