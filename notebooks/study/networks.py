"""The two networks, and how they are trained and kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import torch
from torch import nn

from study.data import Pictures, digits, fashion
from study.setting import KEPT, Setting


def report(classes: int = 10) -> nn.Sequential:
    """The report's network of digits, which is that of Keras' example: two convolutions, and a softmax at its end."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(12 * 12 * 64, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, classes),
        nn.Softmax(dim=1),
    )


def vgg(classes: int = 5, widths: tuple[int, ...] = (32, 64, 128)) -> nn.Sequential:
    """A network in the style of VGG: three blocks of two padded convolutions and a maximum, every ReLU in place."""
    layers: list[nn.Module] = []
    before = 1
    for width in widths:
        for channels in (before, width):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2))
        before = width
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(before * 3 * 3, 128),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(128, classes),
        nn.Softmax(dim=1),
    )


def trained(
    make: Callable[[int], nn.Sequential],
    pictures: Pictures,
    setting: Setting,
    *,
    epochs: int = 6,
    rate: float = 1e-3,
    most_seconds: float = 180.0,
) -> nn.Sequential:
    """Train a network, or read it from the checkpoint of an earlier run.

    Parameters
    ----------
    make : callable
        Makes a network for a number of classes.
    pictures : Pictures
    setting : Setting
    epochs : int
    rate : float
        The highest; it rises and falls during training (one cycle).
    most_seconds : float
        Training ends after so long, with a sentence. What other processes take of the cores is not counted.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setting.random_state)
        net = make(len(pictures.names))
        size = "whole" if setting.whole else "small"
        asked = f"{net} {len(pictures.train)} {epochs} {rate} {setting.random_state} {pictures.source}"
        mark = hashlib.blake2b(asked.encode(), digest_size=6).hexdigest()
        kept = KEPT / f"{make.__name__}-{size}-{mark}.pt"
        if kept.exists():
            net.load_state_dict(torch.load(kept, weights_only=True))
            return net.eval()
        done = _fit(net, pictures, epochs, rate, most_seconds)
    net.eval()
    if done:
        kept.parent.mkdir(exist_ok=True)
        fresh = kept.with_suffix(".part")  # a run that is stopped here leaves no half network
        torch.save(net.state_dict(), fresh)
        fresh.replace(kept)
    return net


def _fit(
    net: nn.Sequential, pictures: Pictures, epochs: int, rate: float, most_seconds: float, batch: int = 64
) -> bool:
    """Minimise the cross-entropy of what goes into the softmax; whether there was time for all epochs."""
    steps = torch.optim.Adam(net.parameters(), rate)
    per_epoch = -(-len(pictures.train) // batch)
    pace = torch.optim.lr_scheduler.OneCycleLR(steps, rate, total_steps=epochs * per_epoch)
    begun, cores = time.process_time(), torch.get_num_threads()
    for epoch in range(epochs):
        for rows in torch.randperm(len(pictures.train)).split(batch):
            steps.zero_grad()
            logits = net[:-1](pictures.train[rows])
            nn.functional.cross_entropy(logits, pictures.train_labels[rows]).backward()
            steps.step()
            pace.step()
            if (time.process_time() - begun) / cores > most_seconds:
                print(f"Training was ended after {most_seconds:.0f} s, in epoch {epoch + 1} of {epochs}.")
                return False
    return True


def accuracy(net: nn.Module, pictures: Pictures) -> float:
    """Share of the test pictures that it names rightly."""
    with torch.no_grad():
        said = torch.cat([net(part).argmax(1) for part in pictures.test.split(250)])
    return float((said == pictures.test_labels).float().mean())


def of_digits(setting: Setting) -> tuple[nn.Sequential, Pictures]:
    """The report's network and its digits."""
    pictures = digits(setting)
    return trained(
        report, pictures, setting, epochs=_epochs(36_000 if setting.whole else 4_000, pictures)
    ), pictures


def of_fashion(setting: Setting) -> tuple[nn.Sequential, Pictures]:
    """The larger network and its five classes of Fashion-MNIST."""
    pictures = fashion(setting)
    return trained(
        vgg, pictures, setting, epochs=_epochs(24_000 if setting.whole else 2_000, pictures)
    ), pictures


def _epochs(passes: int, pictures: Pictures) -> int:
    """As many as show so many pictures, whichever source they are from."""
    return -(-passes // len(pictures.train))


NETWORKS = {"MNIST": of_digits, "Fashion-MNIST": of_fashion}
