"""The configuration of a run."""

from rcmvae.config.config import Config as Config
from rcmvae.config.load import Loaded as Loaded
from rcmvae.config.load import dump_config as dump_config
from rcmvae.config.load import from_mapping as from_mapping
from rcmvae.config.load import load_config as load_config
from rcmvae.config.load import load_source as load_source
from rcmvae.config.load import load_with_notes as load_with_notes
