"""Run by test_devices.py in a process that has four devices: the same training on one of them and on all."""

import json
import sys
from typing import Any

import jax

from rcmvae.errors import ConfigError
from rcmvae.model import Stage
from rcmvae.training.epoch import compile_epoch
from tests.training.small import bench, tiny

VIEWED = {"objective": {"consistency": {"weight": 1.0, "views": ["neighbours", "jitter"]}}}
HIDDEN = 24  # a size that nothing else in the program has
MODEL = {"model": {"trunk": {"kind": "dense", "hidden": [HIDDEN]}}}


def trained(devices: int | None) -> list:
    on = bench(tiny(VIEWED, MODEL, devices=devices, seeds=2, epochs=2))
    return [[one.train, one.validation] for signals in on.fit().epochs for one in signals]


def program(devices: int) -> dict:
    on = bench(tiny(VIEWED, MODEL, devices=devices, seeds=2, epochs=2))
    run = compile_epoch(on.setting.plan, on.setting.devices)
    compiled = run.lower(Stage.DECODE, on.setting.start, on.train).compile()  # pyright: ignore[reportFunctionMemberAccess]
    text = compiled.as_text()
    return {
        "sums_over_devices": text.count("all-reduce("),
        "whole_batches": text.count(f"f32[2,32,{HIDDEN}]"),
        "quarters": text.count(f"f32[2,8,{HIDDEN}]"),
        "flops": compiled.cost_analysis()["flops"],
    }


def refused(**training: Any) -> str:
    try:
        bench(tiny(**training))
    except ConfigError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    assert len(jax.devices()) == 4
    result = {
        "one": trained(1),
        "four": trained(None),
        "programs": [program(1), program(4)],
        "indivisible": refused(batch_size=30),
        "too_many": refused(devices=5),
    }
    sys.stdout.write(json.dumps(result) + "\n")
