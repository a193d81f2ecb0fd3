"""Trained weights without their data: all that must be known of those is beside them."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Int

from rcmvae.config import Config
from rcmvae.curriculum import ChannelTree
from rcmvae.data.arrays import Stored
from rcmvae.errors import DataError, RunError, spelled
from rcmvae.findings import place_of
from rcmvae.inference.programs import Uses
from rcmvae.labels import Names
from rcmvae.naming import kept
from rcmvae.results import AS_PROPOSED, Cut
from rcmvae.run import DataCard, RunDirectory
from rcmvae.setting import parts_of, plan_of
from rcmvae.training import Checkpoints, Devices, Plan, TrainState, begin, blank_states


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What must be known of training samples to take others for its like."""

    name: str  # of what was trained, as sentences call it
    config: Config
    card: DataCard

    def accept(self, x: Stored, where: str) -> Stored:
        """The same samples, if they are such as the run was trained on; a sentence if not."""
        name, card = self.name, self.card
        shape = x.shape[1:]
        if shape != card.shape:
            raise DataError(
                f"A sample of {where} has the shape {spelled(shape)}, but {name} was trained on samples of "
                f"{spelled(card.shape)}.{self._way_to_shape(shape)}"
            )
        if str(x.dtype) != card.dtype:
            raise DataError(
                f"The samples of {where} are {x.dtype}, but {name} was trained on {card.dtype}: a number would mean "
                f"something else. {WAYS[card.dtype]}"
            )
        self._refuse_outside(x, where)
        return x

    def _way_to_shape(self, shape: tuple[int, ...]) -> str:
        card = self.card
        if (1, *shape) in {(1, *card.shape[:-1], 1), (1, *card.shape)} or shape == card.shape[1:2]:
            return " A lone sample x is given as x[None]."
        if len(shape) == len(card.shape) == 3:
            color = {1: " color=grey", 3: " color=rgb"}.get(card.shape[2], "")
            return f" Image files are brought to that with resize={list(card.shape[:2])}{color}."
        if np.prod(shape) == np.prod(card.shape):
            return " They have as many values: reshape them."
        return ""

    def _refuse_outside(self, x: Stored, where: str) -> None:
        output = self.config.model.decoder.output
        if not output.requires_unit_range:
            return
        scaled = np.asarray(self.card.scaling(np.stack([x.min(axis=0), x.max(axis=0)])))
        low, high = float(scaled.min()), float(scaled.max())
        if low < 0 or high > 1:
            raise DataError(
                f"The samples of {where} lie in [{low:.4g}, {high:.4g}] once they are scaled as those of the training, "
                f"but the {output.kind_name()} output of {self.name} describes values in [0, 1]."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reader(Known):
    """A run, as far as reading samples for it takes."""

    run: RunDirectory

    @classmethod
    def of(cls, run: RunDirectory) -> "Reader":
        """Without its weights."""
        return cls(name=str(run.path), config=run.config, card=run.card, run=run)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weights(Known):
    """Trained weights with all that it takes to apply them to samples, on one device."""

    devices: Devices
    uses: Uses
    state: TrainState
    tree: ChannelTree
    names: Names | None = None  # of the channels, where labels were counted
    cut: Cut = AS_PROPOSED

    @property
    def plan(self) -> Plan:
        return self.uses.plan

    @property
    def groups(self) -> Int[np.ndarray, " K"]:
        """The group of each channel where the tree is cut."""
        return self.cut(self.tree)


WAYS = {
    "uint8": "Give bytes from 0 to 255, such as (255 * x).round().astype('uint8') of shares of 1.",
    "float32": "Give floats in the units of the training samples, such as x.astype('float32').",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained(Weights):
    """One seed of a finished run."""

    run: RunDirectory
    seed: int

    @classmethod
    def open(
        cls,
        path: Path | str,
        seed: int | None = None,
        *,
        cut: Cut = AS_PROPOSED,
        nameless: bool = False,
    ) -> "Trained":
        """A finished run's weights: of this seed, or of its best; `nameless` leaves out what channels are called."""
        cut.check()
        run = RunDirectory.find(path)
        config, card = run.config, run.card
        summary, at = place_of(run, seed)
        tree = ChannelTree.from_json(summary["channel_tree"][at])
        cut(tree)  # refused before any compute, where there are not so many channels
        run.refuse_edits(config)
        options = config.training
        devices = Devices.take(1, options.batch_size)
        blank, skeleton = blank_states(*parts_of(config), card.shape, card.num_classes)
        plan = plan_of(config, skeleton, card.scaling, card.splits["train"])
        with Checkpoints(run.checkpoints, options.checkpoint) as checkpoints:
            found = checkpoints.restore(begin(plan, devices.put(blank)))
        names = None if nameless else kept(run)
        return cls(
            name=str(run.path),
            config=config,
            card=card,
            devices=devices,
            uses=Uses.of(plan),
            state=jax.tree.map(lambda leaf: leaf[at], found.arrays.chosen),
            tree=tree,
            cut=cut,
            names=None if names is None else names[at],
            run=run,
            seed=summary["seeds"][at],
        )

    @property
    def whose(self) -> str:
        """The end of a sentence that says which of several seeds this is; nothing where there is one."""
        return f", by seed {self.seed}" if self.config.training.seeds > 1 else ""


def refuse_closed(trained: Weights, channel: int) -> None:
    """A sentence for a channel that is not there, or that is closed."""
    active = np.asarray(trained.state.active)
    if not 0 <= channel < len(active):
        raise RunError(f"channel is {channel}, but {trained.name} has channels 0 to {len(active) - 1}.")
    if not active[channel]:
        opened = ", ".join(map(str, np.flatnonzero(active)))
        raise RunError(f"Channel {channel} of {trained.name} is closed: open are {opened}.")
