"""Training: a compiled epoch, the host's loop around it, and checkpoints."""

from rcmvae.training.checkpoint import Arrays as Arrays
from rcmvae.training.checkpoint import Checkpoint as Checkpoint
from rcmvae.training.checkpoint import Checkpoints as Checkpoints
from rcmvae.training.checkpoint import last_saved as last_saved
from rcmvae.training.codes import compile_codes as compile_codes
from rcmvae.training.collapse import CollapseWatch as CollapseWatch
from rcmvae.training.devices import Devices as Devices
from rcmvae.training.epoch import compile_validation as compile_validation
from rcmvae.training.fit import Listener as Listener
from rcmvae.training.fit import Outcome as Outcome
from rcmvae.training.fit import begin as begin
from rcmvae.training.fit import fit as fit
from rcmvae.training.history import History as History
from rcmvae.training.history import Lines as Lines
from rcmvae.training.history import Row as Row
from rcmvae.training.joint import compile_joint as compile_joint
from rcmvae.training.options import RUN_FILES as RUN_FILES
from rcmvae.training.options import RunOptions as RunOptions
from rcmvae.training.options import TrainingOptions as TrainingOptions
from rcmvae.training.programs import Programs as Programs
from rcmvae.training.state import Pixels as Pixels
from rcmvae.training.state import Plan as Plan
from rcmvae.training.state import TrainState as TrainState
from rcmvae.training.state import blank_states as blank_states
from rcmvae.training.state import compile_fresh as compile_fresh
from rcmvae.training.state import initial_states as initial_states
