"""Explain every picture once, judge the explanations under several absences, and keep what is measured."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import jupyter_xai as xai
from jupyter_xai import metrics
from jupyter_xai.comparing.table import Benchmark, Record
from study.data import Pictures
from study.networks import accuracy
from study.setting import KEPT, Setting

METHODS = (
    "DeepLIFT",
    "DeepSHAP",
    "Expected gradients",
    "KernelSHAP",
    "LIME felzenszwalb",
    "LIME quickshift",
    "LIME slic",
    "Grad-CAM",
    "Sensitivity",
)
GREY = "KernelSHAP, grey"
"""KernelSHAP where hidden pieces are grey, not black: only looked at, for the claim on the background."""

CELLS, PIXELS, OTHERS = "cells, black", "pixels, black", "cells, other pictures"
LOOKS, STEADY = "looks", "steadiness"
SPARSE, BACKGROUND = "pixels with 80 % of the sum", "share on the background"
PIECES, ROWS = "pieces", "model rows"
BLACK = 0.02
"""Pixels up to this are background: both sets show bright things on black."""


@dataclass(frozen=True)
class Study:
    """What was measured of one network.

    Parameters
    ----------
    name : str
        Of the pictures.
    accuracy : float
    source : str
    n_images, n_steady : int
        Pictures that are done.
    black : float
        Mean share of the pixels that are background.
    tables : dict of str to Benchmark
        One for each judge, one of looks, one of stability and sanity.
    """

    name: str
    accuracy: float
    source: str
    n_images: int
    n_steady: int
    black: float
    tables: Mapping[str, Benchmark]


def fine_quickshift(image: np.ndarray) -> np.ndarray:
    """Cut by quickshift with a kernel of one pixel: with lime's four a picture of 28 × 28 is one piece or two."""
    from skimage.segmentation import quickshift

    colours = np.repeat(np.asarray(image, dtype=np.float64), 3, axis=2)
    return np.asarray(quickshift(colours, kernel_size=1, max_dist=4, ratio=0.2, rng=0))


def methods(setting: Setting) -> dict[str, Any]:
    """The nine methods with their hyper-parameters, by label, as ``xai.compare`` takes them.

    What LIME and KernelSHAP hide is black, which both networks know as nothing being there, and DeepLIFT's baseline is
    black; the others compare with training pictures.
    """

    def pieces(segmentation: Any, n_segments: int = 50) -> dict[str, Any]:
        masker = xai.Image(segmentation, n_segments=n_segments, fill=0.0)
        return {"masker": masker, "n_samples": setting.n_samples}

    asked = {
        "DeepLIFT": "deep_lift",
        "DeepSHAP": "deep_shap",
        "Expected gradients": ("expected_gradients", {"n_samples": setting.n_gradients}),
        "KernelSHAP": ("kernel_shap", pieces("slic")),
        "LIME felzenszwalb": ("lime", pieces("felzenszwalb")),
        "LIME quickshift": ("lime", pieces(fine_quickshift)),
        "LIME slic": ("lime", pieces("slic")),
        "Grad-CAM": "grad_cam",
        "Sensitivity": "sensitivity",
    }
    assert tuple(asked) == METHODS
    return asked


def judges(pictures: Pictures, setting: Setting) -> dict[str, tuple[xai.Image, list[str]]]:
    """What the metrics remove, and which metrics: none of them cuts as any of the methods does."""
    others = pictures.background(setting.n_others)
    few = ["removal", "infidelity"]
    return {
        CELLS: (
            xai.Image("grid", n_segments=49, fill=0.0),
            [*few, "completeness", "local_fidelity", "log_odds_drop", "road"],
        ),
        PIXELS: (xai.Image("grid", n_segments=784, fill=0.0), few),
        OTHERS: (xai.Image("grid", n_segments=49, fill="background", background=others), few),
    }


