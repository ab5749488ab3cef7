"""Which torch call is what: linear, one with a rule, one that is made of others, or unknown."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import FunctionType
from typing import Any

import torch

from jupyter_xai.kernels.deeplift.composites import COMPOSITES
from jupyter_xai.kernels.deeplift.linear import ALIASES, CHOICES, DRAWS, LEAVES, LINEAR, MOVES, QUERIES
from jupyter_xai.kernels.deeplift.maxima import POOLS
from jupyter_xai.kernels.deeplift.recurrent import LAYERS
from jupyter_xai.kernels.deeplift.rules import COUPLED, PAIRS, RULES, integral
from jupyter_xai.kernels.deeplift.tape import Call, Decision, Rule, Tape


class Kind(enum.Enum):
    """What a pass does with a call."""

    QUERY = "asks only"
    SWITCH = "turns the recording of gradients on or off"
    RANDOM = "draws at random"
    ALIAS = "hides a value from training"
    LEAVES = "gives numbers to Python"
    LINEAR = "linear in what is explained"
    RULE = "has a rule"
    COMPOSED = "is made of other calls"
    UNKNOWN = "has no rule"


@dataclass(frozen=True)
class Plan:
    """What is done with one torch function.

    Parameters
    ----------
    name : str
        Without the underscore of an in-place version.
    kind : Kind
    in_place : bool
    function : callable
        Evaluates it out of place.
    body : callable
        For COMPOSED: the calls it is made of. For ALIAS: what is called instead.
    """

    name: str
    kind: Kind
    in_place: bool
    function: Callable[..., Any]
    body: Callable[..., Any]

    def make(self, call: Call, tape: Tape) -> Decision:
        """The rule for one call; None if it is linear in its live operands."""
        return RULES[self.name](call, tape)

    def whole(self) -> Plan:
        """The same call, not taken apart."""
        return replace(self, kind=_kind(self.name))

    def fallback(self, call: Call, tape: Tape) -> Rule:
        """The rule of a call that has none."""
        tape.note(self.name)
        return integral(call, tape)

    def couples(self, call: Call) -> bool:
        """Whether the call makes rows of a batch depend on one another."""
        return self.name in COUPLED and COUPLED[self.name](call)

    @property
    def moves(self) -> bool:
        """Whether truth values come out of it as they went in."""
        return self.name in MOVES

    @property
    def named(self) -> bool:
        """Whether ``input=`` may stand for its first argument."""
        return self.kind is not Kind.COMPOSED or self.name in COMPOSITES

    @property
    def fixed(self) -> bool:
        """Whether what it gives besides floats does not depend on the values of what it takes."""
        return self.name in FIXED

    def inverts(self, call: Call) -> bool:
        """Whether it gives one over something."""
        if self.name == "pow":
            exponent = call.arg(1, "exponent")
            return isinstance(exponent, int | float) and exponent < 0
        return self.name in {"rsqrt", "reciprocal"}

    @property
    def pairs(self) -> bool:
        """Whether RevealCancel looks at it together with what follows."""
        return self.name in PAIRS or self.name == "batch_norm"


FIXED = frozenset({"_pack_padded_sequence", "_pad_packed_sequence", "max_unpool2d"})
"""Calls whose integers say something about lengths alone."""

IN_PLACE = {"__iand__": "__and__", "__ior__": "__or__", "__ixor__": "__xor__", "__ipow__": "pow"}
"""Operators that write, and what they compute."""

WHOLE = POOLS | {"recurrence", "choose"}
"""Python functions that have a rule as they are."""


def name_of(func: Any) -> str:
    """A function's own name; that of a property for its getter.

    Examples
    --------
    >>> name_of(torch.Tensor.relu_), name_of(torch.Tensor.T.__get__)
    ('relu_', 'T')
    """
    name = str(getattr(func, "__name__", type(func).__name__))
    if name in {"__get__", "__set__"}:
        own = str(getattr(func.__self__, "__name__", name))
        return own if name == "__get__" else f"set_{own}"
    return name


@cache
def plan_of(func: Any) -> Plan:
    """What is done with a function, found out once."""
    name = name_of(func)
    written = name.endswith("_") and not name.endswith("__")
    in_place = written or name in IN_PLACE or name in {"__setitem__", "set_data"}
    own = name[:-1] if written else IN_PLACE.get(name, name)

    def plan(kind: Kind, body: Callable[..., Any] = func) -> Plan:
        return Plan(own, kind, in_place, _out_of_place(func, own) if in_place else func, body)

    if own in {"_set_grad_enabled", "set_grad_enabled"}:
        return plan(Kind.SWITCH)
    if name in ALIASES:
        return plan(Kind.ALIAS, lambda t, *_: t.view_as(t))
    if name in {"detach_", "requires_grad_", "retain_grad"}:
        return plan(Kind.ALIAS, lambda t, *_, **__: t)
    if own in DRAWS:
        return plan(Kind.RANDOM)
    if name in QUERIES:
        return plan(Kind.QUERY)
    if name in LEAVES:
        return plan(Kind.LEAVES)
    if own in LAYERS:
        return plan(Kind.COMPOSED, LAYERS[own])
    if isinstance(func, FunctionType) and own not in WHOLE:
        return plan(Kind.COMPOSED, _opened(func))
    kind = _kind(own)
    return plan(kind, COMPOSITES[own] if kind is Kind.COMPOSED else func)


def by_position(
    plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with ``input=`` in its place, where rules look for it."""
    first = ("condition", "input", "other") if plan.name == "where" else ("input",)
    rest = {key: value for key, value in kwargs.items() if key not in first}
    return (*args, *(kwargs[key] for key in first if key in kwargs)), rest


def _kind(own: str) -> Kind:
    if own in RULES:
        return Kind.RULE
    if own in COMPOSITES:
        return Kind.COMPOSED
    return Kind.LINEAR if own in LINEAR | CHOICES else Kind.UNKNOWN


def _out_of_place(func: Any, own: str) -> Callable[..., Any]:
    """The function that leaves its first argument alone."""
    homes = () if own.startswith("__") else (torch, torch._C._nn, torch.Tensor)  # noqa: SLF001
    for home in homes:
        found = getattr(home, own, None)
        if found is not None:
            return found  # type: ignore[no-any-return]

    def on_a_copy(first: Any, *rest: Any, **kwargs: Any) -> Any:
        first = first.clone()
        answer = func(first, *rest, **kwargs)
        return first if answer is None else answer

    return on_a_copy


def _not_overridden(*_: Any) -> bool:
    return False


def _opened(func: FunctionType) -> Callable[..., Any]:
    """The same Python function without its first question, whether somebody else handles the call.

    So a pass that handles ``F.multi_head_attention_forward`` sees the calls it makes.
    """
    quiet = dict.fromkeys(
        ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), _not_overridden
    )
    twin = FunctionType(
        func.__code__, {**func.__globals__, **quiet}, func.__name__, func.__defaults__, func.__closure__
    )
    twin.__kwdefaults__ = func.__kwdefaults__
    return twin
