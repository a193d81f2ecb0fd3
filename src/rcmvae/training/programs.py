"""What is compiled of a plan, each program once and when it is first asked for."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from rcmvae.training.codes import compile_codes
from rcmvae.training.devices import Devices
from rcmvae.training.epoch import compile_epoch, compile_validation
from rcmvae.training.joint import compile_joint
from rcmvae.training.state import Plan


@dataclasses.dataclass(frozen=True)
class Programs:
    """The programs of a training. Trainings that differ in their seeds and in the length of the loop can share them."""

    plan: Plan
    devices: Devices

    @functools.cached_property
    def epoch(self) -> Callable[..., Any]:
        return compile_epoch(self.plan, self.devices)

    @functools.cached_property
    def validation(self) -> Callable[..., Any]:
        return compile_validation(self.plan, self.devices)

    @functools.cached_property
    def codes(self) -> Callable[..., Any]:
        return compile_codes(self.plan, self.devices)

    @functools.cached_property
    def joint(self) -> Callable[..., Any]:
        return compile_joint(self.plan, self.devices)
