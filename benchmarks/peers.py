"""What others find in the same images in at least the same time, beside a recipe of ours.

    python -m benchmarks.peers [--first 0] [--seeds 5] [--config configs/mnist.yaml] [--cases VaDE IDEC …]

Nobody sees a label, and all get the number of kinds. In each seed ours goes first; then every deep method goes through
the training images again and again until it has trained for as long as ours took altogether. What it needs to cluster
comes on top, so `seconds / ours` is at least 1 for those; `epochs` is how often it saw the images. Seconds have imports
at first use, compiling, and the labels of the scored images in them. Scored are the test images, or, where a method
gives no labels to new samples, the training images it was fitted to. Seeds measured before stay beside
the new ones.

Settings are the libraries' defaults where nothing is said, but for the epochs. Learning rates are constant.

- `VaDE`, `IDEC`: time is shared between pretraining and clustering as their epochs are by default, 100 to 150.
- `VaDE, published`: batch size and learning rate of Jiang et al. (IJCAI 2017), and their objective, the bound of each
  image; by default the library weighs the reconstruction by the batch size. Their rate also falls by a tenth every ten
  epochs, and their pretraining is layer by layer; neither is done here.
- `N2D, published`: UMAP as McConville et al. (ICPR 2020) set it. The library's default is t-SNE into as many dimensions
  as there are kinds, which scikit-learn refuses from four on.
- `VAE + Gaussians`: pythae's VAE, then a Gaussian mixture, the best of ten, on the means of its codes. `Bernoulli` has
  grey levels as probabilities and batches as large as ours, and ten times the default learning rate.

The authors train far longer than ours takes: VaDE for 500 epochs after pretraining, the autoencoder of N2D for 1,000.
`--times 5` gives the deep methods five times as long as ours took. For a quick look, `--images` takes so many training
images only, and `--seconds` gives the deep methods so long. Needs the dependency group `peers`, and the data of the
configuration.
"""

import dataclasses
import functools
import logging
import operator
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from benchmarks.common import case_arguments, looked_at, progress, report, saved, trained
from rcmvae.config import load_config
from rcmvae.data import Arrays as Split
from rcmvae.data import Dataset, load
from rcmvae.diagnostics import clustering
from rcmvae.seeds import number, spread

Row = dict[str, Any]
Flat = Float[np.ndarray, "N P"]

OURS = "rcmvae"
COMPONENTS, STARTS = 50, 10
IN_TURN = {"pretrain_epochs": 2, "clustering_epochs": 3}  # each lasts a fifth of the time
ONLY_PRETRAINED = {"pretrain_epochs": 1}
FORMS = {"accuracy": "{:.2%}", "NMI": "{:.3f}", "seconds": "{:.0f}", "seconds / ours": "{:.2f}"}


@dataclasses.dataclass(frozen=True)
class Images:
    """What every method gets."""

    config: str
    dataset: Dataset

    @classmethod
    def of(cls, config: str, count: int) -> "Images":
        """The data of a configuration, with so many training images, or with all of them if the count is 0."""
        whole = load(load_config(config).data)
        train, few = whole.train, slice(count or None)
        part = Split(train.x[few], train.label[few], train.truth[few])
        return cls(config, dataclasses.replace(whole, train=part))

    @functools.cached_property
    def train(self) -> Flat:
        return flat(self.dataset.train)

    @functools.cached_property
    def test(self) -> Flat:
        return flat(self.dataset.test)

    @property
    def kinds(self) -> int:
        return self.dataset.num_classes


@dataclasses.dataclass(frozen=True)
class Found:
    """A label for each sample of a split, and how often the training images were seen, where that can be told."""

    label: Int[np.ndarray, " N"]
    split: str = "test"
    epochs: int | None = None


Method = Callable[[Images, int, float], Found]


