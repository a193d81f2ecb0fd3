"""Shape annotations of the package are checked while the tests run, and no array broadcasts by accident."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Tests run many programs briefly: most of their time is compiling. So no time is spent on optimising or on cutting
# programs into parts, the emitters are those that compile fastest, and what one process has compiled, all others of
# this session read: workers and the processes that tests start inherit these names. Before JAX is imported.
if "PYTEST_XDIST_WORKER" not in os.environ:
    compiled = tempfile.mkdtemp(prefix="compiled-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ |= {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0 "
        "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 "
        "--xla_llvm_disable_expensive_passes=true",
        "JAX_COMPILATION_CACHE_DIR": compiled,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }

import hypothesis
import jax
import jaxtyping
import pytest

from tests import typecheck

jaxtyping.install_import_hook("rcmvae", f"{typecheck.__name__}.checked")

# How long an example takes depends on who else uses the machine.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# A worker takes a file at a time. Those that train runs or start processes come first, so that none is last alone.
LONG = (
    *("e2e", "test_experiment.py", "test_readme.py", "test_extending.py", "training", "estimator"),
    *("figures", "cli", "inference", "laws"),
)
# What these put together, others check call by call; here annotations are left alone, to save time.
WHOLE = (
    *("e2e", "test_experiment.py", "test_readme.py", "training/test_growing.py", "inference"),
    *("estimator", "figures/test_laws.py"),
)
LOSSES = "core/loss_curves"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    here = item.path.relative_to(Path(__file__).parent).as_posix()
    jaxtyping.config.update("jaxtyping_disable", here.startswith(WHOLE))


@pytest.fixture(scope="module")
def coarse() -> Iterator[None]:
    """Figures of few pixels: drawing all that a report shows takes seconds."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rcmvae.figures.drawing.DPI", 30)
        yield


@pytest.fixture
def sketched(coarse: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports that draw one figure: where a test is not about what is shown."""
    from rcmvae.diagnostics import Absent
    from rcmvae.figures import FIGURES, OF_CHANNELS

    def absent(*_: object) -> Absent:
        return Absent("This test is about something else.")

    few = dict.fromkeys(FIGURES, absent) | {LOSSES: FIGURES[LOSSES]}
    monkeypatch.setattr("rcmvae.figures.drawing.FIGURES", few)
    monkeypatch.setattr("rcmvae.figures.drawing.OF_CHANNELS", dict.fromkeys(OF_CHANNELS, absent))


# Compiled programs and traces are many and stay: walking over all of them again and again finds nothing to free.
gc.set_threshold(50_000, 20, 100)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")


def pytest_configure(config: pytest.Config) -> None:
    # A program that another process has not quite written yet is compiled instead.
    config.addinivalue_line("filterwarnings", "ignore:Error reading persistent compilation cache entry")
