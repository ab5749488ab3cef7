"""What is known of the calls of a pass: the call itself, its rule, and values kept safe from later writes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jupyter_xai.errors import CannotExplainError

Path = tuple[int | str, ...]
"""Where a tensor is among a call's arguments: a position or a keyword, then positions in lists."""

MARK = "_xai_mark"
"""The attribute of a tensor in which a pass notes what it knows of it."""


@dataclass(frozen=True)
class Settings:
    """Which rules a run uses.

    Parameters
    ----------
    rule : {"rescale", "reveal_cancel", "auto", "shapley"}
    max_rule : {"shapley", "winner"}
    """

    rule: Literal["rescale", "reveal_cancel", "auto", "shapley"] = "rescale"
    max_rule: Literal["shapley", "winner"] = "shapley"


class Diverged(CannotExplainError):  # noqa: N818 - reads as what happened
    """The network made other calls on the reference than on the input."""

    def __init__(self, here: str, there: str) -> None:
        super().__init__(
            f"The network takes another path on the baseline than on the input ({there} instead of {here}), so "
            "their difference has no layer-by-layer account. Pass a baseline for which the network takes the same "
            "path, or use a method that only asks for predictions, for example method='kernel_shap'."
        )


class Kept:
    """A tensor as it is now: it is copied when something is about to write into its memory."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


@dataclass
class Mark:
    """What the explained pass knows of a tensor besides its value.

    Parameters
    ----------
    twin : Tensor, optional
        The same values with a path back to the input, where torch has none (comparisons, custom functions).
    source : str
        The call through which a value without a path depends on the input; empty if there is none.
    linear : Call, optional
        The linear call that made it, and at which version it was untouched.
    version : int
    inverse : bool
        Whether it is one over something.
    """

    twin: Tensor | None = None
    source: str = ""
    linear: Any = None
    version: int = 0
    inverse: bool = False


SEEN, INVERSE = Mark(), Mark(inverse=True)
"""Notes that say no more than that a pass has met the call that made a value, or that it is one over something."""


@dataclass(frozen=True)
class Call:
    """One call of a torch function.

    Parameters
    ----------
    name : str
        Name of the function without the underscore of an in-place version.
    function : callable
        Works out of place.
    args, kwargs
    in_place : bool
        Whether the call as written overwrites its first argument.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    in_place: bool = False

    def arg(self, position: int, keyword: str, default: Any = None) -> Any:
        """The argument at a position or under a keyword."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(keyword, default)

    def evaluate(self) -> Any:
        """Evaluate it, out of place."""
        return self.function(*self.args, **self.kwargs)

    def run(self) -> Any:
        """Evaluate it without a graph."""
        with torch.no_grad():
            return self.evaluate()

    def paths(self, wanted: Callable[[Tensor], bool]) -> tuple[Path, ...]:
        """Where the tensors with a property are."""
        places: list[tuple[Path, Any]] = [((i,), value) for i, value in enumerate(self.args)]
        places += [((key,), value) for key, value in self.kwargs.items()]
        return tuple(path for place, value in places for path, t in _within(place, value) if wanted(t))

    def at(self, path: Path) -> Tensor:
        """The tensor at a path."""
        head, *rest = path
        value = self.args[head] if isinstance(head, int) else self.kwargs[head]
        for step in rest:
            value = value[step]
        found: Tensor = value
        return found

    def replaced(self, paths: tuple[Path, ...], tensors: tuple[Tensor, ...]) -> Call:
        """The same call on other tensors."""
        args, kwargs = list(self.args), dict(self.kwargs)
        for path, tensor in zip(paths, tensors, strict=True):
            head, *rest = path
            if isinstance(head, int):
                args[head] = _put(args[head], rest, tensor)
            else:
                kwargs[head] = _put(kwargs[head], rest, tensor)
        return replace(self, args=tuple(args), kwargs=kwargs)


def _within(place: Path, value: Any) -> Iterator[tuple[Path, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _within((*place, i), item)


def _put(value: Any, rest: list[Any], tensor: Tensor) -> Any:
    if not rest:
        return tensor
    items = list(value)
    items[rest[0]] = _put(items[rest[0]], rest[1:], tensor)
    return tuple(items) if isinstance(value, tuple) else items


def tensors_of(args: Any, kwargs: dict[str, Any] | None = None) -> list[Tensor]:
    """All tensors among arguments, also those in lists."""
    found: list[Tensor] = []
    for value in args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_of(value)
    if kwargs:
        found += tensors_of(kwargs.values())
    return found


class Rule:
    """How one call hands multipliers from its output back to its operands.

    ``explained`` evaluates the call on the input and keeps what is needed; ``reference`` evaluates it on the
    baseline and works out the multipliers' factors; ``backward`` applies them, any number of times.

    Parameters
    ----------
    call : Call
        On the input.
    operands : tuple of Path
        Those that depend on the explained input.
    tape : Tape
    """

    ready = False
    """Whether the reference has been met."""

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        self.name = call.name
        self.operands = operands
        self.tape = tape

    def explained(self, call: Call) -> Any:
        """Evaluate on the input."""
        raise NotImplementedError

    def reference(self, call: Call) -> Any:
        """Evaluate on the reference."""
        raise NotImplementedError

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Multipliers of the outputs to multipliers of the operands."""
        raise NotImplementedError

    def sources(self, call: Call) -> tuple[Tensor, ...]:
        """The tensors that the operands' multipliers go to."""
        return tuple(call.at(path) for path in self.operands)

    def keep(self, call: Call, path: Path) -> Kept:
        """An operand's value as it is now."""
        return self.tape.keep(call.at(path), copy=call.in_place and path == (0,))


