"""Typed specifications of hyper-parameters: validation here, the view's panel from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from jupyter_xai.errors import InputError

Cost = Literal["solve", "evaluate", "rebuild"]
"""What moving a parameter throws away: the fit, the model's answers, or the masks as well."""


@dataclass(frozen=True, kw_only=True)
class ParamSpec:
    """One keyword of a kernel's or masker's constructor.

    Parameters
    ----------
    name : str
        The keyword.
    default : object
        Equal to the constructor's default (a contract test holds this).
    label : str
        Words for the panel, lower case.
    doc : str
        One sentence on what a larger or another value does.
    cost : {"solve", "evaluate", "rebuild"}
        What a move of it throws away.
    auto : bool
        Whether the string ``"auto"`` is allowed as well.
    part : {"method", "input"}
        Whether it is the kernel's, or the masker's and stays when the method changes. Set by the composition root.
    """

    name: str
    default: Any
    label: str
    doc: str = ""
    cost: Cost = "evaluate"
    auto: bool = False
    part: Literal["method", "input"] = "method"
    control: str = field(default="", init=False)

    def validate(self, value: Any) -> Any:
        """Return the value in its plain Python type.

        Raises
        ------
        InputError
            If the value is not allowed; the message says what is.
        """
        if self.auto and isinstance(value, str) and value == "auto":
            return value
        return self._validate(value)

    def _validate(self, value: Any) -> Any:
        return value

    def _fail(self, value: Any, expected: str) -> InputError:
        also = ' or "auto"' if self.auto else ""
        return InputError(
            f"{self.name}={value!r} does not work: expected {expected}{also}. Pass another {self.name}=."
        )


@dataclass(frozen=True, kw_only=True)
class FloatParam(ParamSpec):
    """A real number in a closed range; ``scale`` says how a slider moves.

    Examples
    --------
    >>> FloatParam(name="alpha", default=1.0, label="ridge", min=0.0, max=10.0).validate(2)
    2.0
    """

    min: float = -math.inf
    max: float = math.inf
    step: float = 0.01
    scale: Literal["linear", "log"] = "linear"
    control: str = field(default="float", init=False)

    def _validate(self, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool | str) or not self.min <= number <= self.max:
            raise self._fail(value, f"a number from {self.min:g} to {self.max:g}")
        return number


@dataclass(frozen=True, kw_only=True)
class IntParam(ParamSpec):
    """A whole number in a closed range.

    Examples
    --------
    >>> IntParam(name="n_samples", default="auto", label="samples", min=1, max=10, auto=True).validate("auto")
    'auto'
    """

    min: int = 0
    max: int = 2**31 - 1
    step: int = 1
    scale: Literal["linear", "log"] = "linear"
    control: str = field(default="int", init=False)

    def _validate(self, value: Any) -> int:
        whole = not isinstance(value, bool | str) and hasattr(value, "__index__")
        if not whole or not self.min <= int(value) <= self.max:
            raise self._fail(value, f"a whole number from {self.min:,} to {self.max:,}")
        return int(value)


@dataclass(frozen=True, kw_only=True)
class ChoiceParam(ParamSpec):
    """One of a few named choices; ``free`` also admits other objects (a callable, an array).

    Examples
    --------
    >>> ChoiceParam(name="fill", default="mean", label="fill", choices=("mean", "blur")).validate("blur")
    'blur'
    """

    choices: tuple[str, ...] = ()
    free: bool = False
    control: str = field(default="choice", init=False)

    def _validate(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.choices:
            return value
        if self.free and not isinstance(value, str):
            return value
        raise self._fail(value, "one of " + ", ".join(repr(choice) for choice in self.choices))


@dataclass(frozen=True, kw_only=True)
class TextParam(ParamSpec):
    """Any string; ``choices`` are suggestions, None means the empty one, and ``free`` also admits other objects.

    Examples
    --------
    >>> TextParam(name="mask_token", default="", label="mask", choices=("[MASK]",)).validate("<mask>")
    '<mask>'
    """

    choices: tuple[str, ...] = ()
    free: bool = False
    control: str = field(default="text", init=False)

    def _validate(self, value: Any) -> Any:
        if value is None:
            return ""
        if not isinstance(value, str) and not self.free:
            raise self._fail(value, "a str")
        return value


@dataclass(frozen=True, kw_only=True)
class BoolParam(ParamSpec):
    """A switch."""

    control: str = field(default="bool", init=False)

    def _validate(self, value: Any) -> bool:
        if value is True or value is False or type(value).__name__ == "bool_":
            return bool(value)
        raise self._fail(value, "True or False")


def validate_all(specs: tuple[ParamSpec, ...], values: dict[str, Any]) -> dict[str, Any]:
    """Validate the values that have a spec; the others pass through.

    Parameters
    ----------
    specs : tuple of ParamSpec
    values : dict
        Keyword to value.

    Returns
    -------
    dict
        The same keys, plain Python values.
    """
    known = {spec.name: spec for spec in specs}
    return {name: known[name].validate(value) if name in known else value for name, value in values.items()}
