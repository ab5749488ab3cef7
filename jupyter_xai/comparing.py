"""Explain one prediction with several methods, judge each by metrics, and show them side by side."""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jupyter_xai.api import default_masker
from jupyter_xai.comparison import Comparison, Entry
from jupyter_xai.errors import InputError, XaiError
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
from jupyter_xai.models import wrap
from jupyter_xai.models.targets import resolve_targets
from jupyter_xai.registry import LOCAL
from jupyter_xai.session import seed

DEFAULT_METRICS = ("removal", "infidelity", "completeness", "local_fidelity", "log_odds_drop")
METRICS = (*DEFAULT_METRICS, "road", "sensitivity", "stability", "sanity")
_PASSES = {"input_x_gradient": 1, "saliency": 1, "grad_cam": 1, "deep_lift": 2, "smooth_grad": 25}
"""Passes of the cheapest gradient methods; of others it is 50 or more."""

Watch = Callable[[Comparison], bool]


def compare(
    model: Any,
    x: Any,
    methods: Any = None,
    metrics: Any = "default",
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    n_targets: int = 1,
    output: str = "auto",
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    *,
    watch: Watch | None = None,
    **params: Any,
) -> Comparison:
    """Explain one prediction with several methods, and say which of them the model bears out.

    Parameters
    ----------
    model, x, masker, background, baseline, targets, output, feature_names, output_names, batch_size
        As for ``explain``. The masker says what absence means to all metrics.
    methods : sequence, dict or None
        Names from ``xai.methods``, kernel classes, explainers, or pairs of a name and its hyper-parameters; a dict
        gives
        labels. None: LIME and KernelSHAP, and of a torch network DeepLIFT and integrated gradients as well.
    metrics : "default", "all", or list of str
        Of "removal" (deletion and insertion against random orders), "infidelity", "completeness", "local_fidelity",
        "log_odds_drop"; and "road", "sensitivity", "stability", "sanity", which take longer. [] for none.
    n_targets : int, default=1
        How many outputs ``targets=None`` takes: the highest at x.
    random_state : int or None, default=0
    watch : callable, optional
        Called with the comparison so far after each explanation and its metrics; False stops.
    **params : object
        Hyper-parameters, each for the methods (or the masker) that know it.

    Returns
    -------
    Comparison
        Every method in one output space; where a gradient method takes part and the network ends in softmax or sigmoid,
        that is the logit behind it. Methods that cannot explain this are kept with the reason. An interrupt stops,
        and what is there is returned.

    Raises
    ------
    InputError
        For an unknown method, metric or hyper-parameter.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = xai.compare(
    ...     lambda X: np.tanh(X[:, 0] * X[:, 1]) + X[:, 2], rows[0], ["lime", "kernel_shap"], background=rows
    ... )
    >>> [entry.label for entry in found.explained], found.space
    (['LIME', 'KernelSHAP'], 'raw')
    """
    asked = Asked(
        model=model,
        methods=methods,
        metrics=metrics,
        masker=masker,
        background=background,
        baseline=baseline,
        targets=targets,
        n_targets=n_targets,
        output=output,
        feature_names=feature_names,
        output_names=output_names,
        random_state=0 if random_state is None else seed(random_state),
        batch_size=batch_size,
        params=params,
    )
    last: Comparison | None = None
    try:
        for last in asked.stream(x):
            if watch is not None and not watch(last) and last.status == "running":
                return replace(last, status="stopped")
    except KeyboardInterrupt:
        if last is None:
            raise
        return replace(last, status="stopped")
    assert last is not None
    return last


