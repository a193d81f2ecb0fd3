"""Where samples come from, how they are split and scaled. One source per file."""

from typing import Annotated

from rcmvae.data.arrays import Arrays as Arrays
from rcmvae.data.arrays import Dataset as Dataset
from rcmvae.data.arrays import Raw as Raw
from rcmvae.data.arrays import marks as marks
from rcmvae.data.csv import Csv as Csv
from rcmvae.data.digits import Digits as Digits
from rcmvae.data.fashion_mnist import FashionMnist as FashionMnist
from rcmvae.data.image_folder import ImageFolder as ImageFolder
from rcmvae.data.in_memory import ArraysSource as ArraysSource
from rcmvae.data.load import dataset_from_arrays as dataset_from_arrays
from rcmvae.data.load import load as load
from rcmvae.data.mnist import Mnist as Mnist
from rcmvae.data.neighbours import neighbours_of as neighbours_of
from rcmvae.data.npy import Npy as Npy
from rcmvae.data.parquet import Parquet as Parquet
from rcmvae.data.scaling import Scaling as Scaling
from rcmvae.data.source import Source as Source
from rcmvae.options import OneOf, by_kind, leaves

SOURCES = by_kind(*leaves(Source))
AnySource = Annotated[Source, OneOf(SOURCES)]
