"""What all benchmarks share: a table for people, JSON for machines, and the machine's own speed in the same run."""

import argparse
import dataclasses
import datetime
import functools
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from rich.console import Console
from rich.table import Table

from rcmvae.config import Config, load_config
from rcmvae.data import ArraysSource, Dataset, dataset_from_arrays
from rcmvae.diagnostics import Bundle, Clustering, clustering, glance
from rcmvae.model import Stage
from rcmvae.results import Ending, channel_trees, scores
from rcmvae.run import RunDirectory, environment
from rcmvae.setting import Setting
from rcmvae.splits import SplitName
from rcmvae.training import Listener, Outcome, Pixels, begin, compile_codes, fit
from rcmvae.training.checkpoint import Checkpoints
from rcmvae.training.epoch import compile_epoch

RESULTS = Path(__file__).parent / "results"
BOUND = ("reconstruction", "kl_z", "kl_c")  # the terms that make the bound
VIEWS_GUIDE = (
    "objective.reconstruction.guides=false",
    "objective.kl_z.guides=false",
)  # and the bound does not


def arguments(about: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A benchmark's command line: an option for each default, several values where the default is a list."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON (%(default)s)")
    for name, default in defaults.items():
        several = isinstance(default, list)
        kind = type(default[0] if several else default)
        parser.add_argument(f"--{name}", type=kind, nargs="+" if several else None, default=default)
    return parser


def case_arguments(about: str | None, cases: Iterable[str], **defaults: Any) -> argparse.ArgumentParser:
    """The same for a benchmark of several cases, of which some may be chosen."""
    parser, names = arguments(about, **defaults), [*cases]
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    return parser


def matched(found: Int[np.ndarray, " N"], kind: Int[np.ndarray, " N"]) -> float:
    """The accuracy of the best one-to-one matching of what was found and what there is."""
    agreement = clustering(found, kind)
    assert agreement is not None, "these data have labels"
    return agreement.accuracy


@dataclasses.dataclass(frozen=True)
class Trained:
    """A training in memory."""

    setting: Setting
    train: Pixels
    held_out: Pixels
    outcome: Outcome

    @functools.cached_property
    def responsibility(self) -> Float[np.ndarray, "R N K"]:
        """Of the training samples, by seed."""
        codes = compile_codes(self.setting.plan, self.setting.devices)(self.outcome.chosen, self.train)
        return np.stack([one.responsibility for one in codes])

    @property
    def channel(self) -> Int[np.ndarray, " N"]:
        """Which channel owns each training sample, in the first seed."""
        return self.responsibility[0].argmax(axis=-1)

    @property
    def found(self) -> Clustering:
        """What the first seed's channels say of the training samples' labels."""
        found = clustering(self.channel, self.setting.dataset.train.truth)
        assert found is not None, "these data have labels"
        return found

    def scores(self, split: SplitName) -> dict[str, Any]:
        """Every metric of all seeds on a split, as `summary.json` tells them."""
        state = self.outcome.chosen
        return scores(self.setting, state, split, Ending(channel_trees(self.setting, state), names=None))

    @property
    def effort(self) -> dict[str, Any]:
        """What the first seed took."""
        checkpoint = self.outcome.checkpoint
        growth = checkpoint.growth
        return {
            "trials": sum(event.what == "opened" for event in growth[0].events) if growth else 0,
            "epochs": checkpoint.epoch,
            "seconds": checkpoint.seconds,
        }


def trained(config: Config, dataset: Dataset | None = None, listeners: Sequence[Listener] = ()) -> Trained:
    """Prepare the data, and train from the start to the end; nothing is written."""
    setting = Setting.prepare(config, dataset)
    plan, devices = setting.plan, setting.devices
    train, held_out = train_pixels(setting), setting.on_device(setting.dataset.validation)
    apart = setting.telling_apart()
    outcome = fit(plan, devices, begin(plan, setting.start), train, held_out, listeners, told_apart_by=apart)
    if outcome.signal_number is not None:  # half a training is no result
        raise KeyboardInterrupt(f"stopped by signal {outcome.signal_number}")
    return Trained(setting, train, held_out, outcome)


def kept_run(runs: Path, config: Path | str, seed: int) -> Path:
    """Where the run of a configuration with a seed lies in a folder of runs."""
    return runs / f"{Path(config).stem}-{seed}"


def model_of(config: str, seed: int, runs: str = "") -> Trained:
    """That run, if the folder of runs holds it; else the same training in memory."""
    chosen = load_config(config, [f"training.seed={seed}"])
    path = kept_run(Path(runs), config, seed)
    if not (runs and path.is_dir()):
        return trained(chosen)
    run = RunDirectory.find(path)
    if run.config.model_copy(update={"run": chosen.run}) != chosen:
        raise RuntimeError(f"{path} was not trained as {config} says: move it away, or leave --runs out.")
    setting = Setting.prepare(chosen, None)
    with Checkpoints(run.checkpoints, chosen.training.checkpoint) as checkpoints:
        checkpoint = checkpoints.restore(begin(setting.plan, setting.start))
    held_out = setting.on_device(setting.dataset.validation)
    return Trained(setting, train_pixels(setting), held_out, Outcome(checkpoint, signal_number=None))


def lasting(epochs: int, alone: int, rate: float) -> tuple[str, ...]:
    """Overrides for a training of so many epochs, in the first of which only the routing learns.

    The terms of the bound are set anew, so afterwards they guide the routing, too.
    """
    falling = f"{{kind: cosine, start: {rate}, end: 5.0e-5, epochs: {epochs}}}"
    return (
        f"training.epochs={epochs}",
        f"training.learning_rate={{kind: warmup, epochs: 0.5, then: {falling}}}",
        *(later(name, alone) for name in BOUND),
    )


def later(term: str, alone: int, weight: float = 1, **others: str) -> str:
    """An override by which a term counts only after so many epochs."""
    keys = {
        "weight": f"{{kind: piecewise, at: [{alone}], values: [0, {weight}]}}" if alone else weight
    } | others
    return f"objective.{term}={{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


def looked_at(run: Trained, dataset: Dataset, split: str) -> Bundle:
    """What the first seed's weights say of a split."""
    return glance(run.setting.plan, run.setting.devices, run.outcome.chosen, dataset, split)[0]


def median_seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median wall time of a call whose result is waited for; one call to warm up."""
    seconds_of(run)
    return statistics.median(seconds_of(run) for _ in range(repeats))


def seconds_of(run: Callable[[], Any]) -> float:
    """Wall time of a call whose result is waited for."""
    began = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - began


def matmul_rate(size: int = 2048, repeats: int = 10) -> float:
    """Floating-point operations per second of a large float32 product."""
    a = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))
    return 2 * size**3 / median_seconds(lambda: product(a, a), repeats)


def noise_setting(config: Config, samples: int, shape: tuple[int, ...] = (28, 28, 1)) -> Setting:
    """A configuration on random images: what a step costs does not depend on what they show."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (samples, *shape), dtype=np.uint8)
    dataset = dataset_from_arrays(x, options=ArraysSource(validation=config.training.batch_size, test=0))
    return Setting.prepare(config, dataset)


def train_pixels(setting: Setting) -> Pixels:
    return setting.on_device(setting.dataset.train)


def seconds_per_step(setting: Setting, repeats: int) -> float:
    """Median over epochs of a full training step, batch and update included."""
    return median_seconds(epochs_of(setting), repeats) / setting.plan.steps_per_epoch


def epochs_of(setting: Setting) -> Callable[[], Any]:
    """Each call trains one more epoch."""
    run, data = compile_epoch(setting.plan, setting.devices), train_pixels(setting)
    state = setting.start

    def epoch() -> Any:
        nonlocal state
        state, means = run(Stage.DECODE, state, data)
        return means

    return epoch


def progress(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same rows, each printed as soon as it is measured."""
    for row in rows:
        print(row, flush=True)
        yield row


def report(
    folder: Path, name: str, title: str, rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()
) -> None:
    """Print a table, and write it with the environment to a folder of results."""
    show(title, rows, notes)
    Console().print(f"written: {save(folder, name, rows, notes)}", highlight=False)


def show(title: str, rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> None:
    """Print a table, and notes below; lists are for the file alone."""
    table = Table(title=title, title_justify="left")
    columns = [name for name, value in rows[0].items() if not isinstance(value, list)]
    for column in columns:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    console = Console(width=160)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)


def save(folder: Path, name: str, rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> Path:
    """Write rows and notes, with the environment, to a folder of results."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = {
        "benchmark": name,
        "date": datetime.date.today().isoformat(),
        "environment": surroundings(),
        "rows": list(rows),
        "notes": list(notes),
    }
    path = _file(folder, name)
    path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    return path


def saved(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows that were written on a device such as this one; none where there is no such file."""
    path = _file(folder, name)
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def surroundings() -> dict[str, Any]:
    """What numbers depend on beside the program's options."""
    kept = ("python", "cpu_count", "packages", "devices", "git_revision")
    return {name: value for name, value in environment(Config()).items() if name in kept}


def _file(folder: Path, name: str) -> Path:
    device = jax.devices()[0].device_kind.lower().replace(" ", "-")
    return folder / f"{name}-{device}.json"


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
