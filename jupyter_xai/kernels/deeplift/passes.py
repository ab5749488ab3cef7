"""DeepLIFT's engine: a function on the input and on the reference, and multipliers back through all its calls.

The published libraries hook modules, so that what is not a module of its own (functional calls, operators, reused
modules, recurrent and attention layers) is treated as linear. Here every torch call is met, above autograd, in the
order in which it is made: the pass over the input puts a rule into the graph for each call that is not linear, the pass
over the reference meets the same calls and gives each rule what it lacks. One backward pass a target then carries
DeepLIFT's multipliers where it would have carried gradients.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.modes import ExplainedPass, ReferencePass
from jupyter_xai.kernels.deeplift.tape import MARK, SEEN, Settings, Tape

Function = Callable[..., Tensor]


class Passes:
    """Both passes over a function, done once; multipliers for any of its outputs.

    Parameters
    ----------
    function : callable
        Takes the inputs, gives scores of shape (rows, outputs). Its parameters must not require gradients.
    inputs, references : tuple of Tensor
        Rows that belong together, of equal shapes.
    settings : Settings, optional

    Attributes
    ----------
    outputs, reference_outputs : Tensor of shape (rows, outputs)
    tape : Tape
        What was met on the way.

    Raises
    ------
    CannotExplainError
        If the function makes other calls on the reference than on the input.

    Examples
    --------
    >>> x, x0 = torch.tensor([[3.0, 2.0]]), torch.zeros(1, 2)
    >>> passes = Passes(lambda x: torch.relu(x.sum(1, keepdim=True) - 1), (x,), (x0,))
    >>> (m,) = passes.multipliers(0)
    >>> m * (x - x0)
    tensor([[2.4000, 1.6000]])
    """

    def __init__(
        self,
        function: Function,
        inputs: tuple[Tensor, ...],
        references: tuple[Tensor, ...],
        settings: Settings | None = None,
    ) -> None:
        self.tape = Tape(settings or Settings())
        self._points = tuple(x.detach().requires_grad_() for x in inputs)
        with _eager(), torch.inference_mode(mode=False), torch.enable_grad():
            entered = tuple(x.clone() for x in self._points)  # a network may write into what it is given
            for x in entered:
                setattr(x, MARK, SEEN)
            with ExplainedPass(self.tape):
                self._scores = function(*entered)
            entered = tuple(x0.detach().clone() for x0 in references)
            second = ReferencePass(self.tape)
            with second:
                scores0 = function(*entered)
            second.finish()
        self.tape.entries.clear()  # rules live as long as the graph they are in, and no longer
        self.outputs = self._scores.detach()
        self.reference_outputs = scores0.detach()

    def multipliers(self, output: int, *, keep: bool = False) -> tuple[Tensor, ...]:
        """Multipliers of one output, one tensor an input.

        Parameters
        ----------
        output : int
        keep : bool, default=False
            Whether another output will be asked for.
        """
        if not self._scores.requires_grad:
            return tuple(torch.zeros_like(x) for x in self._points)
        chosen = self._scores[:, output].sum()
        found: tuple[Tensor | None, ...] = torch.autograd.grad(
            chosen, self._points, retain_graph=keep, allow_unused=True
        )
        return tuple(
            torch.zeros_like(x) if m is None else m for x, m in zip(self._points, found, strict=True)
        )


@contextmanager
def _eager() -> Iterator[None]:
    """Run compiled parts as they are written: a compiled one makes no calls that could be met."""
    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
