"""Which outputs are explained: names, indices and functions become positions; where a prediction flips."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jupyter_xai.errors import CannotExplainError, TargetError
from jupyter_xai.protocols import Predictor

_LISTED = 20


class Targets(NamedTuple):
    """Chosen outputs.

    Parameters
    ----------
    indices : tuple of int
        Position of each among the model's outputs; -1 for a function.
    names : tuple of str
    callables : tuple
        For each the function ``outputs -> (n,)``, or None.
    """

    indices: tuple[int, ...]
    names: tuple[str, ...]
    callables: tuple[Callable[[NDArray[np.float64]], ArrayLike] | None, ...]

    @property
    def explained(self) -> tuple[int, ...]:
        """What ``Explanation.targets`` holds: the positions, or nothing if one of them is a function."""
        return () if any(self.callables) else self.indices

    def select(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the targets.

        Parameters
        ----------
        outputs : ndarray of shape (n, outputs)

        Returns
        -------
        ndarray of shape (n, targets)

        Raises
        ------
        TargetError
            If a function does not answer with one finite number a row.
        """
        if not any(self.callables):
            return outputs[:, list(self.indices)]
        columns = [
            outputs[:, index] if function is None else _called(function, name, outputs)
            for index, name, function in zip(*self, strict=True)
        ]
        return np.stack(columns, axis=1)


def resolve_targets(
    targets: Any, predictor: Predictor, predictions: ArrayLike, n_targets: int = 5
) -> Targets:
    """Find the outputs that targets name.

    Parameters
    ----------
    targets : str, int, tuple of int, callable, list of these, or None
        None: all outputs if there are at most ``n_targets``, else the highest at the instance.
    predictor : Predictor
        After its first answer, so that its names are known.
    predictions : array of shape (outputs,) or (1, outputs)
        At the instance.
    n_targets : int

    Raises
    ------
    TargetError
        If there is no such output; the message lists those there are.
    CannotExplainError
        For ``"reconstruction_error"`` on a model that does not offer it as an output.

    Examples
    --------
    >>> from jupyter_xai.models import wrap
    >>> predictor = wrap(
    ...     lambda X: [[0.1, 0.2, 0.7]] * len(X), kind="table", output_names=["cat", "dog", "fox"]
    ... )
    >>> predictions = predictor.predict([0])
    >>> resolve_targets(["fox", 0], predictor, predictions).indices
    (2, 0)
    >>> resolve_targets("cow", predictor, predictions)
    Traceback (most recent call last):
    jupyter_xai.errors.TargetError: There is no output 'cow'; the outputs are 'cat', 'dog', 'fox'. Pass one of
    these.
    """
    names = predictor.output_names
    scores = np.asarray(predictions, dtype=np.float64).ravel()
    if targets is None:
        order = (
            np.argsort(-scores, kind="stable")[:n_targets]
            if len(names) > n_targets
            else np.arange(len(names))
        )
        indices = tuple(int(i) for i in order)
        return Targets(indices, tuple(names[i] for i in indices), (None,) * len(indices))
    wanted = (
        list(targets) if isinstance(targets, list | range | set) or _is_index_array(targets) else [targets]
    )
    if not wanted:
        raise TargetError(f"targets is empty; expected at least one output. {_listing(names)}.")
    found: dict[Any, tuple[int, str, Any]] = {}
    for target in wanted:
        if callable(target):
            name = getattr(target, "__name__", type(target).__name__)
            name = "function of the outputs" if name == "<lambda>" else name
            _called(target, name, scores[None])
            found[target] = (-1, name, target)
        else:
            index = _position(target, names)
            found[index] = (index, names[index], None)
    indices, chosen, callables = zip(*found.values(), strict=True)
    return Targets(indices, chosen, callables)


def default_threshold(predictor: Predictor) -> float | None:
    """Where a prediction flips: 0.5 for a two-class probability, 0 for a logit, else None.

    None means another argmax for more classes, and no flip for numbers.

    Parameters
    ----------
    predictor : Predictor
        After its first answer, so that its space and names are known.

    Examples
    --------
    >>> from jupyter_xai.models import wrap
    >>> predictor = wrap(lambda X: [[0.1, 0.9]] * len(X), kind="table")
    >>> _ = predictor.predict([0])
    >>> default_threshold(predictor)
    0.5
    """
    count = len(predictor.output_names)
    if predictor.output_space == "probability" and count == 2:
        return 0.5
    return 0.0 if predictor.output_space == "logit" and count in {1, 2} else None


def _position(target: Any, names: tuple[str, ...]) -> int:
    if isinstance(target, str):
        if target in names:
            return names.index(target)
        if target == "reconstruction_error":
            raise CannotExplainError(
                "reconstruction_error is the squared distance between an autoencoder's output and its input, "
                "and the "
                "model does not answer with its input's form. Pass a function that returns the error, one a "
                "row."
            )
        near = [name for name in names if name.casefold() == target.strip().casefold()]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TargetError(
            f"There is no output {target!r}; {_listing(names, start='the')}.{hint or ' Pass one of these.'}"
        )
    if isinstance(target, tuple):
        if len(target) != 1:
            raise TargetError(
                f"targets={target!r} has {len(target)} axes, the model's outputs have 1. Pass one index or a "
                "list."
            )
        target = target[0]
    try:
        index = -len(names) - 1 if isinstance(target, bool | np.bool_) else operator.index(target)
    except TypeError:
        index = -len(names) - 1
    if not -len(names) <= index < len(names):
        also = (
            f" The output called {str(target)!r} is targets={str(target)!r}." if str(target) in names else ""
        )
        raise TargetError(
            f"There is no output {target!r}; there are {len(names)}, counted from 0: "
            f"{_listing(names, start='')}.{also or ' Pass a name or an index.'}"
        )
    return index % len(names)


def _listing(names: tuple[str, ...], start: str = "The") -> str:
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{start} outputs are {shown}{more}" if start else shown + more


def _is_index_array(targets: Any) -> bool:
    return isinstance(targets, np.ndarray) and targets.ndim == 1


def _called(
    function: Callable[[NDArray[np.float64]], ArrayLike], name: str, outputs: NDArray[np.float64]
) -> Any:
    try:
        values = np.asarray(function(outputs), dtype=np.float64)
    except Exception as exc:
        raise TargetError(
            f"The target {name} raised {type(exc).__name__} on outputs of shape {outputs.shape}: {exc}. "
            "Pass a function outputs -> (n,)."
        ) from exc
    if values.shape not in {(len(outputs),), (len(outputs), 1)} or not np.isfinite(values).all():
        raise TargetError(
            f"The target {name} answered with shape {values.shape} on outputs of shape {outputs.shape}; "
            "expected "
            f"{len(outputs)} finite numbers. Pass a function outputs -> (n,)."
        )
    return values.reshape(len(outputs))
