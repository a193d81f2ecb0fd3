"""Every shape annotation of the package is checked while the tests run, and no array broadcasts by accident."""

import os

# Tests run many programs briefly: most of their time is compiling. Before JAX is imported, and for child processes too.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()

import hypothesis
import jax
from jaxtyping import install_import_hook

from tests import typecheck

install_import_hook("rcmvae", f"{typecheck.__name__}.checked")

# How long an example takes depends on who else uses the machine.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")