class Lasting:
    """A loader of which each epoch takes so many seconds, and no less than one pass through the samples."""

    def __init__(self, loader: Any, seconds: float) -> None:
        self.loader, self.seconds, self.passes = loader, seconds, 0
        self.batch_size, self.dataset = loader.batch_size, loader.dataset

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        until = time.perf_counter() + self.seconds
        while True:
            yield from self.loader
            self.passes += 1
            if time.perf_counter() >= until:
                return


def flat(split: Split) -> Flat:
    """Grey levels in [0, 1], a row for each image."""
    return split.x.reshape(len(split), -1) / np.float32(255)


def ours(images: Images, seed: int, _: float) -> Found:
    """The recipe, in memory."""
    run = trained(load_config(images.config, [f"training.seed={seed}"]), images.dataset)
    bundle = looked_at(run, images.dataset, "test")
    return Found(bundle.responsibility.argmax(axis=-1), epochs=run.effort["epochs"])


def k_means(images: Images, seed: int, _: float) -> Found:
    """On pixels, the best of ten."""
    ten: Any = STARTS  # scikit-learn calls it a text
    model: Any = KMeans(images.kinds, n_init=ten, random_state=seed)
    return Found(model.fit(images.train).predict(images.test))


def gaussians(images: Images, seed: int, _: float) -> Found:
    """On principal components."""
    mixture = GaussianMixture(images.kinds, random_state=seed)
    model: Any = make_pipeline(PCA(COMPONENTS, random_state=seed), mixture)
    return Found(model.fit(images.train).predict(images.test))


def fitted(
    name: str,
    images: Images,
    seed: int,
    seconds: float,
    epochs: Mapping[str, int] = IN_TURN,
    batch_size: int = 256,
    **settings: Any,
) -> tuple[Any, int]:
    """An algorithm of ClustPy that has trained for so long, and its passes through the images."""
    deep = import_module("clustpy.deep")
    shuffled, in_order = (
        deep.get_dataloader(images.train, batch_size, shuffle=shuffle) for shuffle in (True, False)
    )
    loader = Lasting(shuffled, seconds / sum(epochs.values()))
    settings |= {"batch_size": batch_size, "custom_dataloaders": (loader, in_order), "random_state": seed}
    model = getattr(deep, name)(images.kinds, **epochs, **settings).fit(images.train)
    return model, loader.passes


def vade(images: Images, seed: int, seconds: float, **settings: Any) -> Found:
    model, passes = fitted("VaDE", images, seed, seconds, **settings)
    return Found(model.predict(images.test), epochs=passes)


def idec(images: Images, seed: int, seconds: float) -> Found:
    model, passes = fitted("IDEC", images, seed, seconds)
    return Found(model.predict(images.test), epochs=passes)


def n2d(images: Images, seed: int, seconds: float) -> Found:
    """The library says that its labels for new samples are very rough, so these are for the training images."""
    places = {"n_neighbors": 20, "min_dist": 0.0, "n_components": images.kinds}
    manifold = {"manifold_class": import_module("umap").UMAP, "manifold_params": places}
    model, passes = fitted("N2D", images, seed, seconds, epochs=ONLY_PRETRAINED, **manifold)
    return Found(model.labels_, split="train", epochs=passes)


def vae(
    images: Images, seed: int, seconds: float, loss: str = "mse", training: Mapping[str, Any] | None = None
) -> Found:
    """Ten dimensions are the library's default, too."""
    torch, models = import_module("torch"), import_module("pythae.models")
    torch.manual_seed(seed)
    config = models.VAEConfig(input_dim=(images.train.shape[1],), latent_dim=10, reconstruction_loss=loss)
    model = models.VAE(config)
    passes = train_vae(model, images.train, seconds, {"seed": seed} | dict(training or {}))
    codes = [codes_of(model, x) for x in (images.train, images.test)]
    mixture = GaussianMixture(images.kinds, n_init=STARTS, random_state=seed).fit(codes[0])
    return Found(mixture.predict(codes[1]), epochs=passes)


