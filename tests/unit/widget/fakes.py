"""A question whose model is a sum: what a view needs, without a model, a kernel or a page."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jupyter_xai.explanation import Columns, Explanation
from jupyter_xai.params import IntParam, ParamSpec
from jupyter_xai.protocols import Opening, Progress, Watch

ROW = Columns(
    names=("age", "job"), values=(24, "skilled"), kinds=("number", "category"), members=((0,), (1,))
)


def make_estimate(n: int, status: str = "running", **more: Any) -> Explanation:
    settings: dict[str, Any] = {
        "values": np.array([[0.2, -0.1], [-0.2, 0.1]]) * (1 + 1 / n),
        "std_errors": np.full((2, 2), 0.5 / n),
        "features": ROW,
        "output_names": ("bad", "good"),
        "targets": (0, 1),
        "predictions": np.array([0.6, 0.4]),
        "base_values": np.array([0.5, 0.5]),
        "output_unit": "probability",
        "value_unit": "probability",
        "method": "lime",
        "params": {"n_samples": 8},
        "n_evals": n,
        "n_rows": n,
        "all_output_names": ("bad", "good"),
        "all_predictions": np.array([0.6, 0.4]),
        "status": status,
    }
    return Explanation(**{**settings, **more})


class FakeQuestion:
    """Answers in ``total`` batches; ``gate`` is waited for before each from the second on."""

    took = "Took the input for a row of a table."
    output_unit = "probability"
    threshold: float | None = 0.5

    def __init__(self, total: int = 3, error: BaseException | None = None) -> None:
        self.total = total
        self.error = error
        self.requests: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.dropped = 0

    def stream(self, request: Mapping[str, Any], watch: Watch) -> Iterator[Explanation]:
        self.requests.append(dict(request))
        opening = Opening(ROW, (0, 1), ("bad", "good"), ("bad", "good"), np.array([0.6, 0.4]))
        watch(Progress(0, 0, self.total, opening))
        for n in range(1, self.total + 1):
            if n > 1:
                assert self.gate.wait(10)
                if self.error is not None:
                    raise self.error
            going = watch(Progress(n, n, self.total))
            yield make_estimate(n, "settled" if n == self.total else "running" if going else "stopped")
            self.begun.set()
            if not going:
                return

    def predict(self, request: Mapping[str, Any]) -> Any:
        age = next((edit["value"] for edit in reversed(request["edits"]) if edit["feature"] == "age"), 24)
        return np.array([0.6, 0.4]) if age == 24 else np.array([0.25, 0.75])

    def layout(self, request: Mapping[str, Any]) -> Columns:
        return ROW

    def ids(self, request: Mapping[str, Any]) -> tuple[int, ...] | None:
        return None

    def methods(self) -> list[dict[str, str]]:
        return [{"name": "lime", "label": "LIME", "why_not": ""}]

    def params(self, request: Mapping[str, Any]) -> tuple[ParamSpec, ...]:
        return (IntParam(name="n_samples", default=8, label="samples", min=1),)

    def label(self, request: Mapping[str, Any]) -> str:
        return "LIME"

    def describe_error(self, error: BaseException) -> dict[str, str]:
        return {"title": "It failed.", "message": str(error), "where": "", "hint": "", "traceback": "..."}

    def drop_caches(self) -> None:
        self.dropped += 1
