"""First and second derivatives of a model's scores over many rows: a network's by backward passes, others' by moving.

Second derivatives are Hessian products where a network is smooth. A network of straight pieces (ReLU, max-pooling) has
none almost everywhere, though its slope changes from piece to piece: there the slope is compared on either side of the
row, ``step`` away, which sees the kinks in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation import out_of_memory
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.protocols import Target

_KINKS = frozenset(
    {
        *("relu", "relu_", "relu6", "leaky_relu", "prelu", "rrelu", "threshold", "hardtanh", "hardswish"),
        *(
            "hardsigmoid",
            "hardshrink",
            "softshrink",
            "abs",
            "absolute",
            "clamp",
            "clip",
            "clamp_min",
            "clamp_max",
        ),
        *(
            "max",
            "min",
            "amax",
            "amin",
            "maximum",
            "minimum",
            "where",
            "sign",
            "floor",
            "round",
            "sort",
            "topk",
        ),
        *("max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d"),
    }
)


class Derivatives(Protocol):
    """Scores of a model as a function of flat rows (n, features), and their derivatives."""

    output_names: tuple[str, ...]
    unit: str
    notices: tuple[str, ...]
    complete: bool
    """Whether the outputs are all that the model has."""

    def first(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Derivatives (n, outputs, features) and scores (n, outputs)."""
        ...

    def second(self, rows: NDArray[Any], steps: NDArray[np.float64]) -> NDArray[Any]:
        """Second derivatives (n, outputs, features, features)."""
        ...