def explained(
    net: nn.Module, image: torch.Tensor, pictures: Pictures, setting: Setting, targets: Any = None
) -> dict[str, xai.Explanation]:
    """Explain a picture with all methods, and KernelSHAP with grey as well, in one output space.

    Parameters
    ----------
    net : Module
    image : tensor of shape (1, 28, 28)
    pictures : Pictures
        Where the background comes from.
    setting : Setting
    targets : optional
        Classes to explain; None: the likeliest.
    """
    asked = methods(setting)
    grey = xai.Image("slic", n_segments=50, fill=0.5)
    asked[GREY] = ("kernel_shap", {"masker": grey, "n_samples": setting.n_samples})
    found = xai.compare(
        net,
        image,
        asked,
        metrics=[],
        background=pictures.background(setting.n_background),
        targets=targets,
        output_names=pictures.names,
        random_state=setting.random_state,
        headless=True,
    )
    failed = {entry.label: entry.why_not for entry in found.entries if entry.explanation is None}
    if failed:
        raise RuntimeError(f"Some methods gave no explanation: {failed}")
    return {entry.label: entry.explanation for entry in found.explained}


class Told:
    """An explainer that says again what was said of one picture, so that several judges hear the same."""

    def __init__(self, explanation: xai.Explanation):
        self.method = explanation.method
        self._explanation = explanation

    def explain(self, x: Any, targets: Any = None) -> xai.Explanation:
        """The explanation."""
        del x, targets
        return self._explanation


def judged(
    net: nn.Module,
    image: torch.Tensor,
    found: Mapping[str, xai.Explanation],
    pictures: Pictures,
    setting: Setting,
) -> dict[str, Benchmark]:
    """A picture's explanations under every judge, and how they look."""
    told = {label: Told(found[label]) for label in METHODS}
    tables = {}
    for name, (masker, asked) in judges(pictures, setting).items():
        tables[name] = xai.benchmark(
            net,
            [image],
            told,
            asked,
            masker=masker,
            output_names=pictures.names,
            random_state=setting.random_state,
            headless=True,
        ).benchmark
    tables[LOOKS] = looks(found)
    return tables


def looks(found: Mapping[str, xai.Explanation]) -> Benchmark:
    """How few pixels carry most of an explanation, and how much of it lies on the background."""
    pixels = found["DeepLIFT"].features
    picture = np.asarray(pixels.image)[..., 0] / 255.0
    records = []
    for label, explanation in found.items():
        heat = np.abs(metrics.onto(explanation, pixels)[0])
        total = max(float(heat.sum()), 1e-30)
        falling = np.sort(heat)[::-1].cumsum() / total
        cut = explanation.features.labels
        for metric, value, better in (
            (SPARSE, (1 + int(np.searchsorted(falling, 0.8))) / heat.size, "lower"),
            (BACKGROUND, float(heat[picture.ravel() <= BLACK].sum()) / total, "lower"),
            (PIECES, float(heat.size if cut is None else cut.max() + 1), ""),
            (ROWS, float(explanation.n_rows), "lower"),
        ):
            output, nothing = explanation.output_names[0], float("nan")
            records.append(
                Record(0, label, output, metric, value, nothing, better, "", nothing, explanation.n_rows)
            )
    return Benchmark(tuple(records), tuple(found), (SPARSE, BACKGROUND, PIECES, ROWS), 1)


