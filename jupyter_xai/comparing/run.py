"""One instance explained by every method, cheapest first, each judged by the metrics."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jupyter_xai.comparing.entry import Before, Entry
from jupyter_xai.comparing.methods import Method
from jupyter_xai.comparing.result import Comparison
from jupyter_xai.comparing.stage import Edits, Interrupted, Scenery, Stage
from jupyter_xai.errors import InputError, ModelError, XaiError
from jupyter_xai.explanation import Curve, Explanation
from jupyter_xai.metrics import (
    Measure,
    across_random_states,
    completeness_gap,
    infidelity,
    local_fidelity,
    log_odds_drop,
    max_sensitivity,
    randomised_layers,
    removal,
    road,
    stability,
)
from jupyter_xai.metrics.subject import broken
from jupyter_xai.registry import LOCAL
from jupyter_xai.responses.response import response_curves

DEFAULT_METRICS = ("removal", "infidelity", "completeness", "local_fidelity", "log_odds_drop")
METRICS = (*DEFAULT_METRICS, "road", "sensitivity", "stability", "sanity")
_FIRST_MEASURE = {
    "removal": "deletion area",
    "infidelity": "infidelity",
    "completeness": "completeness gap",
    "local_fidelity": "local fidelity",
    "log_odds_drop": "log-odds drop",
    "road": "ROAD",
    "sensitivity": "max-sensitivity",
    "stability": "rank stability",
    "sanity": "rank kept without weights",
}
_PASSES = {"input_x_gradient": 1, "saliency": 1, "grad_cam": 1, "deep_lift": 2, "smooth_grad": 25}
"""Passes of the cheapest gradient methods; of others it is 50 or more."""


@dataclass
class Asked:
    """What is compared and how; the same for every row of a benchmark. See ``compare``."""

    model: Any
    methods: Any = None
    metrics: Any = "default"
    masker: Any = None
    background: Any = None
    baseline: Any = None
    targets: Any = None
    n_targets: int = 1
    output: str = "auto"
    feature_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None
    random_state: int = 0
    batch_size: Any = "auto"
    params: Mapping[str, Any] | None = None

    def stream(
        self,
        x: Any,
        *,
        live: bool = False,
        edits: Edits = (),
        go_on: Callable[[], bool] | None = None,
    ) -> Iterator[Comparison]:
        """Comparisons of one instance, each whole: after every explanation, and after its metrics; cheapest first.

        Parameters
        ----------
        x : instance or Stage
            A stage that was set up for the instance before.
        live : bool, default=False
            For eyes: also the estimates on the way of the method that runs, all methods before the first is judged,
            and the model's answers along each feature of a row at last.
        edits : sequence of mapping
            What-if changes of the instance.
        go_on : callable, optional
            Asked before each model call; False ends it with what is there.
        """
        stage = x if isinstance(x, Stage) else Stage(self, x)
        run = _Run(stage, stage.set(edits, go_on), edits)
        try:
            yield run.so_far("running" if run.entries else "settled")
            order = sorted(range(len(run.methods)), key=run.cost)
            if live:
                for at in order:
                    for _ in run.explain(at, live=True):
                        yield run.so_far("running", at)
                    yield run.so_far("running", at)
                for at in order:
                    if run.judge(at):
                        yield run.so_far("running", at)
                run.walk()
                yield run.so_far("settled")
                return
            for at in order:
                for _ in run.explain(at, live=False):
                    yield run.so_far("running", at)
                run.judge(at)
                yield run.so_far("running" if at != order[-1] else "settled", at)
        except Interrupted:
            yield run.so_far("stopped")

    def chosen_metrics(self, kind: str) -> tuple[str, ...]:
        """Names of the metrics.

        Raises
        ------
        InputError
            For an unknown one.
        """
        if self.metrics is None or (isinstance(self.metrics, str) and self.metrics == "default"):
            return DEFAULT_METRICS
        if isinstance(self.metrics, str) and self.metrics == "all":
            return tuple(name for name in METRICS if name != "road" or kind == "image")
        names = (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics)
        for name in names:
            if name not in METRICS:
                raise InputError(
                    f'metrics={name!r} is not known: expected "default", "all", or some of {", ".join(METRICS)}.'
                )
        return names


class _Run:
    """One instance, explained by every method as far as it went."""

    def __init__(self, stage: Stage, scenery: Scenery, edits: Edits) -> None:
        self.stage, self.asked = stage, stage.asked
        self.edits = tuple(dict(edit) for edit in edits)
        self.kind, self.predictor = stage.kind, stage.predictor
        self.explainer_predictor = stage.explained_predictor
        self.methods, self.metrics, self.pictures = stage.methods, stage.metrics, stage.pictures
        self.targets, self.output_names, self.space = stage.targets, stage.output_names, stage.space
        self.masker, self.instance, self.ids = scenery.masker, scenery.instance, scenery.ids
        self.judged, self.predictions = scenery.subject, scenery.predictions
        self.entries = [Entry(method.name, method.label) for method in self.methods]
        self.kernels: dict[int, Any] = {}
        self.paths: tuple[Curve, ...] = ()

    def cost(self, at: int) -> float:
        """Model rows that a method is expected to take."""
        method = self.methods[at]
        if method.name in LOCAL and LOCAL[method.name].family == "gradient":
            return float(_PASSES.get(method.name, 50 if method.name == "integrated_gradients" else 200))
        n = method.params.get("n_samples", "auto")
        samples = 2048.0 if isinstance(n, str) or n is None else float(n)
        return 1000.0 + samples * (1 if method.name == "lime" else self.judged.bound.draws)

    # --- one method after the other ---------------------------------------------------------------------------------

    def explain(self, at: int, *, live: bool = False) -> Iterator[None]:
        """Explain with one method; a step for each estimate. One that cannot leaves the reason in its entry."""
        method, entry = self.methods[at], self.entries[at]
        why_not = ""
        if isinstance(method.maker, type) and method.name in LOCAL:
            why_not = LOCAL[method.name].why_not(self.kind, self.predictor.backend)
        if why_not:
            self.entries[at] = replace(entry, why_not=f"{why_not}.")
            return
        begun = time.perf_counter()
        try:
            kernel = self._kernel(method)
            for found in self._estimates(kernel, live=live):
                if tuple(found.output_names) != tuple(self.output_names):
                    self.entries[at] = replace(entry, why_not=self._other_outputs(found.output_names))
                    return
                self.kernels[at] = kernel
                self.entries[at] = replace(entry, explanation=found, seconds=time.perf_counter() - begun)
                yield
        except XaiError as error:
            self.entries[at] = replace(entry, why_not=str(error))
        except Exception as error:  # noqa: BLE001 - one method's fault is not the others'
            self.entries[at] = replace(entry, why_not=f"It raised {type(error).__name__}: {error}")

    def _estimates(self, kernel: Any, *, live: bool) -> Iterator[Explanation]:
        if live and callable(getattr(kernel, "stream", None)):
            yield from kernel.stream(self.instance, self.targets)
        else:
            yield kernel.explain(self.instance, self.targets)

    def _other_outputs(self, names: Sequence[str]) -> str:
        return f"It explained {', '.join(names)} and not {', '.join(self.output_names)}, so it cannot be compared."

    def _kernel(self, method: Method) -> Any:
        if not isinstance(method.maker, type):
            return method.maker
        takes = inspect.signature(method.maker).parameters
        masker = self.masker
        if method.masker is not None:
            masker = self.stage.edited_masker(method.masker, self.edits)
        offered = {
            "masker": masker,
            "inputs": masker,
            "baseline": self.asked.baseline,
            "background": self._pictures(),
            "random_state": self.asked.random_state,
            "batch_size": self.asked.batch_size,
        }
        given = {name: value for name, value in offered.items() if name in takes}
        kernel = method.maker(self.explainer_predictor, **given, **method.params)
        kernel.n_targets = self.asked.n_targets
        return kernel

    def _pictures(self) -> Any:
        """Background images in the network's own form."""
        if self.pictures is None or self.predictor.backend != "torch":
            return None
        bound = [self.masker.bind(each, self.predictor) for each in self.pictures]
        return np.concatenate([each.instance().cpu().numpy() for each in bound])

    def judge(self, at: int) -> bool:
        """Compute the metrics of one method; one that cannot be computed says why in the place of its number."""
        if self.entries[at].explanation is None:
            return False
        for name in self.metrics:
            entry = self.entries[at]
            try:
                measures, curves = self._measures(name, at)
            except Exception as error:  # noqa: BLE001 - a metric's fault is a sentence, the others go on
                said = (
                    str(error)
                    if isinstance(error, XaiError)
                    else f"It raised {type(error).__name__}: {error}"
                )
                measures, curves = [_no_number(_FIRST_MEASURE[name], self.output_names, said)], ()
            self.entries[at] = replace(
                entry,
                measures={**entry.measures, **{each.name: each for each in measures}},
                curves=(*entry.curves, *curves),
            )
        return True

    def walk(self) -> None:
        """The model's answers as each column of a row moves alone: what the sliders draw."""
        bound = self.judged.bound
        fitting = [
            entry.explanation
            for entry in self.entries
            if entry.explanation is not None and entry.explanation.features.shape == bound.layout.shape
        ]
        if not fitting or not hasattr(bound, "grid"):
            return
        try:
            for found in response_curves(
                fitting[0], bound, self.explainer_predictor, batch_size=self.asked.batch_size
            ):
                self.paths = found
        except ModelError:  # the comparison is done, and stands
            return

    def _measures(self, name: str, at: int) -> tuple[list[Measure], tuple[Any, ...]]:
        found, kernel = self.entries[at].explanation, self.kernels[at]
        assert found is not None
        subject, state = self.judged, self.asked.random_state
        if name == "removal":
            curves = removal(found, subject, random_state=state)
            measures = [curves.deletion, curves.insertion, curves.deletion_gain, curves.insertion_gain]
            return measures, curves.curves
        if name == "infidelity":
            plain = infidelity(found, subject, random_state=state)
            return [plain, infidelity(found, subject, scaled=True, random_state=state)], ()
        if name == "completeness":
            return [completeness_gap(found)], ()
        if name == "local_fidelity":
            return [local_fidelity(found, subject, random_state=state)], ()
        if name == "log_odds_drop":
            return [log_odds_drop(found, subject, random_state=state)], ()
        if name == "road":
            return [road(found, subject, random_state=state)["ROAD"]], ()
        if name == "sensitivity":
            return [max_sensitivity(kernel, self.instance, targets=self.targets, random_state=state)], ()
        if name == "stability":
            runs = across_random_states(
                kernel, self.instance, targets=self.targets, n_runs=5, random_state=state
            )
            steady = stability(runs)
            names = ["rank stability", "top-k Jaccard", *(["VSI", "CSI"] if found.method == "lime" else [])]
            return [steady[each] for each in names], ()
        checked = randomised_layers(kernel, self.instance, targets=self.targets, random_state=state)
        kept = Measure(
            name="rank kept without weights",
            values=checked.rank[-1],
            half_widths=checked.half_widths[-1],
            output_names=found.output_names,
            better="lower",
            definition=checked.definition,
            notices=checked.notices,
        )
        return [kept], ()

    def so_far(self, status: str, at: int | None = None) -> Comparison:
        """What there is; ``at`` is the method at work."""
        units = {
            entry.label: entry.explanation.output_unit
            for entry in self.entries
            if entry.explanation is not None and entry.explanation.output_unit != self.space
        }
        notices = [
            f"{label} explains the {unit}, not the {self.space} as the others do: it is not judged beside them."
            for label, unit in units.items()
        ]
        for entry in self.entries:
            notices += list(broken(entry.explanation)[1]) if entry.explanation is not None else []
            kept = entry.measures.get("rank kept without weights")
            notices += list(kept.notices) if kept is not None else []
        return Comparison(
            entries=tuple(self.entries),
            space=self.space,
            space_reason=self.stage.space_reason,
            output_names=tuple(self.output_names),
            predictions=np.asarray(self.predictions, dtype=np.float64),
            features=self.judged.bound.layout,
            status=status,
            notices=tuple(dict.fromkeys(notices)),
            running=self.entries[at].label if at is not None and status == "running" else "",
            edits=self.edits,
            before=Before(self.stage.original, np.asarray(self.stage.before, dtype=np.float64), self.ids),
            paths=self.paths,
        )


def _no_number(name: str, outputs: Sequence[str], said: str) -> Measure:
    return Measure(
        name=name, values=np.full(len(outputs), np.nan), output_names=tuple(outputs), notices=(said,)
    )
