"""From a run's events to the state of the page. Pure but for the counters it keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Curve, Explanation, Layout, Pixels
from jupyter_xai.explanation.words import state_line
from jupyter_xai.protocols import Opening, Progress
from jupyter_xai.wire import encode, encode_curves
from jupyter_xai.wire.plain import float32
from jupyter_xai.wire.schema import Frame

if TYPE_CHECKING:
    from jupyter_xai.widget.question import Question


MAP_INTERVAL = 0.1
"""Seconds between two pixel maps, which are large: ten a second."""


def is_map(estimate: Explanation) -> bool:
    """Whether an estimate has a value a pixel, so that a frame carries one output's map alone."""
    return isinstance(estimate.features, Pixels) and estimate.features.labels is None


def _alike(a: Layout, b: Layout) -> bool:
    """Whether both are made of the same kind of features."""
    pieces = [part.labels is not None for part in (a, b) if isinstance(part, Pixels)]
    return type(a) is type(b) and len(set(pieces)) <= 1


class Scene:
    """The newest state, as dicts for the page's traits.

    Parameters
    ----------
    question : Question
    request : dict
        What is being asked now.
    """

    def __init__(self, question: Question, request: dict[str, Any]) -> None:
        self._question = question
        self.request = request
        self.state = "idle"
        self.error: dict[str, str] | None = None
        self.line = ""
        self.shown_target: int | None = None
        self._map_due = 0.0
        self._sequence = itertools.count(
            1
        )  # its steps are atomic: the page's messages come on another thread
        self._geometry_run = -1
        self._original: Layout | None = None
        self._original_cut: dict[str, Any] = {}
        self._unedited: NDArray[np.float64] | None = None
        self._sent: tuple[Any, ...] = ()
        self._edits: dict[int, list[Any]] = {}
        self._ids: tuple[int, tuple[int, ...] | None] = (-1, None)
        self._rows = 0
        self._rows_per_eval = 1
        self._total: int | None = None
        self._notices: tuple[str, ...] = ()
        self._random_state: int | None = None

    @property
    def label(self) -> str:
        """The method's name as the view shows it."""
        return self._question.label(self.request)

    def asked(self, run: int, request: Mapping[str, Any]) -> None:
        """Remember which changes a run explains: the present request may be newer than an estimate on its way."""
        self._edits = {
            run: list(request.get("edits", ())),
            **{r: e for r, e in self._edits.items() if r > run - 4},
        }

    def status(self, run: int, state: str, *, seconds: float = 0.0) -> dict[str, Any]:
        """Return the status trait; a new run starts its counters."""
        if state == "running":
            self._rows, self._total, self._notices, self.error = 0, None, (), None
            self._sequence, self._map_due, self._rows_per_eval = itertools.count(1), 0.0, 1
        self.state = state
        return self._status(run, seconds)

    def opened(self, run: int, opening: Opening) -> dict[str, Any]:
        """Return geometry and an estimate without values: the instance and its prediction."""
        frame = encode.encode_opening(opening, run=run, seq=self._next(), method_label=self.label)
        self._mark_edited(frame, run, opening.all_predictions)
        names, unit = opening.all_output_names, opening.output_unit
        return {**self._geometry(run, opening.features, names, unit), "frame": frame}

    def progressed(self, run: int, progress: Progress, seconds: float) -> dict[str, Any]:
        """Return the status with rows done, rate and time left."""
        each = self._rows_per_eval = progress.rows_per_eval
        self._rows = each * progress.n_evals
        self._total = None if progress.total_evals is None else each * progress.total_evals
        return self._status(run, seconds)

    def estimated(self, run: int, estimate: Explanation, seconds: float) -> dict[str, Any]:
        """Return frame and status, and the geometry if this run has not shown it."""
        state: dict[str, Any] = {}
        if self._geometry_run != run:
            names = estimate.all_output_names or estimate.output_names
            state = self._geometry(run, estimate.features, names, estimate.output_unit)
        self._rows = self._rows_per_eval * estimate.n_evals
        self._notices, self._random_state = estimate.notices, estimate.random_state
        if estimate.status != "running" or not (is_map(estimate) and seconds < self._map_due):
            self._map_due = seconds + MAP_INTERVAL
            state |= self.frame(run, estimate)
        if estimate.curves:
            state["curves"] = encode_curves(
                self._numbered(run, estimate.curves),
                run,
                estimate.curve_rows,
                edits=self.request.get("edits", ()),
                targets=estimate.targets,
                unit=self._unit(estimate.output_unit),
            )
        return {**state, **self._status(run, seconds)}

    def frame(self, run: int, estimate: Explanation) -> dict[str, Any]:
        """Return the frame trait; of pixel maps it carries the shown output's alone."""
        frame = encode.encode_frame(
            estimate,
            run=run,
            seq=self._next(),
            method_label=self.label,
            display_target=self.shown_target,
            maps="shown" if estimate.status == "running" else "small",
        )
        self._mark_edited(frame, run, estimate.all_predictions)
        return {"frame": frame}

    def _mark_edited(self, frame: Frame, run: int, predictions: NDArray[np.float64] | None) -> None:
        """Say which features of the original these are, and what the model said of it."""
        edits = self._edits.get(run, self.request.get("edits", ()))
        if edits:
            frame["edits"] = list(edits)
        if not self.request.get("edits"):
            self._unedited = predictions
            return
        ids = self._feature_ids(run)
        if ids is not None:
            frame["ids"] = [int(feature) for feature in ids]
        if self._unedited is None:
            self._unedited = self._question.predict({**self.request, "edits": []})
        frame["original"] = float32(self._unedited)

    def _feature_ids(self, run: int) -> tuple[int, ...] | None:
        """Numbers of the features in the geometry, which is the original's."""
        if self._ids[0] != run:
            self._ids = (run, self._question.ids(self.request) if self.request.get("edits") else None)
        return self._ids[1]

    def _numbered(self, run: int, curves: Iterable[Curve]) -> list[Curve]:
        """The curves with the features' numbers in the geometry."""
        ids = self._feature_ids(run)
        if ids is None:
            return list(curves)
        return [
            curve if curve.feature is None else replace(curve, feature=ids[curve.feature]) for curve in curves
        ]

    def numbers(self, estimate: Explanation, predictions: Any) -> dict[str, Any]:
        """Name the outputs and say which number is shown; nothing where the model's outputs are not known."""
        names = estimate.all_output_names
        if names is None or predictions is None:
            return {}
        found = dict(zip(names, np.asarray(predictions, dtype=np.float64).tolist(), strict=True))
        shown = self.shown_target if self.shown_target in estimate.targets else None
        first = estimate.targets[0] if estimate.targets else 0
        target = names[first if shown is None else shown]
        return {"predictions": found, "prediction": found[target], "target": target}

    def sentence(self, last: Explanation | None, error: BaseException | None) -> str:
        """Say in one line what there is to see."""
        if error is not None:
            return f"jupyter_xai view: failed. {error}"
        if last is None:
            return "jupyter_xai view: nothing computed yet. view.explanation computes it."
        return f"jupyter_xai view: {last!r}"

    def _next(self) -> int:
        return next(self._sequence)

    def _geometry(self, run: int, features: Layout, names: tuple[str, ...], unit: str) -> dict[str, Any]:
        """Return the geometry trait, unless the page has it: it is of the instance before edits."""
        self._geometry_run = run
        asked, threshold = self._question.output_unit, self._question.threshold
        unit = self._unit(unit)
        if unit != asked == "probability" and threshold is not None and 0 < threshold < 1:
            threshold = math.log(threshold / (1 - threshold))  # a link: the same border in log-odds
        layout, params = self._layout_before_edits(features), self._question.params(self.request)
        methods = self._question.methods()
        new = (layout, names, unit, threshold, methods, params)
        if self._sent and new[0] is self._sent[0] and new[1:] == self._sent[1:]:
            return {}
        self._sent = new
        geometry = encode.encode_geometry(
            layout,
            run=run,
            took=self._question.took,
            output_names=names,
            n_outputs=len(names),
            output_unit=unit,
            threshold=threshold,
            methods=methods,
            params=encode.encode_params(params),
        )
        return {"geometry": geometry}

    def _unit(self, unit: str) -> str:
        return unit if unit == "logit" else self._question.output_unit

    def _layout_before_edits(self, features: Layout) -> Layout:
        """The original's layout, if features of the edited instance are numbered as its are."""
        cut = self._cut()
        if not self.request.get("edits"):
            self._original, self._original_cut = features, cut
            return features
        if self._original is None or self._original_cut != cut or not _alike(self._original, features):
            original = self._question.layout({**self.request, "edits": []})
            if not _alike(original, features):
                return features
            self._original, self._original_cut = original, cut
        return self._original

    def _cut(self) -> dict[str, Any]:
        """How the input is cut and hidden: under other settings the original's layout is another one too."""
        given, known = self.request.get("params", {}), self._question.params(self.request)
        return {spec.name: given.get(spec.name) for spec in known if spec.part == "input"}

    def _status(self, run: int, seconds: float) -> dict[str, Any]:
        rate = self._rows / seconds if seconds > 0 and self._rows else None
        running = self.state == "running"
        left = (self._total - self._rows) / rate if running and rate and self._total else None
        self.line = state_line(
            self.state,
            rows=self._rows,
            total=self._total,
            rate=rate,
            seconds=seconds,
            seconds_left=left,
            random_state=self._random_state,
        )
        status = encode.encode_status(
            run=run,
            state=self.state,
            rows=self._rows,
            total=self._total,
            rate=rate,
            seconds=seconds,
            seconds_left=left,
            error=self.error,
            notices=list(self._notices),
        )
        return {"status": status}
