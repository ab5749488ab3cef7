"""Write the golden frames that both test suites read: ``python tests/golden/make.py``.

Each file is the state of one view, ``{geometry, frame, curves, status, display}``, as ``mount`` of the bundle
takes it; a buffer is ``{"$b64": "..."}``.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from jupyter_xai.explanation import Explanation  # noqa: E402
from jupyter_xai.params import BoolParam, ChoiceParam, FloatParam, IntParam  # noqa: E402
from jupyter_xai.whatif.strokes import stroke_mask  # noqa: E402
from jupyter_xai.wire import encode_curves, encode_frame, encode_geometry, encode_params, encode_status  # noqa: E402
from tests.golden.overviews import OVERVIEWS, overview_state  # noqa: E402
from tests.golden.samples import EVERY, XSS  # noqa: E402

SPECS = (
    IntParam(
        name="n_samples",
        default="auto",
        label="samples",
        doc="More samples, smaller intervals.",
        min=10,
        max=100_000,
        scale="log",
        auto=True,
    ),
    FloatParam(name="alpha", default=1.0, label="ridge", cost="solve", min=0.0, max=10.0),
    ChoiceParam(
        name="fill", default="mean", label="fill", cost="rebuild", choices=("mean", "blur", "grey"), free=True
    ),
    BoolParam(name="group", default=False, label="group equal words", cost="rebuild"),
)
METHODS = (
    {"name": "lime", "label": "LIME", "why_not": ""},
    {"name": "kernel_shap", "label": "KernelSHAP", "why_not": ""},
    {"name": "deep_lift", "label": "DeepLIFT", "why_not": "needs a torch network"},
)
ERROR = {
    "title": "Your model raised ValueError on a batch of 64 rows.",
    "message": f"could not convert string to float: {XSS!r}",
    "where": "model.py, line 12: return float(row)",
    "hint": "",
    "traceback": "Traceback (most recent call last):\n  ...\nValueError",
}
LABELS = {method["name"]: method["label"] for method in METHODS} | {
    "integrated_gradients": "Integrated gradients",
    "exact_shap": "Exact Shapley",
    "occlusion": "Occlusion",
    "sensitivity": "Sensitivity",
}
THRESHOLDS = {"table": 0.5, "text": 0.5, "pixels": 0.0}


def state_of(name: str, explanation: Explanation) -> dict[str, Any]:
    """All four results and the display of one view."""
    names = explanation.all_output_names or explanation.output_names
    running = explanation.status == "running"
    failed = explanation.status == "failed"
    return {
        "geometry": encode_geometry(
            explanation.features,
            run=1,
            took=f"Golden {name}.",
            output_names=names,
            n_outputs=len(names),
            output_unit=explanation.output_unit,
            threshold=THRESHOLDS.get(name),
            methods=[
                {**method, "why_not": ""} if method["name"] == explanation.method else method
                for method in METHODS
            ],
            params=encode_params(SPECS),
        ),
        "frame": encode_frame(explanation, run=1, seq=3, method_label=LABELS[explanation.method]),
        "curves": encode_curves(explanation.curves, 1, explanation.curve_rows) if explanation.curves else {},
        "status": encode_status(
            run=1,
            state=explanation.status,
            rows=explanation.n_evals,
            total=explanation.forecast_evals if running else explanation.n_evals,
            rate=410.0 if running else None,
            seconds=2.5,
            seconds_left=3.7 if running else None,
            error=ERROR if failed else None,
            notices=explanation.notices,
        ),
        "display": {"target": explanation.targets[0]} if explanation.targets else {},
    }


def pack(value: Any) -> Any:
    """Bytes become base64 leaves, tuples lists."""
    if isinstance(value, bytes):
        return {"$b64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {key: pack(inner) for key, inner in value.items()}
    return [pack(inner) for inner in value] if isinstance(value, list | tuple) else value


def render(name: str) -> str:
    """The text of one golden file."""
    state = pack(state_of(name, EVERY[name]()))
    return json.dumps(state, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


STROKES = (
    {"points": [[4.5, 4.5]], "width": 5, "size": [12, 9]},
    {"points": [[2, 2], [9.3, 4.1]], "width": 3, "size": [12, 8]},
    {"points": [[-3, 1], [5, 7.25], [14, 2]], "width": 2.5, "size": [12, 8]},
    {"points": [[1, 1], [1, 1], [10.9, 6]], "width": 2, "size": [11, 7]},
    {"points": [[3, 3], [40, 3]], "width": 60, "size": [9, 4]},
    {"points": [[20, 20]], "width": 2, "size": [9, 4]},
)
"""Free-hand strokes; width, then height."""


def strokes() -> str:
    """What each stroke covers, as Python has it: the view has to cover the same."""
    drawn = []
    for stroke in STROKES:
        mask = stroke_mask(stroke["points"], stroke["width"], (stroke["size"][1], stroke["size"][0]))
        drawn.append({**stroke, "rows": ["".join(".#"[int(on)] for on in row) for row in mask]})
    return json.dumps(drawn, indent=1) + "\n"


def overview(name: str) -> str:
    """The text of one golden file of many rows."""
    state = pack(overview_state(OVERVIEWS[name]()))
    return json.dumps(state, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def main() -> None:
    """Write every file."""
    (HERE / "overviews").mkdir(exist_ok=True)
    for name in OVERVIEWS:
        (HERE / "overviews" / f"{name}.json").write_text(overview(name), encoding="utf-8")
    (HERE / "strokes").mkdir(exist_ok=True)
    (HERE / "strokes" / "masks.json").write_text(strokes(), encoding="utf-8")
    for name in EVERY:
        (HERE / f"{name}.json").write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    main()