@dataclass(frozen=True)
class _Method:
    """One of the methods asked for."""

    name: str
    label: str
    maker: Any
    params: Mapping[str, Any]


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

    def stream(self, x: Any) -> Iterator[Comparison]:
        """Comparisons of one instance, each whole: after every explanation, and after its metrics; cheapest first."""
        run = _Run(self, x)
        yield run.so_far("running" if run.entries else "settled")
        order = sorted(range(len(run.methods)), key=run.cost)
        for at in order:
            if run.explain(at):
                yield run.so_far("running")
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
        self.methods = self._methods(params)
        self.metrics = asked.chosen_metrics(self.kind)
        self.pictures = asked.background if picture else None
        self.judged = Subject(
            self.predictor, self.instance, self.masker, targets=asked.targets, batch_size=asked.batch_size
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

    def _methods(self, params: dict[str, Any]) -> list[_Method]:
        given = self.asked.methods
        if given is None:
            given = ["lime", "kernel_shap"]
            if self.predictor.backend == "torch":
                given += ["deep_lift", "integrated_gradients"]
        pairs = (
            list(given.items()) if isinstance(given, Mapping) else [(None, each) for each in _listed(given)]
        )
        if not pairs:
            raise InputError(f"methods= is empty: expected some of {', '.join(LOCAL)}.")
        found: list[_Method] = []
        known: set[str] = {spec.name for spec in self.masker.params}
        for label, each in pairs:
            own: Mapping[str, Any] = {}
            method = each
            if isinstance(each, tuple):
                if len(each) != 2 or not isinstance(each[1], Mapping):
                    raise InputError(
                        f"methods= has {each!r}: expected a pair of a method and a dict of hyper-parameters."
                    )
                method, own = each
            name, said, maker = _named(method)
            specs = {spec.name: spec for spec in getattr(maker, "params", ())}
            known |= set(specs)
            for key in own:
                if key not in specs:
                    raise InputError(
                        f"{key}= is not a hyper-parameter of {name}: expected one of {', '.join(specs) or 'none'}."
                    )
            shared = {key: value for key, value in params.items() if key in specs}
            values = {key: specs[key].validate(value) for key, value in {**shared, **own}.items()}
            said = _distinct(label or said, [method.label for method in found])
            found.append(_Method(name, said, maker, values))
        for key in params:
            if key not in known:
                raise InputError(
                    f"{key}= is not a hyper-parameter of any of the methods or of the masker: expected one of "
                    f"{', '.join(sorted(known))}."
                )
        return found

    def _settle_space(self) -> None:
        """One output space for all: the logit behind a final softmax or sigmoid where a gradient method takes part."""
        self.explainer_predictor = self.predictor
        space = self.predictor.output_space
        gradient = [
            method.label for method in self.methods if _takes_gradients(method, self.kind, self.predictor)
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

    def explain(self, at: int) -> bool:
        """Explain with one method; False if it cannot."""
        method, entry = self.methods[at], self.entries[at]
        why_not = (
            LOCAL[method.name].why_not(self.kind, self.predictor.backend)
            if isinstance(method.maker, type) and method.name in LOCAL
            else ""
        )
        if why_not:
            self.entries[at] = replace(entry, why_not=f"{why_not}.")
            return False
        begun = time.perf_counter()
        try:
            kernel = self._kernel(method)
            found = kernel.explain(self.instance, self.targets)
        except XaiError as error:
            self.entries[at] = replace(entry, why_not=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - one method's fault is not the others'
            self.entries[at] = replace(entry, why_not=f"It raised {type(error).__name__}: {error}")
            return False
        if tuple(found.output_names) != tuple(self.output_names):
            self.entries[at] = replace(
                entry,
                why_not=(
                    f"It explained {', '.join(found.output_names)} and not {', '.join(self.output_names)}, so "
                    f"it cannot be "
                    "compared."
                ),
            )
            return False
        self.kernels[at] = kernel
        self.entries[at] = replace(entry, explanation=found, seconds=time.perf_counter() - begun)
        return True

    def _kernel(self, method: _Method) -> Any:
        if not isinstance(method.maker, type):
            return method.maker
        takes = inspect.signature(method.maker).parameters
        offered = {
            "masker": self.masker,
            "inputs": self.masker,
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
                measures, curves = [_no_number(name.replace("_", " "), self.output_names, said)], ()
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
            return [steady["rank stability"], steady["top-k Jaccard"]], ()
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
            f"{label} explains the {unit}, not the {self.space} as the others do: it was made before it came here."
            for label, unit in units.items()
        ]
        for entry in self.entries:
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


def _takes_gradients(method: _Method, kind: Any, predictor: Any) -> bool:
    """Whether a method follows the network's gradients here; one that is made already has a model of its own."""
    kernel = LOCAL.get(method.name)
    if kernel is None or not isinstance(method.maker, type) or kernel.why_not(kind, predictor.backend):
        return False
    return kernel.family == "gradient"


def _named(each: Any) -> tuple[str, str, Any]:
    """Name, label, and class or explainer of one method.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(each, str):
        name = each.lower().replace("-", "_").replace(" ", "_")
        if name not in LOCAL:
            raise InputError(
                f"methods= names {each!r}, which is not known: expected some of {', '.join(LOCAL)}."
            )
        return name, LOCAL[name].label, LOCAL[name].load()
    if isinstance(each, type):
        for kernel in LOCAL.values():
            if kernel.load() is each:
                return kernel.name, kernel.label, each
        return each.__name__, each.__name__, each
    if not callable(getattr(each, "explain", None)):
        raise InputError(
            f"methods= has a {type(each).__name__}: expected a name ({', '.join(LOCAL)}), a kernel class, or an "
            f"explainer "
            "with explain."
        )
    method = getattr(each, "method", type(each).__name__)
    return method, LOCAL[method].label if method in LOCAL else type(each).__name__, copy.copy(each)


def _listed(methods: Any) -> list[Any]:
    if isinstance(methods, str | type) or not hasattr(methods, "__iter__"):
        return [methods]
    return list(methods)


def _distinct(label: str, taken: Sequence[str]) -> str:
    said, number = label, 2
    while said in taken:
        said, number = f"{label} ({number})", number + 1
    return said
