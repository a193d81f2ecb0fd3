"""What is trained where a person says nothing: the recipes of configs/, made to measure for the samples at hand."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

STEPS = 6000  # that a training is worth, where it is not cut short by `most` epochs
SMALL = 16  # pixels a side, below which an image is small


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A model and its objective, and how long they train."""

    model: Mapping[str, Any]
    views: list[Any]  # what may change without a sample becoming another kind of thing
    batch_size: int
    least: int  # epochs, however many samples there are
    most: int  # and however few
    alone: float = 0.0  # share of the epochs in which only the routing learns
    rising: float = 0.0  # share of the epochs in which the learning rate rises,
    rate: tuple[float, float] | None = (
        None  # from where it falls to where; as the configuration has it if None
    )

    def epochs(self, num_samples: int) -> int:
        """More for few samples: so many epochs make `STEPS` steps."""
        steps = math.ceil(num_samples / self.batch_size)
        return min(max(round(STEPS / steps), self.least), self.most)

    def settings(self, epochs: int) -> dict[str, Any]:
        """The configuration of a training over so many epochs."""
        begin = round(self.alone * epochs)
        weight = {"kind": "piecewise", "at": [begin], "values": [0, 1]} if begin else 1
        found: dict[str, Any] = {
            "model": dict(self.model),
            "objective": {
                "reconstruction": {"weight": weight},
                "kl_z": {"weight": weight},
                "kl_c": {"weight": weight},
                "consistency": {"weight": 100, "views": self.views},
                "usage_entropy": -100,
                "confidence": 50,
            },
            "training": {"epochs": epochs},
        }
        if self.rate is not None:
            start, end = self.rate
            falling = {"kind": "cosine", "start": start, "end": end, "epochs": epochs}
            found["training"]["learning_rate"] = {
                "kind": "warmup",
                "epochs": self.rising * epochs,
                "then": falling,
            }
        return found


def _model(trunk: list[int], own: list[int], hidden: list[int], **others: Any) -> dict[str, Any]:
    """Channels with a decoder of their own, and nothing else that tells them apart."""
    output = others.pop("output")
    return {
        "embedding_dim": 0,
        "trunk": {"kind": "dense", "hidden": trunk},
        "decoder": {
            "backbone": {"kind": "experts", "own": own, "hidden": hidden},
            "conditioner": "none",
            "output": output,
        },
        **others,
    }


VECTORS = Recipe(
    model=_model([64, 32], [32], [64], output={"kind": "gaussian", "sigma": 0.5}),
    views=[{"kind": "jitter", "scale": 0.3, "drop": 0.2}],
    batch_size=64,
    least=10,
    most=200,
)
SMALL_IMAGES = Recipe(
    model=_model([256, 128], [128], [128], output="bernoulli", routing={"kind": "top_m", "m": 1}),
    views=[{"kind": "warp", "stroke": 0.15, "elastic": 0.06}],
    batch_size=128,
    least=28,
    most=100,
    alone=0.4,
    rising=0.09,
    rate=(3e-3, 1.5e-4),
)
IMAGES = Recipe(
    model=_model([512, 256], [256], [256, 256], output="bernoulli", routing={"kind": "top_m", "m": 1}),
    views=["warp"],
    batch_size=256,
    least=28,
    most=100,
    alone=10 / 28,
    rising=0.5 / 28,
    rate=(1.5e-3, 5e-5),
)


def recipe_for(shape: tuple[int, ...]) -> Recipe:
    """The recipe for samples of this shape.

    >>> recipe_for((13,)) is VECTORS, recipe_for((8, 8, 1)) is SMALL_IMAGES
    (True, True)
    """
    if len(shape) == 1:
        return VECTORS
    return SMALL_IMAGES if min(shape[:2]) < SMALL else IMAGES


def even_batch(num_samples: int, most: int) -> int:
    """A batch of at most so many samples that leaves the fewest out of an epoch.

    >>> even_batch(178, 64), even_batch(20, 64), even_batch(64, 64)
    (59, 20, 64)
    """
    return num_samples // math.ceil(num_samples / most)
