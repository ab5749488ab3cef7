"""One instance explained by every method, cheapest first, each judged by the metrics."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jupyter_xai.api import default_masker
from jupyter_xai.comparing.methods import Method, read_methods, takes_gradients
from jupyter_xai.comparing.result import Comparison, Entry
from jupyter_xai.errors import InputError, XaiError
from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Explanation
from jupyter_xai.inputs import recognise
from jupyter_xai.metrics import (
    Measure,
    Subject,
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
from jupyter_xai.models import wrap
from jupyter_xai.models.targets import resolve_targets
from jupyter_xai.registry import LOCAL

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

    def stream(self, x: Any, *, live: bool = False) -> Iterator[Comparison]:
        """Comparisons of one instance, each whole: after every explanation, and after its metrics; cheapest first.

        Parameters
        ----------
        x : instance
        live : bool, default=False
            Also the estimates on the way of the method that runs; closing the generator cancels within one batch.
        """
        run = _Run(self, x)
        yield run.so_far("running" if run.entries else "settled")
        order = sorted(range(len(run.methods)), key=run.cost)
        for at in order:
            for _ in run.explain(at, live=live):
                yield run.so_far("running")
            if run.entries[at].explanation is not None:
                run.judge(at)
            yield run.so_far("running" if at != order[-1] else "settled")

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

    def __init__(self, asked: Asked, x: Any) -> None:
        self.asked = asked
        params = dict(asked.params or {})
        picture = getattr(asked.masker, "kind", None) == "image" or _is_picture(x)
        own_background = None if picture else asked.background
        found = recognise(x, model=asked.model, masker=asked.masker, background=own_background)
        self.kind, self.instance = found.kind, found.instance
        fills = picture and params.get("fill") == "background"
        self.masker = default_masker(
            found,
            asked.masker,
            asked.background if fills else own_background,
            asked.feature_names if asked.masker is None else None,
            params,
        )
        self.predictor = wrap(
            asked.model, kind=self.kind, output=asked.output, output_names=asked.output_names
        )
        self.methods = read_methods(asked.methods, params, self.masker.params, self.predictor.backend)
        self.metrics = asked.chosen_metrics(self.kind)
        self.pictures = asked.background if picture else None
        self.judged = Subject(
            self.predictor,
            self.instance,
            self.masker,
            targets=asked.targets,
            batch_size=asked.batch_size,
            pool=Pool(),
        )
        with self.predictor.run():
            scores = self.predictor.predict(self.judged.bound.instance())
        self.space_reason = ""
        self._settle_space()
        if self.explainer_predictor is not self.predictor:
            with self.explainer_predictor.run():
                scores = self.explainer_predictor.predict(self.judged.bound.instance())
        resolved = resolve_targets(asked.targets, self.explainer_predictor, scores, asked.n_targets)
        self.targets = list(resolved.indices) if resolved.explained else asked.targets
        self.output_names = resolved.names
        self.predictions = resolved.select(scores)[0]
        self.space = self.explainer_predictor.output_space
        self.entries = [Entry(method.name, method.label) for method in self.methods]
        self.kernels: dict[int, Any] = {}

    # --- what was asked for -----------------------------------------------------------------------------------------

    def _settle_space(self) -> None:
        """One output space for all: the logit behind a final softmax or sigmoid where a gradient method takes part."""
        self.explainer_predictor = self.predictor
        space = self.predictor.output_space
        gradient = [
            method.label for method in self.methods if takes_gradients(method, self.kind, self.predictor)
        ]
        ended = self.predictor.backend == "torch" and hasattr(self.predictor, "snapshot") and space != "raw"
        self.space_reason = f"All methods explain the {'output as it is' if space == 'raw' else space}."
        if not gradient or not ended or self.asked.output not in {"auto", "logit"}:
            return
        from jupyter_xai.models.ending import Logits

        net: Any = self.predictor
        _, (module, kind, _, names) = net.__reduce__()
        logits: Any = wrap(Logits(module), kind=kind, output="logit", output_names=names)
        with logits.run():
            logits.predict(self.judged.bound.instance())
            if not logits.snapshot().module.ended:
                return
        logits.model_name = net.model_name
        self.explainer_predictor = logits
        self.space_reason = (
            f"All methods explain the logit, what goes into the network's last softmax or sigmoid, because "
            f"{' and '.join(gradient[:2])}{' and others' if len(gradient) > 2 else ''} "
            f"{'follow' if len(gradient) > 1 else 'follows'} gradients, which a probability near 0 or 1 has none of."
        )

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
        masker = self.masker if method.masker is None else method.masker
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

    def judge(self, at: int) -> None:
        """Compute the metrics of one method; one that cannot be computed says why in the place of its number."""
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

    def so_far(self, status: str) -> Comparison:
        """What there is."""
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
            space_reason=self.space_reason,
            output_names=tuple(self.output_names),
            predictions=np.asarray(self.predictions, dtype=np.float64),
            features=self.judged.bound.layout,
            status=status,
            notices=tuple(dict.fromkeys(notices)),
        )


def _no_number(name: str, outputs: Sequence[str], said: str) -> Measure:
    return Measure(
        name=name, values=np.full(len(outputs), np.nan), output_names=tuple(outputs), notices=(said,)
    )


def _is_picture(x: Any) -> bool:
    if isinstance(x, str) or hasattr(x, "iloc") or isinstance(x, dict | list):
        return False
    return hasattr(x, "getbands") or len(getattr(x, "shape", ())) >= 3
