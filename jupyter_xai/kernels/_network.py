"""A torch network opened for one run: what is explained become points that carry gradients, scores are logits.

A *point* is a tensor at which attributions live: a floating input, or the output of the embedding of an input of token
ids. Calls are met with a ``TorchFunctionMode``, so that functional and module calls are alike, and the network is never
hooked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.overrides import TorchFunctionMode

from jupyter_xai.errors import ModelError, XaiError
from jupyter_xai.evaluation import out_of_memory
from jupyter_xai.models.ending import Ending

Function = Callable[..., Tensor]
Finish = Callable[[Tensor, Any, Sequence[Tensor]], Tensor]


@dataclass(frozen=True)
class Part:
    """One input of the network.

    Parameters
    ----------
    value : Tensor of shape (rows, ...)
    role : {"float", "ids", "fixed"}
        Explained itself, explained through its embedding, or kept as it is.
    """

    value: Tensor
    role: str


class Embeddings(TorchFunctionMode):
    """Finds the embeddings of token ids, or puts other vectors in their place.

    Parameters
    ----------
    ids : sequence of (int, Tensor)
        Number of each part and its ids.
    vectors : sequence of Tensor, optional
        In the order in which the embeddings are called; None: they are left and noted in ``found``.
    """

    def __init__(self, ids: Sequence[tuple[int, Tensor]], vectors: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self._ids = ids
        self._vectors = None if vectors is None else iter(vectors)
        self.found: list[tuple[int, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call on, or answer with the vectors."""
        kwargs = kwargs or {}
        if func is F.embedding:
            part = self._part(args[0] if args else kwargs["input"])
            if part is not None:
                return self._vectors_of(part, lambda: func(*args, **kwargs))
        if func is F.embedding_bag and not kwargs.get("offsets") is not None:
            ids = args[0] if args else kwargs["input"]
            part = self._part(ids) if ids.dim() == 2 else None
            if part is not None:
                weight = args[1] if len(args) > 1 else kwargs["weight"]
                vectors = self._vectors_of(part, lambda: F.embedding(ids, weight))
                mode = kwargs.get("mode", "mean")
                return (
                    vectors.mean(1)
                    if mode == "mean"
                    else vectors.sum(1)
                    if mode == "sum"
                    else vectors.amax(1)
                )
        return func(*args, **kwargs)

    def _part(self, index: Tensor) -> int | None:
        for part, ids in self._ids:
            if index is ids or (index.shape == ids.shape and bool((index == ids).all())):
                return part
        return None

    def _vectors_of(self, part: int, make: Callable[[], Tensor]) -> Tensor:
        if self._vectors is not None:
            given = next(self._vectors, None)
            if given is not None:
                return given
        made = make()
        self.found.append((part, made))
        return made


class Network:
    """The network of one run.

    Parameters
    ----------
    module : torch.nn.Module
        A copy in eval mode whose parameters need no gradients.
    structure : {"single", "tuple"} or tuple of str
        How the inputs are passed: alone, one after another, or by these names.
    """

    def __init__(self, module: Any, structure: str | tuple[str, ...]) -> None:
        self.module = module
        self.structure = structure

    def call(self, values: Sequence[Tensor]) -> Tensor:
        """The network's answer to its inputs, its first tensor if it gives several.

        Raises
        ------
        ModelError
            If it raises, or does not answer with a tensor.
        """
        try:
            if isinstance(self.structure, tuple):
                answer = self.module(**dict(zip(self.structure, values, strict=True)))
            else:
                answer = self.module(*values)
        except XaiError:
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            rows = len(values[0])
            raise ModelError(
                f"Your model raised {type(error).__name__} on a batch of {rows} row{'s' * (rows != 1)}: "
                f"{str(error) or 'it said nothing'}",
                rows,
            ) from error
        return first_tensor(answer)

    def points(self, parts: Sequence[Part]) -> tuple[list[Tensor], list[int]]:
        """Values at which attributions live, and the part that each belongs to.

        Parameters
        ----------
        parts : sequence of Part
        """
        ids = [(at, part.value) for at, part in enumerate(parts) if part.role == "ids"]
        points = [(at, part.value) for at, part in enumerate(parts) if part.role == "float"]
        if ids:
            finder = Embeddings(ids)
            with quiet(), torch.no_grad(), finder:
                self.call([part.value for part in parts])
            points += [(at, vectors.detach()) for at, vectors in finder.found]
        return [value for _, value in points], [at for at, _ in points]

    def function(self, parts: Sequence[Part], owners: Tensor, finish: Finish) -> Function:
        """A function of the points alone: what is fixed is that of each row's owner.

        Parameters
        ----------
        parts : sequence of Part
        owners : Tensor of shape (n,), int
            For each of the n rows the row of the parts that it is a variant of.
        finish : callable
            ``finish(answer, argument, points)``: scores from the answer, what went into a final softmax or sigmoid, and
            the points.
        """
        floats = [at for at, part in enumerate(parts) if part.role == "float"]
        # the points of the floating inputs come first
        rows = [part.value[owners] if part.role != "float" else None for part in parts]
        ids = [(at, row) for at, row in enumerate(rows) if parts[at].role == "ids" and row is not None]

        def scores(*points: Tensor) -> Tensor:
            given = dict(zip(floats, points, strict=False))
            values = [given[at] if row is None else row for at, row in enumerate(rows)]
            ending = Ending()
            with ExitStack() as stack:
                if ids:
                    stack.enter_context(Embeddings(ids, points[len(floats) :]))
                stack.enter_context(ending)
                answer = self.call(values)
                return finish(answer, ending.argument(answer), points)

        return scores


@contextmanager
def quiet() -> Iterator[None]:
    """Leave cuDNN's recurrent layers out: they have no backward pass in eval mode."""
    with torch.inference_mode(mode=False), torch.backends.cudnn.flags(enabled=False):
        yield


def first_tensor(answer: Any) -> Tensor:
    """The scores of an answer: itself, its logits, or its first part.

    Raises
    ------
    ModelError
        If there is no tensor in it.

    Examples
    --------
    >>> first_tensor((torch.ones(2), None)).shape
    torch.Size([2])
    """
    if isinstance(answer, Tensor):
        return answer
    logits = getattr(answer, "logits", None)
    if logits is None and isinstance(answer, dict):
        logits = answer.get("logits")
    if isinstance(logits, Tensor):
        return logits
    parts = list(answer.values()) if isinstance(answer, dict) else answer
    if isinstance(parts, list | tuple) and parts and isinstance(parts[0], Tensor):
        return parts[0]
    raise ModelError(
        f"Your model answered with a {type(answer).__name__}, in which no tensor was found; expected scores, shape "
        "(n, outputs). Wrap it in a module whose forward returns the scores.",
        0,
    )
