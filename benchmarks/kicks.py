"""What helps a new channel to keep samples: where it starts, and how it is kicked.

    python -m benchmarks.kicks [--seeds 5] [--ways jitter "clusters, soften" …]

On the embedded digits, four channels train for 40 epochs; then another one opens every 15 epochs, six in all, and stays
open whatever it does. A new channel has settled when it owns at least 2 % of the held-out samples ten epochs after its
kick is over. All seeds train in one program. `held` adds hard choices (`straight_through`) and `logit_mog`, which a
kick may relax.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common import arguments, progress, report, trained
from rcmvae.config import load_config
from rcmvae.structs import Signals

OPENINGS = [40, 55, 70, 85, 100, 115]
KICK, LATER, SHARE = 3, 10, 0.02
PLAIN = "soften: 1"


class Way(NamedTuple):
    """How a new channel starts and is kicked, and what else is changed in the recipe."""

    start: str
    kick: str = ""
    changes: tuple[str, ...] = ()


# Choices are hard, and logits are drawn to the corners: what a kick can relax.
HELD = ("model.routing=straight_through", "objective.logit_mog=1")
JITTER = f"kind: jitter, {PLAIN}"
WAYS = {
    "fresh weights": Way(f"kind: fresh, {PLAIN}"),
    "fresh, bias": Way(f"kind: fresh, {PLAIN}", "logit_bias: 3"),
    "fresh, temperature": Way(f"kind: fresh, {PLAIN}", "temperature: 2.5"),
    "jitter": Way(JITTER),
    "jitter, temperature": Way(JITTER, "temperature: 2.5"),
    "jitter, soften": Way("kind: jitter, soften: 0.4"),
    "clusters": Way(f"kind: clusters, {PLAIN}"),
    "clusters, temperature": Way(f"kind: clusters, {PLAIN}", "temperature: 2.5"),
    "clusters, soften": Way("kind: clusters, soften: 0.4"),
    "held: jitter": Way(JITTER, changes=HELD),
    "held: jitter, straight_through": Way(JITTER, "straight_through: 0", HELD),
    "held: jitter, logit_mog": Way(JITTER, "logit_mog: 0", HELD),
}


def settled(way: Way, seeds: int) -> list[list[float]]:
    """For every seed, the share of each new channel ten epochs after its kick."""
    kicked = f"{{epochs: {KICK}, {way.kick}}}" if way.kick else "{epochs: 0}"
    curriculum = (
        f"{{initial: 4, trial: {KICK}, stop_after: 99, policy: {{kind: scheduled, at: {OPENINGS}}}, "
        f"start: {{{way.start}}}, kick: {kicked}, finish: {{epochs: 1}}}}"
    )
    overrides = [f"curriculum={curriculum}", "training.epochs=135", f"training.seeds={seeds}", *way.changes]
    overrides += [f"objective.{name}=1" for name in ("reconstruction", "kl_z", "kl_c")]
    config = load_config("configs/digits.yaml", [*overrides, "training.learning_rate=1.5e-3"])
    usage: list[np.ndarray] = []
    opened: list[dict[int, int]] = [{} for _ in range(seeds)]

    def watch(signals: Sequence[Signals]) -> None:
        usage.append(np.stack([one.usage for one in signals]))
        for replica, one in enumerate(signals):
            if one.unlocked is not None:
                opened[replica][one.unlocked] = one.epoch

    trained(config, listeners=[watch])
    return [
        [float(usage[epoch + KICK + LATER - 1][replica, channel]) for channel, epoch in mine.items()]
        for replica, mine in enumerate(opened)
    ]


def measure(name: str, seeds: int) -> dict[str, Any]:
    shares = settled(WAYS[name], seeds)
    kept = [np.mean([share >= SHARE for share in mine]) for mine in shares]
    return {
        "start and kick": name,
        "new channels": sum(len(mine) for mine in shares),
        "settled": float(np.mean(kept)),
        "sd over seeds": float(np.std(kept, ddof=1)) if len(kept) > 1 else 0.0,
        "mean share": float(np.mean([share for mine in shares for share in mine])),
    }


def main() -> None:
    parser = arguments(__doc__, seeds=5)
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=[*WAYS])
    args = parser.parse_args()
    measured = (measure(name, args.seeds) for name in args.ways)
    title = f"New channels that own 2 % ten epochs after their kick, seeds 0 to {args.seeds - 1}"
    report(args.results, "kicks", title, [*progress(measured)])


if __name__ == "__main__":
    main()
