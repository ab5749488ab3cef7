"""Values that depend on the input without a path back to it: indices, masks, what a custom function made."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.tape import (
    MARK,
    SEEN,
    Call,
    Kept,
    Mark,
    Path,
    Rule,
    Tape,
    floats,
    own_graph,
)


def trace(
    tape: Tape, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], list[Tensor]]:
    """Arguments with the paths that custom functions hide put back, and the tensors among them."""
    tensors: list[Tensor] = []

    def look(value: Any) -> Any:
        if isinstance(value, Tensor):
            mark: Mark | None = getattr(value, MARK, None)
            if mark is None:
                if value.requires_grad and not _is_written(value):
                    tape.lose(type(value.grad_fn).__name__.rstrip("0123456789").removesuffix("Backward"))
                    setattr(value, MARK, SEEN)
            elif mark.twin is not None and value.is_floating_point():
                value = mark.twin
            tensors.append(value)
        elif isinstance(value, list | tuple) and value:
            items = [look(item) for item in value]
            if any(item is not old for item, old in zip(items, value, strict=True)):
                value = type(value)(items) if type(value) in {list, tuple} else type(value)(*items)
        return value

    args = tuple(look(value) for value in args)
    if kwargs:
        kwargs = {key: look(value) for key, value in kwargs.items()}
    return args, kwargs, tensors


def _is_written(tensor: Tensor) -> bool:
    """Whether a value got its path by writing into a view of it; else it was made out of sight (compiled code)."""
    return tensor.is_leaf or tensor._base is not None or type(tensor.grad_fn).__name__ == "CopySlices"  # noqa: SLF001


def twin_of(tensor: Tensor) -> Tensor:
    """The float twin of truth values."""
    twin = getattr(tensor, MARK).twin
    assert twin is not None
    return twin  # type: ignore[no-any-return]


def depends(tensors: list[Tensor]) -> str:
    """The call through which one of them depends on the input without a path; empty if none does."""
    for tensor in tensors:
        mark: Mark | None = getattr(tensor, MARK, None)
        if mark is not None and mark.source:
            return mark.source
    return ""


class Mixed(Rule):
    """A call on live operands and on others that differ between the branches without a path.

    The live ones are credited with the average over both branches' indices or masks; the rest of the difference is
    what those do, and is reported as not explained.
    """

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape, source: str = "") -> None:
        super().__init__(call, operands, tape)
        self._source = source or call.name
        self._kept: tuple[Kept, ...] = ()

    def explained(self, call: Call) -> Any:
        """The call itself."""
        self.tape.lose(self._source)
        self._call = call
        self._kept = tuple(self.keep(call, path) for path in self.operands)
        found = call.run()
        self._y = tuple(self.tape.keep(y) for y in floats(found))
        return found

    def reference(self, call: Call) -> Any:
        """The call itself; both branches ready to be differentiated."""
        found = call.run()
        starts = tuple(call.at(path).detach() for path in self.operands)
        a = tuple(kept.tensor for kept in self._kept)
        same = [y.tensor.shape for y in self._y] + [x.shape for x in a] == [
            t.shape for t in (*floats(found), *starts)
        ]
        self._branches = [self._branch(self._call, a), *([self._branch(call, starts)] if same else [])]
        self._rises = [y.tensor - y0 for y, y0 in zip(self._y, floats(found), strict=True)] if same else []
        self._steps = [x - x0 for x, x0 in zip(a, starts, strict=True)] if same else []
        self._kept = self._y = ()
        return found

    def _branch(self, call: Call, values: tuple[Tensor, ...]) -> Any:
        with own_graph():
            points = tuple(value.detach().clone().requires_grad_() for value in values)
            return points, floats(call.replaced(self.operands, points).evaluate())

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Average of the gradients; what is left of the difference is noted."""
        total: list[Tensor] = [torch.zeros_like(point) for point in self._branches[0][0]]
        for points, found in self._branches:
            pairs = [(y, m) for y, m in zip(found, multipliers, strict=True) if y.requires_grad]
            if not pairs:
                continue
            ys, ms = zip(*pairs, strict=True)
            grads = torch.autograd.grad(ys, points, ms, retain_graph=True, allow_unused=True)
            for sum_, grad in zip(total, grads, strict=True):
                if grad is not None:
                    sum_.add_(grad, alpha=1.0 / len(self._branches))
        gained = sum(float((m * rise).sum()) for m, rise in zip(multipliers, self._rises, strict=False))
        given = sum(float((m * step).sum()) for m, step in zip(total, self._steps, strict=False))
        self.tape.miss(self._source, given - gained)
        return tuple(total)
