"""Makes the pictures of the README anew: `make images`. Trains the demo, and keeps two of its figures, smaller."""

import tempfile
from pathlib import Path

from PIL import Image

from rcmvae import experiment

HERE = Path(__file__).parent
WIDTH = 900  # pixels, as wide as a README is shown
FIGURES = {"channels": "mixture/channel_latents_grid", "reconstructions": "core/reconstructions"}


def main() -> None:
    """Train in a folder that goes away again."""
    with tempfile.TemporaryDirectory() as folder:
        config = experiment.as_config(HERE.parents[1] / "configs" / "digits.yaml")
        placed = config.run.model_copy(update={"directory": Path(folder)})
        run = experiment.train(config.model_copy(update={"run": placed}))
        for name, figure in FIGURES.items():
            with Image.open(run.path / "figures" / f"{figure}.png") as drawn:
                small = drawn.convert("RGB")
                small.thumbnail((WIDTH, small.height), Image.Resampling.LANCZOS)
                small.quantize(128).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
