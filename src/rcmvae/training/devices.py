"""The mesh that a batch is spread over. One device is a mesh of one: there is no other code path."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, PyTree, Shaped

from rcmvae.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Devices:
    """A one-dimensional mesh: weights and data on every device, each batch split over them."""

    mesh: Mesh

    @classmethod
    def take(cls, count: int | None, batch_size: int) -> "Devices":
        """The first `count` devices of all processes, or all of them."""
        present = jax.devices()
        count = len(present) if count is None else count
        if count > len(present):
            raise ConfigError(
                f"training.devices is {count}, but only {len(present)} "
                f"({present[0].platform}) can be used here: give a smaller number, or null to use all."
            )
        if batch_size % count:
            raise ConfigError(
                f"training.batch_size is {batch_size}, which does not divide evenly over {count} devices: "
                f"{batch_size // count * count or count} would."
            )
        idle = jax.process_count() - len({device.process_index for device in present[:count]})
        if idle:
            raise ConfigError(
                f"training.devices is {count}, which leaves {idle} of {jax.process_count()} processes without a "
                f"device: every process must take part. null uses all {len(present)} devices."
            )
        return cls(Mesh(np.array(present[:count]), ("batch",)))

    @property
    def replicated(self) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec())

    def put(self, tree: PyTree) -> Any:
        """A copy on every device of every process; each process gives the same."""
        return jax.device_put(jax.tree.map(np.asarray, tree), self.replicated)

    def shard(self, index: Int[Array, " B"]) -> Int[Array, " B"]:
        """Split a batch's indices, and with them the whole step, over the devices."""
        return jax.lax.with_sharding_constraint(index, NamedSharding(self.mesh, PartitionSpec("batch")))

    def agree(self, value: int) -> int:
        """The largest value that any process gives: what one process decides, all do."""
        if jax.process_count() == 1:
            return value
        return int(np.max(multihost_utils.process_allgather(np.int32(value))))

    def agree_on_text(self, text: str) -> str:
        """What the lead process says, at most 4,096 bytes of it."""
        if jax.process_count() == 1:
            return text
        padded = np.frombuffer(text.encode().ljust(4096, b"\0"), np.uint8)
        return np.asarray(multihost_utils.broadcast_one_to_all(padded)).tobytes().rstrip(b"\0").decode()

    def as_lead_has(self, array: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
        """The lead process's array, where the last bits of others may differ from it."""
        if jax.process_count() == 1:
            return array
        return np.asarray(multihost_utils.broadcast_one_to_all(array))

    @staticmethod
    def meet() -> None:
        """Wait until every process is here, and so has written what it writes."""
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("meet")

    @property
    def is_lead(self) -> bool:
        """Whether this process writes the files and talks to the terminal."""
        return jax.process_index() == 0
