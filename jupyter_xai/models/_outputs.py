"""What a model's numbers are, in which space they are explained, and what each output is called.

The rule, in one place (``decide``). It looks at the *first* answer of a predictor only, which is the one at
the instance, and holds from then on:

* ``predict_proba`` is a probability; ``decision_function`` is a logit; a regressor's answer is raw.
* A net or function is a probability if it answers with two or more columns in 0-1 that sum to 1, or, for a
  net, if its last module is a softmax or sigmoid and its answers lie in 0-1.
* *One* column of a function is a probability only if it is said to be: ``output="probability"``, or two
  ``output_names``. Otherwise it is a number to explain as it is, and a notice says how to have it taken for a
  probability. (A wrong guess would show "1 - error" for an error; explaining p as it stands is right either
  way.)
* One probability column becomes two outputs, ``1 - p`` and ``p``; one logit column becomes ``-d`` and ``d``.
* ``output="probability"`` on another net applies softmax, or sigmoid to one column; ``output="logit"`` on
  probabilities is ``log(p / (1 - p))``, each class against the rest, with p clipped to 1e-7 from 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError, ModelError
from jupyter_xai.protocols import OutputSpace

Native: TypeAlias = Literal["probability", "decision", "number", "net", "ended_net", "function"]
"""Where the numbers come from; an ended net is one whose last module is a softmax or sigmoid."""

Step: TypeAlias = Literal["softmax", "sigmoid", "complement", "mirror", "log_odds"]

CLIP = 1e-7
_SLACK = 1e-6


@dataclass(frozen=True)
class OutputForm:
    """How a model's columns become outputs.

    Parameters
    ----------
    space : {"probability", "logit", "raw"}
    names : tuple of str
        One an output.
    columns : int
        Columns the model answers with.
    steps : tuple of str
        What is done to them, in order.
    bounded : bool
        Whether the model's own numbers were taken for probabilities, so that one outside 0-1 is an error.
    notices : tuple of str
    """

    space: OutputSpace
    names: tuple[str, ...]
    columns: int
    steps: tuple[Step, ...] = ()
    bounded: bool = False
    notices: tuple[str, ...] = ()

    def apply(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn the model's columns into outputs.

        Raises
        ------
        ModelError
            If the number of columns changed, or a probability lies outside 0-1.

        Examples
        --------
        >>> OutputForm("probability", ("no", "yes"), 1, ("complement",)).apply(np.array([[0.25]]))
        array([[0.75, 0.25]])
        """
        if scores.shape[1] != self.columns:
            raise ModelError(
                f"Your model answered with {scores.shape[1]} outputs on a batch of {len(scores)} rows, "
                f"before with {self.columns}; expected the same number each time. "
                "Return all outputs for every batch.",
                len(scores),
            )
        if self.bounded and not within_01(scores):
            worst = scores.flat[np.abs(scores - 0.5).argmax()]
            raise ModelError(
                f"Your model answered {worst:.4g} where a probability from 0 to 1 was expected. "
                'If it is not a probability, pass output="raw".',
                len(scores),
            )
        for step in self.steps:
            scores = _STEPS[step](scores)
        return scores


def decide(
    first: NDArray[np.float64],
    native: Native,
    output: str,
    given: Sequence[str] | None,
    classes: Sequence[str] | None,
) -> OutputForm:
    """Settle space, names and conversion on the first answer; the module's docstring has the rule.

    Parameters
    ----------
    first : ndarray of shape (n, columns)
        The first answer. Only its first row counts, the instance: the batch size must not decide.
    native : str
        Where the numbers come from.
    output : {"auto", "probability", "logit", "raw"}
        What the user asked for.
    given : sequence of str or None
        The user's ``output_names``.
    classes : sequence of str or None
        Names the model knows.

    Examples
    --------
    >>> form = decide(np.array([[0.3, 0.7]]), "function", "auto", None, None)
    >>> form.space, form.names
    ('probability', ('output 0', 'output 1'))
    """
    first, columns = first[:1], first.shape[1]
    notices: list[str] = []
    probable = _probable(first, native, output, given)
    space: OutputSpace = "raw"
    if output == "auto":
        space = "probability" if probable else "logit" if native == "decision" else "raw"
    elif output in {"probability", "logit"}:
        space = "probability" if output == "probability" else "logit"
    steps = _steps(space, native, columns, probable=probable)
    if space == "probability" and not probable and native == "function":
        worst = first.flat[np.abs(first - 0.5).argmax()]
        raise ModelError(
            f'output="probability" was asked for, but your model answered {worst:.4g}; '
            'expected numbers from 0 to 1. Pass output="raw", or a function that applies its softmax.',
            len(first),
        )
    notices.extend(_notices(first, native, output, space, probable=probable))
    m = 2 if "complement" in steps or "mirror" in steps else columns
    names = _names(m, columns, given, classes)
    return OutputForm(
        space, names, columns, steps, bounded=probable and native != "probability", notices=tuple(notices)
    )