def steady(net: nn.Module, image: torch.Tensor, pictures: Pictures, setting: Setting) -> Benchmark:
    """How far a picture's explanations change with the random state, with small noise, and without learnt weights."""
    if not setting.whole:  # dozens of explanations with each method
        setting = replace(setting, n_samples=setting.n_samples // 4, n_gradients=setting.n_gradients // 2)
    return xai.benchmark(
        net,
        [image],
        methods(setting),
        ["sensitivity", "stability", "sanity"],
        masker=judges(pictures, setting)[CELLS][0],
        background=pictures.background(setting.n_background),
        output_names=pictures.names,
        random_state=setting.random_state,
        headless=True,
    ).benchmark


def measure(net: nn.Module, pictures: Pictures, setting: Setting) -> Study:
    """Measure every picture of a study; of a whole one those that are kept are read.

    Parameters
    ----------
    net : Module
    pictures : Pictures
    setting : Setting
    """
    chosen = pictures.chosen(setting.n_images)
    folder = KEPT / f"{pictures.name.lower()}-{_mark(net, setting)}" if setting.whole else None
    parts: dict[str, list[Benchmark]] = {}
    black, done = [], {"judged": 0, "steady": 0}
    began = time.monotonic()
    jobs: list[tuple[str, int]] = []
    apart = -(-setting.n_images // max(setting.n_steady, 1))
    for at, place in enumerate(chosen):
        jobs.append(("judged", place))
        turn, rest = divmod(at, apart)
        if not rest and turn < setting.n_steady:  # in between, so that a run that is stopped has some of both
            jobs.append(("steady", chosen[turn]))
    for number, (kind, place) in enumerate(jobs, start=1):
        image = pictures.test[place]
        path = None if folder is None else folder / f"{kind}-{place:04d}.json"
        tables = None if path is None else _read(path)
        if tables is None:
            if setting.ready:
                continue
            if kind == "steady":
                tables = {STEADY: steady(net, image, pictures, setting)}
            else:
                tables = judged(net, image, explained(net, image, pictures, setting), pictures, setting)
            if path is not None:
                _write(path, tables)
                spent = (time.monotonic() - began) / 60
                print(
                    f"{pictures.name}: {number} of {len(jobs)}, {spent:.0f} min", file=sys.stderr, flush=True
                )
        done[kind] += 1
        if kind == "judged":
            black.append(float((image <= BLACK).float().mean()))
        for name, table in tables.items():
            parts.setdefault(name, []).append(table)
    return Study(
        name=pictures.name,
        accuracy=accuracy(net, pictures),
        source=pictures.source,
        n_images=done["judged"],
        n_steady=done["steady"],
        black=float(np.mean(black)) if black else float("nan"),
        tables={name: together(each) for name, each in parts.items()},
    )


def together(parts: Sequence[Benchmark]) -> Benchmark:
    """Benchmarks of one row each as one of several rows."""
    records = [replace(each, row=row) for row, part in enumerate(parts) for each in part.records]
    return replace(
        parts[0],
        records=tuple(records),
        metrics=tuple(dict.fromkeys(name for part in parts for name in part.metrics)),
        n_instances=len(parts),
        notices=tuple(dict.fromkeys(said for part in parts for said in part.notices)),
    )


def of_methods(table: Benchmark, wanted: Sequence[str]) -> Benchmark:
    """The same of some of the methods."""
    kernels = dict(zip(table.methods, table.kernels, strict=False))
    return replace(
        table,
        records=tuple(each for each in table.records if each.method in wanted),
        methods=tuple(wanted),
        kernels=tuple(kernels.get(each, "") for each in wanted),
    )


# --- on disk ------------------------------------------------------------------------------------------------


def _mark(net: nn.Module, setting: Setting) -> str:
    """Of the weights and of all settings that a picture's numbers depend on."""
    digest = hashlib.blake2b(digest_size=6)
    for weights in net.state_dict().values():
        digest.update(weights.detach().cpu().numpy().tobytes())
    sizes = {
        name: value
        for name, value in asdict(setting).items()
        if name not in {"n_images", "n_steady", "ready"}
    }
    digest.update(repr((sizes, xai.__version__)).encode())
    return digest.hexdigest()


def _write(path: Path, tables: Mapping[str, Benchmark]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps({name: asdict(table) for name, table in tables.items()}))
    fresh.replace(path)


def _read(path: Path) -> dict[str, Benchmark] | None:
    if not path.exists():
        return None
    tables = {}
    for name, kept in json.loads(path.read_text()).items():
        lists = {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}
        lists["records"] = tuple(Record(**each) for each in kept["records"])
        tables[name] = Benchmark(**lists)
    return tables
