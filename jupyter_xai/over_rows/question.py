"""What ``explain_dataset`` asks: a kernel over rows, made to order."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jupyter_xai.api import default_masker
from jupyter_xai.errors import InputError
from jupyter_xai.inputs import Recognised, recognise, seed
from jupyter_xai.models import wrap
from jupyter_xai.registry import DEFAULT_METHOD, KERNELS, LOCAL


@dataclass
class Question:
    """What the user has, and how it is to be explained; see ``explain_dataset``."""

    model: Any
    rows: Any
    masker: Any = None
    background: Any = None
    baseline: Any = None
    output: str = "auto"
    feature_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None
    random_state: int | None = 0
    batch_size: int | str = "auto"
    _found: Recognised | None = field(default=None, init=False)

    def kernel(self, method: Any, explainer: Any, params: dict[str, Any]) -> tuple[Any, Any]:
        """The kernel, and the rows, of which none is lost for having been looked at.

        Raises
        ------
        InputError
            For an unknown method or hyper-parameter.
        """
        if not isinstance(method, str | type):
            if params or explainer is not None:
                raise InputError(
                    f"method= is a {type(method).__name__} that is made already: explainer= and hyper-parameters "
                    f"({', '.join(params) or 'none'} given) belong into its own call. Pass them there."
                )
            return method, self.rows
        cls = _class(method)
        random_state = 0 if self.random_state is None else seed(self.random_state)
        takes = inspect.signature(cls).parameters
        own = {name: params.pop(name) for name in [spec.name for spec in cls.params] if name in params}
        own |= {name: params.pop(name) for name in ("groups", "join") if name in takes and name in params}
        own = {"random_state": random_state, "batch_size": self.batch_size} | own
        own = {name: value for name, value in own.items() if name in takes}
        if "explainer" not in takes:
            _refuse(cls, cls.params, params)
            more = {"feature_names": self.feature_names} if "feature_names" in takes else {}
            model = wrap(self.model, kind="table", output=self.output, output_names=self.output_names)
            return cls(model, **own, **more), self.rows
        rows = self.rows
        if isinstance(explainer, str | type) or explainer is None:
            explainer, rows = self._explainer(cls, explainer, params, random_state)
        elif params:
            _refuse(cls, cls.params, params)
        return cls(explainer, **own), rows

    def _explainer(
        self, cls: Any, explainer: Any, params: dict[str, Any], random_state: int
    ) -> tuple[Any, Any]:
        first, rows = peek(self.rows)
        background = self.background
        if background is None and self.masker is None and (is_table(self.rows) or hasattr(first, "iloc")):
            background = self.rows if is_table(self.rows) else None
        found = recognise(first, model=self.model, masker=self.masker, background=background)
        masker = default_masker(
            found, self.masker, background, None if self.masker else self.feature_names, params
        )
        predictor = wrap(self.model, kind=found.kind, output=self.output, output_names=self.output_names)
        if explainer is None:
            explainer = "kernel_shap" if cls.method == "global_shap" else DEFAULT_METHOD[found.kind]
        if isinstance(explainer, str):
            name = explainer.lower().replace("-", "_").replace(" ", "_")
            if name not in LOCAL:
                raise InputError(f"explainer={explainer!r} is not known: expected one of {', '.join(LOCAL)}.")
            why_not = LOCAL[name].why_not(found.kind, predictor.backend)
            if why_not:
                raise InputError(f"{why_not}. Pass another explainer=.")
            explainer = LOCAL[name].load()
        specs = getattr(explainer, "params", ())
        given = {name: params.pop(name) for name in [spec.name for spec in specs] if name in params}
        _refuse(cls, (*cls.params, *specs, *masker.params), params)
        offered = {
            "masker": masker,
            "inputs": masker,
            "baseline": self.baseline,
            "background": self.background
            if "masker" not in inspect.signature(explainer).parameters
            else None,
            "random_state": random_state,
            "batch_size": self.batch_size,
        }
        takes = inspect.signature(explainer).parameters
        offered = {name: value for name, value in offered.items() if name in takes and value is not None}
        return explainer(predictor, **offered, **given), rows


def peek(rows: Any) -> tuple[Any, Any]:
    """The first instance, and rows from which it is not missing.

    Examples
    --------
    >>> first, rows = peek(iter(["a", "b"]))
    >>> first, list(rows)
    ('a', ['a', 'b'])
    >>> peek(np.eye(2))[0]
    array([1., 0.])
    """
    if isinstance(rows, str | bytes | dict) or not hasattr(rows, "__iter__"):
        raise InputError(
            f"The rows are a {type(rows).__name__}; expected a DataFrame, an array with a row a line, a list of texts, "
            "a generator of rows or batches, or a DataLoader. For one instance there is xai.explain."
        )
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return _some(rows.iloc[:1]), rows
    if hasattr(rows, "shape"):
        return _some(rows[:1])[0], rows
    items = iter(rows)
    head = next(items, None)
    if head is None:
        raise InputError("There are no rows: expected at least one. Pass the rows to look at.")
    if items is rows:
        rows = itertools.chain([head], items)
    loader = any(base.__name__ == "DataLoader" for base in type(rows).__mro__)
    if loader and isinstance(head, list | tuple):
        head = head[0]
    if hasattr(head, "iloc") and hasattr(head, "columns"):
        return head.iloc[:1], rows
    axes = getattr(head, "ndim", 0)
    batch = axes in {2, 4} or loader or (isinstance(head, list | tuple) and head and isinstance(head[0], str))
    return (head[0] if batch else head), rows


def _some(rows: Any) -> Any:
    if not len(rows):
        raise InputError("There are no rows: expected at least one. Pass the rows to look at.")
    return rows


def is_table(rows: Any) -> bool:
    """Whether the rows are a table in memory, which can be its own background."""
    return (hasattr(rows, "iloc") and hasattr(rows, "columns")) or (
        isinstance(rows, np.ndarray) and not isinstance(rows, np.memmap) and rows.ndim == 2
    )


def _class(method: Any) -> Any:
    over_rows = {name: kernel for name, kernel in KERNELS.items() if kernel.family == "dataset"}
    if isinstance(method, type):
        return method
    name = method.lower().replace("-", "_").replace(" ", "_")
    if name in LOCAL:
        raise InputError(
            f"{LOCAL[name].label} explains one instance: expected one of {', '.join(over_rows)}. Pass it as "
            f'explainer={name!r}, for example with method="global_shap".'
        )
    if name not in over_rows:
        raise InputError(f"method={method!r} is not known: expected one of {', '.join(over_rows)}.")
    return over_rows[name].load()


def _refuse(cls: Any, specs: Sequence[Any], params: dict[str, Any]) -> None:
    if params:
        names = ", ".join(spec.name for spec in specs) or "none"
        raise InputError(
            f"{next(iter(params))}= is not a hyper-parameter of {cls.__name__}, its explainer or its masker: expected "
            f"one of {names}."
        )
