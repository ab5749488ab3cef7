"""Which methods are compared: names, classes, explainers, with hyper-parameters and labels."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_xai.errors import InputError
from jupyter_xai.registry import LOCAL


@dataclass(frozen=True)
class Method:
    """One of the methods asked for."""

    name: str
    label: str
    maker: Any
    params: Mapping[str, Any]
    masker: Any = None
    """Its own, where it cuts or hides in another way than the metrics do."""


def read_methods(
    given: Any, params: Mapping[str, Any], masker_params: Sequence[Any], backend: str
) -> list[Method]:
    """What ``methods=`` asks for, each with its own hyper-parameters and a label of its own.

    Parameters
    ----------
    given : sequence, dict or None
    params : mapping
        Hyper-parameters for all that know them.
    masker_params : sequence of ParamSpec
        What the masker knows.
    backend : {"numpy", "torch"}

    Raises
    ------
    InputError
        For an unknown method or hyper-parameter.

    Examples
    --------
    >>> [each.label for each in read_methods(["lime", ("lime", {"n_samples": 50})], {}, (), "numpy")]
    ['LIME', 'LIME (2)']
    """
    if given is None:
        given = ["lime", "kernel_shap"]
        if backend == "torch":
            given += ["deep_lift", "integrated_gradients"]
    pairs = list(given.items()) if isinstance(given, Mapping) else [(None, each) for each in _listed(given)]
    if not pairs:
        raise InputError(f"methods= is empty: expected some of {', '.join(LOCAL)}.")
    found: list[Method] = []
    known: set[str] = {spec.name for spec in masker_params}
    for label, each in pairs:
        own: Any = {}
        method = each
        if isinstance(each, tuple):
            if len(each) != 2 or not isinstance(each[1], Mapping):
                raise InputError(
                    f"methods= has {each!r}: expected a pair of a method and a dict of hyper-parameters."
                )
            method, own = each
        name, said, maker = named(method)
        own = dict(own)
        masker = own.pop("masker", None)
        if masker is not None and not hasattr(masker, "bind"):
            raise InputError(
                f"masker= of {name} is a {type(masker).__name__}: expected xai.Image(...) or another masker."
            )
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
        found.append(Method(name, said, maker, values, masker))
    for key in params:
        if key not in known:
            raise InputError(
                f"{key}= is not a hyper-parameter of any of the methods or of the masker: expected one of "
                f"{', '.join(sorted(known))}."
            )
    return found


def takes_gradients(method: Method, kind: Any, predictor: Any) -> bool:
    """Whether a method follows the network's gradients here: those of the registry, and others that take ``inputs``."""
    if predictor.backend != "torch":
        return False
    kernel = LOCAL.get(method.name)
    if kernel is not None and kernel.why_not(kind, predictor.backend):
        return False
    if kernel is not None:
        return kernel.family == "gradient"
    if isinstance(method.maker, type):
        return "inputs" in inspect.signature(method.maker).parameters
    return hasattr(method.maker, "inputs")


def named(each: Any) -> tuple[str, str, Any]:
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
