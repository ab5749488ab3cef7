"""What goes into a network's last softmax or sigmoid: the logits behind its probabilities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_ENDS = frozenset({"softmax", "sigmoid", "expit"})
_RESHAPES = frozenset({"squeeze", "unsqueeze", "view", "reshape", "flatten", "contiguous", "clone"})


class Ending(TorchFunctionMode):
    """Remembers what went into the last softmax or sigmoid, past changes of shape alone."""

    def __init__(self) -> None:
        super().__init__()
        self._known: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call on, and note."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in _ENDS and args and isinstance(args[0], Tensor) and isinstance(result, Tensor):
            self._known.append((result, args[0]))
        elif name in _RESHAPES and args and isinstance(args[0], Tensor):
            argument = self.argument(args[0])
            if argument is not None and isinstance(result, Tensor):
                self._known.append((result, func(argument, *args[1:], **kwargs)))
        return result

    def argument(self, result: Tensor) -> Tensor | None:
        """What the softmax or sigmoid that made this was called with; None if none made it."""
        return next((argument for known, argument in reversed(self._known) if known is result), None)


class Logits(torch.nn.Module):
    """A network that answers with what goes into its last softmax or sigmoid; one that has none answers as it is.

    Parameters
    ----------
    net : torch.nn.Module

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Softmax(dim=1))
    >>> Logits(net)(torch.tensor([[1.0, 3.0]]))
    tensor([[1., 3.]])
    """

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net
        self.ended = False
        """Whether the last call met such an end."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Answer."""
        with Ending() as ending:
            answer = self.net(*args, **kwargs)
        argument = ending.argument(answer) if isinstance(answer, Tensor) else None
        self.ended = argument is not None
        return answer if argument is None else argument
