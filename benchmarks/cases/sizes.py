"""Sizes: what every view carries, and what one leaves in the saved notebook."""

from __future__ import annotations

import base64
import gzip
import json
from importlib.resources import files
from typing import Any

from harness import Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED, photograph, small_cnn


@row("bundle")
def bundle(_size: Size) -> Figure:
    """The larger of the two views' code, as a server would send it: script and style sheet."""
    static = files("jupyter_xai") / "widget" / "static"
    names = ("index.js", "index.css", "boards.js", "boards.css")
    parts = {name: gzip.compress((static / name).read_bytes(), 9) for name in names}
    total = max(len(parts[f"{view}.js"]) + len(parts[f"{view}.css"]) for view in ("index", "boards"))
    note = ", ".join(f"{name} {len(packed) / 1000:.1f} kB" for name, packed in parts.items())
    return _kilobytes("bundle, gzipped", total, 60, note + ".")


@row("state")
def state(size: Size) -> Figure:
    """What JupyterLab writes into the notebook for one view of a photograph, the code aside."""
    side = size(224, 64)
    picture = (255 * photograph(side)).astype("uint8")
    net = small_cnn()

    def model(batch: Any) -> Any:
        import torch

        with torch.inference_mode():
            return net(torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255).numpy()

    view = xai.explain(model, picture, n_samples=size(1000, 40), random_state=SEED)
    view.wait()
    kept = view.widget.get_state()
    own = {name: value for name, value in kept.items() if not name.startswith("_")}
    text = json.dumps(own, default=_as_saved)
    largest = sorted(own, key=lambda name: -len(json.dumps(own[name], default=_as_saved)))[:2]
    note = ", ".join(
        f"{name} {len(json.dumps(own[name], default=_as_saved)) / 1000:.1f} kB" for name in largest
    )
    return _kilobytes(
        f"saved state of a view, {side}×{side}, bundle aside", len(text), 150, f"largest: {note}."
    )


def _as_saved(value: Any) -> str:
    """Buffers are saved as base64."""
    return base64.b64encode(bytes(value)).decode("ascii")


def _kilobytes(work: str, n_bytes: int, limit: float, note: str) -> Figure:
    value = n_bytes / 1000
    return Figure(work, value=value, shown=f"{value:.1f} kB", limit=limit, goal=f"≤ {limit:g} kB", note=note)
