"""Which of a bundle's examples are shown."""

import numpy as np
from jaxtyping import Int

from rcmvae.diagnostics import Bundle


def some_of_each(bundle: Bundle, most: int) -> Int[np.ndarray, " e"]:
    """Places among the examples: one of every channel before a second of any, in the order of channels."""
    own = bundle.channel[bundle.pictures.example]
    turn = np.array([np.sum(own[:at] == own[at]) for at in range(len(own))], int)
    first = np.lexsort((np.arange(len(own)), turn))[:most]
    return first[np.argsort(own[first], kind="stable")]