def within_01(scores: NDArray[np.float64]) -> bool:
    """Whether all scores lie in 0-1, rounding aside."""
    return bool(scores.min() >= -_SLACK and scores.max() <= 1 + _SLACK)


def _probable(first: NDArray[np.float64], native: Native, output: str, given: Sequence[str] | None) -> bool:
    """Whether the model's own numbers are probabilities."""
    if native == "probability":
        return True
    if native in {"decision", "number"} or not within_01(first):
        return False
    if native == "ended_net":
        return True
    if first.shape[1] > 1:
        said = native == "function" and output == "probability"
        return said or bool(np.abs(first.sum(axis=1) - 1).max() < 1e-3)
    two_names = output == "auto" and given is not None and len(given) == 2
    return native == "function" and (two_names or output in {"probability", "logit"})


def _steps(space: OutputSpace, native: Native, columns: int, *, probable: bool) -> tuple[Step, ...]:
    if space == "raw" or native == "number":
        return ()
    if probable:
        sides: tuple[Step, ...] = ("complement",) if columns == 1 else ()
        return (*sides, "log_odds") if space == "logit" else sides
    if space == "logit":
        return ("mirror",) if columns == 1 else ()
    return ("sigmoid", "complement") if columns == 1 else ("softmax",)


def _notices(
    first: NDArray[np.float64], native: Native, output: str, space: OutputSpace, *, probable: bool
) -> list[str]:
    one, inside = first.shape[1] == 1, within_01(first)
    notices = []
    if native == "function" and one and inside and space == "raw" and output == "auto":
        notices.append(
            "The function's one column lies between 0 and 1 and is explained as it is. "
            'If it is a probability, pass output="probability": both sides are shown then.'
        )
    if native == "function" and one and output == "logit" and probable:
        notices.append("The function's one column lies between 0 and 1: its log-odds are explained.")
    if native == "net" and one and inside and output == "probability":
        notices.append(
            "Sigmoid was applied to the net's one column, which lies between 0 and 1 already. "
            'If its forward ends in a sigmoid, pass output="raw".'
        )
    if native == "ended_net" and not inside:
        notices.append(
            "The net's last module is a softmax or sigmoid, but its answers lie outside 0–1: "
            "they are explained as the net gives them."
        )
    if space == "probability" and probable and not one and np.abs(first.sum(axis=1) - 1).max() > 1e-3:
        notices.append(
            f"The probabilities sum to {first[0].sum():.3g}, not to 1: each output is explained by itself."
        )
    return notices


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Number the later ones of equal names (ImageNet has two cranes): targets are chosen by name.

    Examples
    --------
    >>> _distinct(["crane", "cat", "crane"])
    ('crane', 'cat', 'crane (2)')
    """
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(found)


def _names(
    m: int, columns: int, given: Sequence[str] | None, classes: Sequence[str] | None
) -> tuple[str, ...]:
    if given is not None:
        if len(given) == 1 and m == 2 and columns == 1:
            return (f"not {given[0]}", str(given[0]))
        if len(given) != m:
            raise InputError(
                f"output_names has {len(given)} names, the model has {m} outputs. "
                "Pass one name an output, in order."
            )
        return _distinct([str(name) for name in given])
    if classes is not None and len(classes) == m:
        return tuple(classes)
    return ("prediction",) if m == 1 else tuple(f"output {i}" for i in range(m))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)))


def _complement(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([1 - scores, scores])


def _mirror(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([-scores, scores])


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(scores, CLIP, 1 - CLIP)
    return np.asarray(np.log(p) - np.log1p(-p))


_STEPS = {
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "complement": _complement,
    "mirror": _mirror,
    "log_odds": _log_odds,
}
