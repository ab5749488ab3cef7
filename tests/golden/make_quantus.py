"""Golden numbers of Quantus: ``pip install quantus`` in an environment of its own, then run this file there.

Writes ``quantus/numbers.json``. What Quantus draws at random is given to it here, so that both sides judge the same
moves; the network, the image and the attributions are made from seeds, and the tests make the same ones.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 8
STORED = Path(__file__).with_name("quantus") / "numbers.json"


def network() -> Any:
    """A small network whose weights come from numpy, whatever torch draws."""
    import torch

    rng = np.random.default_rng(11)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten(),
        torch.nn.Linear(4 * SIDE * SIDE, 3),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(scale=0.3, size=tuple(parameter.shape))))
    return net.eval()


def picture() -> Any:
    """An image (1, side, side), float32."""
    return np.random.default_rng(12).random((1, SIDE, SIDE)).astype(np.float32)


def attributions() -> Any:
    """One value a pixel, (1, side, side)."""
    return np.random.default_rng(13).normal(size=(1, SIDE, SIDE)).astype(np.float32)


def moves() -> Any:
    """Small moves of the image, (5, 1, side, side)."""
    return np.random.default_rng(14).uniform(-0.1, 0.1, size=(5, 1, SIDE, SIDE)).astype(np.float32)


def hole() -> Any:
    """Pixels to be filled from their neighbours, (side, side), bool."""
    return np.random.default_rng(15).random((SIDE, SIDE)) < 0.4


def gradient(net: Any, images: Any, target: int) -> Any:
    """The output's gradient at some images."""
    import torch

    leaf = torch.as_tensor(np.asarray(images), dtype=torch.float32).requires_grad_()
    (found,) = torch.autograd.grad(net(leaf)[:, target].sum(), leaf)
    return found.numpy()


def linear() -> tuple[Any, Any]:
    """A linear network and its exact contributions at the picture of ones, all of them short binary fractions."""
    import torch

    weights = np.random.default_rng(16).integers(-8, 8, size=(2, SIDE * SIDE)) / 8
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(SIDE * SIDE, 2, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(torch.from_numpy(weights))
    return net.eval(), weights[1].reshape(1, SIDE, SIDE).astype(np.float32)


def make() -> dict[str, Any]:
    """What Quantus says."""
    import quantus
    from quantus.functions.perturb_func import noisy_linear_imputation
    from quantus.functions.similarity_func import correlation_spearman

    net, x, a = network(), picture()[None], attributions()[None]
    y = np.array([1])
    plain: dict[str, Any] = {"normalise": False, "abs": False, "disable_warnings": True}
    asked: dict[str, Any] = {
        "model": net,
        "x_batch": x,
        "y_batch": y,
        "softmax": False,
        "channel_first": True,
    }
    zero = {"perturb_baseline": 0.0}
    flips = quantus.PixelFlipping(features_in_step=1, **zero, **plain)(a_batch=a, **asked)
    infidelity = quantus.Infidelity(perturb_patch_sizes=[4], n_perturb_samples=1, **zero, **plain)
    drawn = iter(moves())

    def moved(arr: Any, **_: Any) -> Any:
        return arr + next(drawn).reshape(1, -1)

    sensitivity = quantus.MaxSensitivity(nr_samples=len(moves()), perturb_func=moved, **plain)
    level, exact = linear()
    ones = {**asked, "model": level, "x_batch": np.ones_like(x)}
    complete = [
        quantus.Completeness(**zero, **plain)(a_batch=np.stack([given]), **ones)
        for given in (exact, exact + 0.125)
    ]
    other = gradient(net, x, 1)
    return {
        "versions": {name: version(name) for name in ("quantus", "torch", "numpy")},
        "pixel flipping": np.ravel(flips).tolist(),
        "infidelity": float(np.ravel(infidelity(a_batch=a, **asked))[0]),
        "max-sensitivity": float(
            np.ravel(
                sensitivity(
                    a_batch=other,
                    explain_func=lambda model, inputs, targets, **_: gradient(model, inputs, int(targets[0])),
                    **asked,
                )
            )[0]
        ),
        "imputation": noisy_linear_imputation(picture(), np.flatnonzero(hole()), noise=0.0)[0].tolist(),
        "completeness": [bool(np.ravel(each)[0]) for each in complete],
        "rank correlation": float(np.ravel(correlation_spearman(a.ravel(), other.ravel()))[0]),
    }


if __name__ == "__main__":
    STORED.write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")
    print(STORED.read_text(encoding="utf-8")[-900:])
