"""One question as the view asks it: a predictor, an instance, a masker, and kernels made to order."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.edited import Edited, edited
from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Explanation, Layout
from jupyter_xai.inputs import Recognised, seed
from jupyter_xai.models.targets import default_threshold, resolve_targets
from jupyter_xai.models.traceback import describe_error
from jupyter_xai.params import ChoiceParam, ParamSpec
from jupyter_xai.protocols import Batch, Kind, Predictor, Progress, Watch
from jupyter_xai.registry import DEFAULT_METHOD, KERNELS, LOCAL
from jupyter_xai.responses import along_paths
from jupyter_xai.responses.paths import STOPPED_AMONG, STOPPED_BEFORE, noted

AS_GIVEN = "as given"
"""The baseline that ``explain`` was passed, where it has no name."""


class Session:
    """What a view asks.

    Parameters
    ----------
    predictor : Predictor
    found : Recognised
        The instance and what it was taken for.
    masker : Masker
    baseline : object
        Reference input of gradient methods, None for the others.
    background : sequence of images or texts, or None
        Reference inputs of gradient methods that average over some; of a table the masker has them.
    n_targets : int
    threshold : float or None
        None: the predictor's own.
    batch_size : int or "auto"
    """

    def __init__(
        self,
        *,
        predictor: Predictor,
        found: Recognised,
        masker: Any,
        baseline: Any,
        background: Any = None,
        n_targets: int,
        threshold: float | None,
        batch_size: int | str,
    ) -> None:
        self.took = found.took
        self._predictor = predictor
        self._given_threshold = threshold
        self.output_unit: str = predictor.output_space
        self.threshold = default_threshold(predictor) if threshold is None else float(threshold)
        self._found = found
        self._masker = masker
        self._baseline = baseline
        self._background = background
        self._n_targets = n_targets
        self._batch_size = batch_size
        self._custom: dict[str, Any] = {}
        self._target_objects: Any = None
        self._highest: tuple[int, ...] | None = None
        self._altered: tuple[dict[str, Any], Any] | None = None
        self._original: tuple[Any, Layout] | None = None
        self._pool = Pool()

    # --- requests ---------------------------------------------------------------------------------------------------

    def first_request(
        self, method: Any, targets: Any, random_state: int | None, params: dict[str, Any]
    ) -> dict[str, Any]:
        """Check what ``explain`` was given and put it as a request.

        Raises
        ------
        InputError
            For an unknown method or hyper-parameter; the message lists those there are.
        CannotExplainError
            If the method does not apply here.
        """
        name = self._method_name(method)
        why_not = (
            "" if name in self._custom else KERNELS[name].why_not(self._found.kind, self._predictor.backend)
        )
        if why_not:
            fitting = [row["label"] for row in self.methods() if not row["why_not"]]
            raise CannotExplainError(f"{why_not}.", fitting)
        if self._baseline is not None and (name in self._custom or KERNELS[name].family != "gradient"):
            raise InputError(
                f"baseline= is the reference input of gradient methods, and {name} has none: leave it out, "
                "or choose what replaces an absent feature with masker=."
            )
        request: dict[str, Any] = {"method": name, "params": {}, "edits": []}
        known = {spec.name: spec for spec in (*self._kernel_class(request).params, *self._masker.params)}
        for key, value in params.items():
            if key not in known:
                names = ", ".join(known) or "none"
                raise InputError(
                    f"{key}= is not a hyper-parameter of {name} or its masker: expected one of {names}."
                )
            request["params"][key] = known[key].validate(value)
        self._keep_masker_params(request["params"])
        self._target_objects = targets
        request["random_state"] = secrets.randbelow(2**31) if random_state is None else seed(random_state)
        return request

    def _keep_masker_params(self, params: Mapping[str, Any]) -> None:
        """Make the masker as it was asked for, so that it stays so under another method."""
        own = [spec.name for spec in self._masker.params if spec.name in params]
        if own:
            self._masker = copy.copy(self._masker)
            for name in own:
                setattr(self._masker, name, params[name])

    def _method_name(self, method: Any) -> str:
        if method is None:
            return DEFAULT_METHOD[self._found.kind]
        if isinstance(method, str):
            name = method.lower().replace("-", "_").replace(" ", "_")
            return _local(name, f"method={method!r} is not known")
        for kernel in KERNELS.values():
            if isinstance(method, type) and kernel.load() is method:
                return _local(kernel.name, "")
        if not callable(getattr(method, "stream", None)):
            raise InputError(
                f"method={method!r} does not work: expected a name ({', '.join(LOCAL)}), a kernel class, or an "
                "explainer with params, explain and stream."
            )
        name = method.__name__ if isinstance(method, type) else type(method).__name__
        self._custom[name] = method
        return name

    # --- what a view asks -------------------------------------------------------------------------------------------

    def methods(self) -> list[dict[str, str]]:
        """Every kernel, and why it does not apply ("" if it does)."""
        rows = kernel_rows(self._found.kind, self._predictor)
        return rows + [{"name": name, "label": name, "why_not": ""} for name in self._custom]

    def params(self, request: Mapping[str, Any]) -> tuple[ParamSpec, ...]:
        """Specs of the request's kernel and its baseline, then of the masker where it has a part in it."""
        cls = self._kernel_class(request)
        gradient = self._is_gradient(request)
        pieces = () if gradient and self._found.kind != "text" else _used(self._masker, cls)
        return (
            *cls.params,
            *(self._baseline_spec() if gradient and "baseline" in inspect.signature(cls).parameters else ()),
            *(dataclasses.replace(spec, part="input") for spec in pieces),
        )

    def _is_gradient(self, request: Mapping[str, Any]) -> bool:
        name = request.get("method", "")
        return name not in self._custom and KERNELS[name].family == "gradient"

    def _baseline_spec(self) -> tuple[ParamSpec, ...]:
        """The choice of a reference input: the names that fit this kind of input, and what was passed."""
        given, kind = self._baseline, self._found.kind
        averaged = kind == "image" or hasattr(self._masker, "table")
        names = {"image": ("zeros", "mean", "blur"), "text": ("pad", "mask", "zeros")}.get(
            kind, ("zeros", "mean") if averaged else ("zeros",)
        )
        known = given is None or (isinstance(given, str) and given in names)
        return (
            ChoiceParam(
                name="baseline",
                default="auto" if given is None else given if known else AS_GIVEN,
                label="baseline",
                doc="The input that stands for nothing: what the prediction is explained against.",
                auto=given is None,
                choices=names if known else (AS_GIVEN, *names),
            ),
        )

    def _baseline_of(self, request: Mapping[str, Any]) -> Any:
        chosen = request.get("params", {}).get("baseline", AS_GIVEN)
        if chosen == AS_GIVEN or not self._is_gradient(request):
            return self._baseline
        return None if chosen == "auto" else chosen

    def label(self, request: Mapping[str, Any]) -> str:
        """Name the request's method as the view does."""
        name = request["method"]
        return name if name in self._custom else KERNELS[name].label

    def stream(self, request: Mapping[str, Any], watch: Watch) -> Iterator[Explanation]:
        """Explain as the request says."""
        kernel, instance = self._make(request)
        targets = request.get("targets")
        chosen = list(targets) if targets else self._target_objects
        edited_by_hand = bool(request.get("edits"))
        if chosen is None and edited_by_hand:
            chosen = self._highest_before(request)

        def knowing(progress: Progress) -> bool:
            self._learn()  # the opening is drawn in the outputs' own space
            return watch(progress)

        offered = {"watch": knowing, "pool": self._pool}
        takes = inspect.signature(kernel.stream).parameters  # a user's own explainer may take neither
        with closing(
            kernel.stream(instance, chosen, **{name: offered[name] for name in offered if name in takes})
        ) as estimates:
            last = None
            for last in estimates:
                self._learn()
                if not targets and not edited_by_hand:
                    self._highest = last.targets
                yield noted(last, STOPPED_BEFORE) if last.status == "stopped" else last
        if last is not None and last.status in {"settled", "capped"}:
            yield from self._with_curves(request, last, watch)

    def _highest_before(self, request: Mapping[str, Any]) -> list[int] | None:
        """The outputs that are highest before any edit: they stay the explained ones, whatever becomes highest."""
        if self._highest is None and request.get("method") not in self._custom:
            scores = self.predict({**request, "edits": []})
            self._highest = resolve_targets(None, self._predictor, scores, self._n_targets).indices
        return None if self._highest is None else list(self._highest)

    def _with_curves(
        self, request: Mapping[str, Any], last: Explanation, watch: Watch
    ) -> Iterator[Explanation]:
        """The finished estimate with the model's answers along paths, as they come."""
        found = self._edited(self._masker_of(request), request)
        if not hasattr(found.masker, "bind"):
            return
        paths = along_paths(
            last,
            found.masker.bind(found.instance, self._predictor),
            self._predictor,
            batch_size=self._batch_size,
            random_state=request.get("random_state", 0),
            threshold=self.threshold,
            change=partial(self._adjusted, request),
            present={e["kind"]: e["amount"] for e in request.get("edits", ()) if e["op"] == "adjust"},
            pool=self._pool,
        )
        with self._predictor.run(), closing(paths):
            for estimate in paths:
                yield estimate
                if not watch(Progress(last.n_evals, last.n_rows, last.forecast_evals)):
                    yield noted(estimate, STOPPED_AMONG)
                    return

    def _adjusted(self, request: Mapping[str, Any], name: str, amount: float) -> Batch:
        """The image as a batch of one, with one more adjustment."""
        edits = [*request.get("edits", ()), {"op": "adjust", "kind": name, "amount": amount}]
        found = self._edited(self._masker_of(request), {**request, "edits": edits})
        return found.masker.bind(found.instance, self._predictor).instance()

    def ids(self, request: Mapping[str, Any]) -> tuple[int, ...] | None:
        """Number in the original of each feature of the edited instance; None where they are the same."""
        return self._edited(self._masker_of(request), request).ids

    def layout(self, request: Mapping[str, Any]) -> Layout:
        """Layout of the edited instance, as the masker sees it under the request's hyper-parameters."""
        found = self._edited(self._masker_of(request), request)
        layout: Layout = found.masker.bind(found.instance, self._predictor).layout
        return layout

    def predict(self, request: Mapping[str, Any]) -> NDArray[np.float64]:
        """Every output of the model at the edited instance, shape (outputs,).

        Raises
        ------
        InputError
            If an edit does not fit.
        ModelError
            If the model fails.
        """
        found = self._edited(self._masker_of(request), request)
        batch = found.masker.bind(found.instance, self._predictor).instance()
        first: NDArray[np.float64] = self._predictor.predict(batch)[0]
        return first

    def _learn(self) -> None:
        """Read what a net or function tells with its first answer only: its outputs and their space."""
        self.output_unit = self._predictor.output_space
        if self._given_threshold is None:
            self.threshold = default_threshold(self._predictor)

    def describe_error(self, error: BaseException) -> dict[str, str]:
        """Put a failure in words for the view."""
        return describe_error(error)

    def drop_caches(self) -> None:
        """Forget the model's cached answers."""
        self._pool.clear()

    # --- kernels made to order --------------------------------------------------------------------------------------

    def _kernel_class(self, request: Mapping[str, Any]) -> Any:
        name = request.get("method", "")
        if name in self._custom:
            return self._custom[name]
        return KERNELS[_local(name, f"method={name!r} is not known")].load()

    def _make(self, request: Mapping[str, Any]) -> tuple[Any, Any]:
        cls = self._kernel_class(request)
        masker = self._masker_of(request)
        known = {spec.name for spec in getattr(cls, "params", ())}
        # another method's are left
        params = {name: value for name, value in request.get("params", {}).items() if name in known}
        found = self._edited(masker, request)
        masker, instance = found.masker, found.instance
        if not isinstance(cls, type):
            return cls, instance
        takes = inspect.signature(cls).parameters
        offered = {
            "masker": masker,
            "inputs": masker,
            "baseline": self._baseline_of(request),
            "background": self._pictures(masker),
            "random_state": request.get("random_state", 0),
            "batch_size": self._batch_size,
        }
        given = {name: value for name, value in offered.items() if name in takes}
        kernel = cls(self._predictor, **given, **params)
        kernel.n_targets = self._n_targets
        return kernel, instance

    def _pictures(self, masker: Any) -> Any:
        """The background images in the network's own form; texts as they are, which the masker encodes."""
        if self._background is None or self._found.kind == "text":
            return self._background
        return np.concatenate(
            [masker.bind(each, self._predictor).instance().cpu().numpy() for each in self._background]
        )

    def _masker_of(self, request: Mapping[str, Any]) -> Any:
        """The masker with the request's hyper-parameters; the same object for the same ones."""
        given = request.get("params", {})
        own = {spec.name: given[spec.name] for spec in self._masker.params if spec.name in given}
        if all(getattr(self._masker, name) is value for name, value in own.items()):
            return self._masker
        if self._altered is None or self._altered[0] != own:
            masker = copy.copy(self._masker)
            for name, value in own.items():
                setattr(masker, name, value)
            self._altered = (own, masker)
        return self._altered[1]

    def _edited(self, masker: Any, request: Mapping[str, Any]) -> Edited:
        """The instance after the request's edits."""
        edits, instance = request.get("edits"), self._found.instance
        if not edits:
            return Edited(masker, instance)
        if self._original is None or self._original[0] is not masker:
            self._original = (masker, masker.bind(instance, self._predictor).layout)
        return edited(masker, instance, self._original[1], edits)


def _used(masker: Any, cls: Any) -> tuple[ParamSpec, ...]:
    """Specs of the masker that have a part in a kernel: those of a neighbourhood only where it draws from one."""
    apart = getattr(masker, "of_neighbourhood", ())
    if getattr(cls, "draws_around", True):
        apart = ()
    return tuple(spec for spec in masker.params if spec.name not in apart)


def kernel_rows(kind: Kind, predictor: Predictor) -> list[dict[str, str]]:
    """Every kernel's name, label and why it does not apply to this kind of input ("" if it does)."""
    return [
        {"name": kernel.name, "label": kernel.label, "why_not": kernel.why_not(kind, predictor.backend)}
        for kernel in LOCAL.values()
    ]


def _local(name: str, unknown: str) -> str:
    """The name, if it is a kernel's that explains one instance."""
    if name in LOCAL:
        return name
    if name in KERNELS:
        raise InputError(
            f"{KERNELS[name].label} looks at many rows, and here is one: expected one of {', '.join(LOCAL)}. Use "
            f'xai.explain_dataset(model, rows, method="{name}").'
        )
    raise InputError(f"{unknown}: expected one of {', '.join(LOCAL)}.")