class Handled:
    """A decision of another kind."""


Decision: TypeAlias = Rule | Callable[..., Any] | Handled | None
"""What is done with a live call: a rule, the calls it is made of, or None where it is linear."""


class Tape:
    """The calls of a run in order, each with what was decided about it.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.entries: list[tuple[Any, Any]] = []
        self.notes: dict[str, int] = {}
        """Calls that have no rule of their own, and how often."""
        self.lost: dict[str, int] = {}
        """Calls that cannot be explained, and how often."""
        self.missed: dict[str, float] = {}
        """What calls left without an account in the latest backward pass, summed over rows."""
        self.draws: set[str] = set()
        """Calls that draw at random."""
        self.coupled = False
        """Whether rows of a batch depend on one another."""
        self._kept: dict[int, list[weakref.ref[Kept]]] = {}

    def note(self, name: str) -> None:
        """Note a call without a rule."""
        self.notes[name] = self.notes.get(name, 0) + 1

    def lose(self, name: str) -> None:
        """Note a call that cannot be explained."""
        self.lost[name] = self.lost.get(name, 0) + 1

    def miss(self, name: str, amount: float) -> None:
        """Note how much of a difference a call left without an account, in the backward pass that runs."""
        self.missed[name] = self.missed.get(name, 0.0) + amount

    def keep(self, tensor: Tensor, *, copy: bool = False) -> Kept:
        """Keep a tensor as it is now, without its graph."""
        kept = Kept(tensor.detach())
        if copy:
            kept.tensor = kept.tensor.clone()
        else:
            self._kept.setdefault(memory(tensor), []).append(weakref.ref(kept))
        return kept

    def pack(self, tensor: Tensor) -> Kept:
        """Keep what torch saves for backward: nets that write in place need not be able to train."""
        return self.keep(tensor)

    def unpack(self, kept: Kept) -> Tensor:
        """What torch saved."""
        return kept.tensor

    def before_write(self, tensor: Tensor) -> None:
        """Copy what is kept of a tensor's memory: it is about to be written to."""
        for known in self._kept.pop(memory(tensor), ()):
            kept = known()
            if kept is not None:
                kept.tensor = kept.tensor.clone()


def floats(found: Any) -> tuple[Tensor, ...]:
    """The floating tensors among a call's outputs, complex ones with them."""
    return tuple(t for t in tensors_of((found,)) if _is_float(t))


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def memory(tensor: Tensor) -> int:
    """Identity of the memory a tensor is in; views share it."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - data_ptr is 0 for fakes and empties


@contextmanager
def own_graph() -> Iterator[None]:
    """Record gradients for the use of a rule alone, past whatever the network does with what torch saves."""
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(_as_it_is, _as_it_is):
        yield


def _as_it_is(tensor: Any) -> Any:
    return tensor


class _Apply(torch.autograd.Function):
    """Puts a rule into the graph: outputs as they were computed, backwards by the rule."""

    @staticmethod
    def forward(ctx: Any, rule: Rule, outputs: tuple[Tensor, ...], *operands: Tensor) -> Any:  # noqa: ARG004
        ctx.rule = rule
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *multipliers: Tensor) -> Any:
        if not ctx.rule.ready:
            raise CannotExplainError(
                "The network takes gradients while it is evaluated, of which DeepLIFT has no account. Use a method "
                "that only asks for predictions, for example method='kernel_shap'."
            )
        return None, None, *ctx.rule.backward(*multipliers)


def attach(rule: Rule, outputs: Any, operands: tuple[Tensor, ...]) -> Any:
    """Outputs with the rule as their way back to the operands; what is not a float has none."""
    several = isinstance(outputs, tuple)
    parts = list(outputs) if several else [outputs]
    places = [i for i, part in enumerate(parts) if _is_float(part)]
    found = _Apply.apply(rule, tuple(parts[i] for i in places), *operands)  # type: ignore[no-untyped-call]
    for i, part in zip(places, found, strict=True):
        parts[i] = part
    if not several:
        return parts[0]
    return type(outputs)(parts) if type(outputs) is not tuple else tuple(parts)