def in_batches(n: int, most: int, work: Callable[[int, int], Any]) -> Iterator[Any]:
    """Work on n rows in stretches of at most ``most``, halved where memory runs out.

    Examples
    --------
    >>> list(in_batches(5, 2, lambda a, b: (a, b)))
    [(0, 2), (2, 4), (4, 5)]
    """
    at = 0
    while at < n:
        stop = min(at + most, n)
        try:
            found = work(at, stop)
        except Exception as error:
            if not out_of_memory(error) or stop - at == 1:
                raise
            most = max(1, (stop - at) // 2)
            continue
        yield found
        at = stop


class Moved:
    """Any model of a table of numbers: each column is moved to either side, and the model is asked.

    Parameters
    ----------
    predictor : Predictor
    rows : ndarray of shape (n, features)
        The first rows, on which outputs and targets are settled.
    targets : target or None
    n_targets : int
    steps : ndarray of shape (features,)
        How far each column is moved for first derivatives; 0 for one that never varies.
    """

    def __init__(
        self,
        predictor: Any,
        rows: NDArray[Any],
        targets: Target | None,
        n_targets: int,
        steps: NDArray[np.float64],
    ) -> None:
        self._predictor, self._steps = predictor, steps
        outputs = predictor.predict(rows[:1])
        self._targets: Targets = resolve_targets(targets, predictor, outputs, n_targets)
        self.output_names, self.unit = self._targets.names, str(predictor.output_space)
        self.notices: tuple[str, ...] = tuple(predictor.notices)
        self.complete = set(self._targets.explained) == set(range(outputs.shape[1]))

    def _scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        return self._targets.select(self._predictor.predict(rows))

    def first(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Central differences, two calls a column."""
        scores = self._scores(rows)
        found = np.zeros((*scores.shape, rows.shape[1]))
        for at in np.flatnonzero(self._steps):
            low, high = rows.astype(np.float64), rows.astype(np.float64)
            low[:, at] -= self._steps[at]
            high[:, at] += self._steps[at]
            found[:, :, at] = (self._scores(high) - self._scores(low)) / (2 * self._steps[at])
        return found, scores

    def second(self, rows: NDArray[Any], steps: NDArray[np.float64]) -> NDArray[Any]:
        """Differences of differences, four calls a pair of columns."""
        rows = rows.astype(np.float64)
        n, p = rows.shape
        found = np.zeros((n, len(self.output_names), p, p))
        varying = np.flatnonzero(steps)
        for place, i in enumerate(varying):
            for j in varying[place:]:
                total = np.zeros((n, len(self.output_names)))
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    moved = rows.copy()
                    moved[:, i] += a * steps[i]
                    moved[:, j] += b * steps[j]
                    total += a * b * self._scores(moved)
                found[:, :, i, j] = found[:, :, j, i] = total / (4 * steps[i] * steps[j])
        return found


class Differentiated:
    """A torch network, differentiated.

    Parameters
    ----------
    predictor : TorchPredictor
    rows : ndarray of shape (n, ...)
        The first rows, on which outputs and targets are settled.
    targets : target or None
    n_targets : int
    curvature : {"auto", "hessian", "differences"}
    """

    def __init__(
        self,
        predictor: Any,
        rows: NDArray[Any],
        targets: Target | None,
        n_targets: int,
        curvature: str = "auto",
    ) -> None:
        import torch

        from jupyter_xai.kernels._network import Network, quiet
        from jupyter_xai.kernels._scores import settle

        self._predictor = predictor
        self._shape = rows.shape[1:]
        seen: list[tuple[Any, Any]] = []

        def keep(answer: Any, argument: Any, _: Any) -> Any:
            seen.append((answer, argument))
            return answer

        given = self._tensor(rows[:2])
        network = Network(predictor.snapshot().module, "single")
        with quiet(), torch.no_grad(), kinks() as met:
            network.function(*_floats(given), keep)(given)
            answer, argument = seen[0]
            self._settled = settle(predictor, answer, argument, targets, n_targets, [given])
        self.hessian = curvature == "hessian" or (curvature == "auto" and not met.found)
        self.output_names, self.unit = self._settled.targets.names, self._settled.unit
        self.notices: tuple[str, ...] = ()
        self.complete = set(self._settled.targets.explained) == set(range(len(self._settled.names)))

    def _tensor(self, rows: NDArray[Any]) -> Any:
        import torch

        shaped = torch.from_numpy(np.ascontiguousarray(rows)).reshape(len(rows), *self._shape)
        return shaped.to(device=self._predictor.device, dtype=self._predictor.dtype)

    def _slopes(self, points: Any, *, graph: bool = False) -> Iterator[tuple[Any, Any]]:
        """For each target its scores (n,) and derivatives (n, ...)."""
        import torch

        from jupyter_xai.kernels._network import Network

        settled = self._settled

        def chosen(answer: Any, argument: Any, given: Any) -> Any:
            return settled.explained(settled.all(answer, argument, given))

        network = Network(self._predictor.snapshot().module, "single")
        scores = network.function(*_floats(points), chosen)(points.clone())
        count = scores.shape[1]
        for target in range(count):
            score = scores[:, target]
            if not score.requires_grad:
                yield score, torch.zeros_like(points)
                continue
            (slope,) = torch.autograd.grad(
                score.sum(),
                points,
                retain_graph=graph or target + 1 < count,
                create_graph=graph,
                allow_unused=True,
            )
            yield score, torch.zeros_like(points) if slope is None else slope

    def first(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """One forward pass and a backward pass a target."""
        import torch

        from jupyter_xai.kernels._network import quiet

        with quiet(), torch.enable_grad():
            points = self._tensor(rows).requires_grad_()
            pairs = list(self._slopes(points))
        slopes = [slope.flatten(1) for _, slope in pairs]
        found = slopes[0][:, None] if len(slopes) == 1 else torch.stack(slopes, dim=1)
        scores = torch.stack([score.detach() for score, _ in pairs], dim=1)
        return _array(found), _array(scores)

    def second(self, rows: NDArray[Any], steps: NDArray[np.float64]) -> NDArray[Any]:
        """Hessian products, a backward pass a feature; of straight pieces slopes a step to either side."""
        return self._hessian(rows) if self.hessian else self._differences(rows, steps)

    def _hessian(self, rows: NDArray[Any]) -> NDArray[Any]:
        import torch

        from jupyter_xai.kernels._network import quiet

        found = []
        with quiet(), torch.enable_grad():
            points = self._tensor(rows).requires_grad_()
            for _, slope in self._slopes(points, graph=True):
                flat = slope.flatten(1)
                columns = []
                for at in range(flat.shape[1]):
                    row = None
                    if flat.requires_grad:
                        (row,) = torch.autograd.grad(
                            flat[:, at].sum(), points, retain_graph=True, allow_unused=True
                        )
                    columns.append(torch.zeros_like(flat) if row is None else row.flatten(1))
                found.append(torch.stack(columns, dim=1).detach())
        return _array(torch.stack(found, dim=1))

    def _differences(self, rows: NDArray[Any], steps: NDArray[np.float64]) -> NDArray[Any]:
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        p = flat.shape[1]
        found = np.zeros((len(rows), len(self.output_names), p, p))
        for at in np.flatnonzero(steps):
            low, high = flat.copy(), flat.copy()
            low[:, at] -= steps[at]
            high[:, at] += steps[at]
            found[:, :, at] = (self.first(high)[0] - self.first(low)[0]) / (2 * steps[at])
        return (found + found.swapaxes(2, 3)) / 2


def _floats(points: Any) -> tuple[Any, Any]:
    """Parts and owners of one floating input."""
    import torch

    from jupyter_xai.kernels._network import Part

    return [Part(points, "float")], torch.arange(len(points), device=points.device)


def _array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array if array.dtype in {np.dtype(np.float32), np.dtype(np.float64)} else array.astype(np.float32)


def kinks() -> Any:
    """A mode that notes whether a function with a kink was called."""
    from torch.overrides import TorchFunctionMode

    class Kinks(TorchFunctionMode):
        found: Sequence[str] = ()

        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            name = getattr(func, "__name__", "")
            if name.strip("_") in _KINKS or name in _KINKS:
                self.found = (*self.found, name)
            return func(*args, **(kwargs or {}))

    return Kinks()