def train_vae(model: Any, x: Flat, seconds: float, settings: Mapping[str, Any]) -> int:
    """Train for so long; return the passes through the images."""
    torch, trainers = import_module("torch"), import_module("pythae.trainers")
    nothing = torch.zeros(len(x))
    samples = import_module("pythae.data.datasets").BaseDataset(torch.from_numpy(x), nothing)
    with tempfile.TemporaryDirectory() as folder:
        config = trainers.BaseTrainerConfig(output_dir=folder, num_epochs=1, **settings)
        trainer = trainers.BaseTrainer(model, samples, training_config=config)
        trainer.train_loader = Lasting(trainer.train_loader, seconds)
        trainer.train()
    return trainer.train_loader.passes


def codes_of(model: Any, x: Flat) -> Float[np.ndarray, "N D"]:
    """The means of the codes."""
    torch = import_module("torch")
    with torch.no_grad():
        return model.encoder(torch.from_numpy(x).to(model.device)).embedding.cpu().numpy()


METHODS: dict[str, Method] = {
    "k-means": k_means,
    "Gaussians on 50 components": gaussians,
    "VaDE": vade,
    "VaDE, published": functools.partial(
        vade, batch_size=100, ssl_loss_weight=0.01, clustering_optimizer_params={"lr": 2e-3}
    ),
    "IDEC": idec,
    "N2D, published": n2d,
    "VAE + Gaussians": vae,
    "Bernoulli VAE + Gaussians": functools.partial(
        vae, loss="bce", training={"learning_rate": 1e-3, "per_device_train_batch_size": 256}
    ),
}


def measure(name: str, method: Method, images: Images, seed: int, seconds: float) -> Row:
    """One method, from the images to the labels and their scores."""
    began = time.perf_counter()
    found = method(images, seed, seconds)
    took = time.perf_counter() - began
    agreement = clustering(found.label, images.dataset.splits[found.split].truth)
    assert agreement is not None, "these data have labels"
    return {
        "method": name,
        "seed": seed,
        "scored on": found.split,
        "accuracy": agreement.accuracy,
        "NMI": agreement.nmi,
        "epochs": found.epochs,
        "seconds": took,
    }


def compared(images: Images, seed: int, names: Sequence[str], times: float, seconds: float) -> Iterator[Row]:
    """A row for ours, then one for each of the others; if the seconds are 0, ours say how long they get."""
    first = measure(OURS, ours, images, seed, 0)
    yield first | {"seconds / ours": 1.0}
    for name in names:
        row = measure(name, METHODS[name], images, seed, seconds or times * first["seconds"])
        yield row | {"seconds / ours": row["seconds"] / first["seconds"]}


def told(rows: Sequence[Row]) -> Iterator[str]:
    """The seeds of each method in a sentence."""
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        parts = (f"{key} {number(spread([row[key] for row in mine]), form)}" for key, form in FORMS.items())
        first, last = mine[0]["seed"], mine[-1]["seed"]
        yield f"{name}, seeds {first} to {last}, scored on {mine[0]['scored on']}: {', '.join(parts)}"


def main() -> None:
    options = {"config": "configs/mnist.yaml", "times": 1.0, "images": 0, "seconds": 0.0}
    args = case_arguments(__doc__, METHODS, first=0, seeds=5, **options).parse_args()
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.disable(logging.INFO)  # pythae tells of every training
    images, name = Images.of(args.config, args.images), Path(args.config).stem
    title = f"{args.config}, {len(images.train):,} training images without labels"
    for seed in range(args.first, args.first + args.seeds):
        new = [*progress(compared(images, seed, args.cases, args.times, args.seconds))]
        before = [row for row in saved(args.results, f"peers-{name}") if row["seed"] != seed]
        rows = sorted([*before, *new], key=operator.itemgetter("seed"))
        report(args.results, f"peers-{name}", title, rows, [*told(rows)])


if __name__ == "__main__":
    main()
