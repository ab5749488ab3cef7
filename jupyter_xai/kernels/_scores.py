"""Which numbers of a network's answer are explained, in which space, as tensors that carry gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from jupyter_xai.errors import InputError, TargetError
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.protocols import Target

RECONSTRUCTION = "reconstruction_error"

Choose = Callable[[Tensor, Sequence[Tensor]], Tensor]


@dataclass(frozen=True, eq=False)
class Scores:
    """The explained numbers of an answer.

    Parameters
    ----------
    targets : Targets
    names : tuple of str
        All outputs.
    unit : {"logit", "probability", "raw"}
    steps : tuple of str
        What is done to the answer's columns; see ``in_space``.
    logits : bool
        Whether what went into the last softmax or sigmoid stands for the answer.
    dense : tuple of callables, optional
        For an answer that is not one score an output: each takes the answer and the explained inputs.
    """

    targets: Targets
    names: tuple[str, ...]
    unit: str
    steps: tuple[str, ...] = ()
    logits: bool = False
    dense: tuple[Choose, ...] = ()

    def all(self, answer: Tensor, argument: Tensor | None, points: Sequence[Tensor]) -> Tensor:
        """Every output, (n, outputs); of a dense answer the explained ones."""
        if self.dense:
            return torch.stack([choose(answer, points) for choose in self.dense], dim=1)
        return in_space(answer, argument if self.logits else None, self.steps)

    def explained(self, outputs: Tensor) -> Tensor:
        """The explained ones of all outputs, (n, targets)."""
        if self.dense:
            return outputs
        if not any(self.targets.callables):
            return outputs[:, list(self.targets.indices)]
        columns = [
            outputs[:, index] if function is None else _called(function, name, outputs)
            for index, name, function in zip(*self.targets, strict=True)
        ]
        return torch.stack(columns, dim=1)


def settle(
    predictor: Any,
    answer: Tensor,
    argument: Tensor | None,
    targets: Target | None,
    n_targets: int,
    points: Sequence[Tensor],
) -> Scores:
    """Settle space, names and targets on the answer at the instances.

    A network that ends in softmax or sigmoid is explained by what goes into it, unless ``output="probability"`` or
    ``"raw"`` was asked for.

    Raises
    ------
    TargetError
        If there is no such output.
    InputError
        If the answer is not one score an output and no targets are given.
    """
    wanted = list(targets) if isinstance(targets, list | set | range) else [targets]
    if answer.dim() > 2 or any(_is_dense(target) for target in wanted):
        return _dense(wanted, answer, points)
    columns = answer if answer.dim() == 2 else answer[:, None]
    form = predictor.learn(columns[:1].double().cpu().numpy())
    logits = argument is not None and predictor.output in {"auto", "logit"}
    steps = form.steps
    if logits:
        steps = ("mirror",) if "complement" in form.steps else ()
    outputs = in_space(answer, argument if logits else None, steps)
    resolved = _resolved(wanted if targets is not None else None, outputs, form.names, n_targets)
    return Scores(resolved, form.names, "logit" if logits else form.space, steps, logits)


def in_space(answer: Tensor, argument: Tensor | None, steps: Sequence[str]) -> Tensor:
    """Scores (n, outputs) of an answer.

    Parameters
    ----------
    answer : Tensor of shape (n,) or (n, columns)
    argument : Tensor or None
        What stands for it.
    steps : sequence of str
        "softmax", "sigmoid", "complement", "mirror", "log_odds", as predictors have them.

    Examples
    --------
    >>> in_space(torch.tensor([0.0]), None, ("sigmoid", "complement"))
    tensor([[0.5000, 0.5000]])
    """
    scores = answer if argument is None else argument
    if scores.dim() == 1:
        scores = scores[:, None]
    for step in steps:
        scores = _STEPS[step](scores)
    return scores


_STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda scores: scores.softmax(1),
    "sigmoid": torch.sigmoid,
    "complement": lambda scores: torch.cat([1 - scores, scores], 1),
    "mirror": lambda scores: torch.cat([-scores, scores], 1),
    "log_odds": lambda scores: torch.logit(scores, eps=1e-7),
}


def _is_dense(target: Any) -> bool:
    return (
        target == RECONSTRUCTION if isinstance(target, str) else isinstance(target, tuple) and len(target) > 1
    )


def _dense(wanted: list[Any], answer: Tensor, points: Sequence[Tensor]) -> Scores:
    """Targets in an answer that is not one score an output."""
    names: list[str] = []
    choices: list[Choose] = []
    shape = tuple(answer.shape[1:])
    for target in wanted:
        if target is None:
            raise InputError(
                f"The network answers with shape (n, {', '.join(map(str, shape))}), not with one score an output. Say "
                'what is meant: targets=(row, column), a function outputs -> (n,), or "reconstruction_error".'
            )
        if isinstance(target, str) and target == RECONSTRUCTION:
            if answer.shape != points[0].shape:
                raise TargetError(
                    f"reconstruction_error compares the answer with the input, but these have the shapes {shape} and "
                    f"{tuple(points[0].shape[1:])}. Pass a function outputs -> (n,)."
                )
            names.append("reconstruction error")
            choices.append(_reconstruction)
        elif callable(target):
            name = getattr(target, "__name__", type(target).__name__)
            names.append("function of the outputs" if name == "<lambda>" else name)
            choices.append(_function(target, names[-1]))
        else:
            index = target if isinstance(target, tuple) else (target,)
            whole = all(hasattr(i, "__index__") and -n <= i < n for i, n in zip(index, shape, strict=False))
            if len(index) != len(shape) or not whole:
                raise TargetError(
                    f"There is no output {target!r}: the network answers with shape {shape}. Pass a tuple of "
                    f"{len(shape)} indices within it."
                )
            names.append(f"output {', '.join(str(int(i)) for i in index)}")
            choices.append(_entry(tuple(int(i) for i in index)))
    found = Targets((-1,) * len(names), tuple(names), cast(Any, tuple(choices)))
    return Scores(found, tuple(names), "raw", dense=tuple(choices))


def _reconstruction(answer: Tensor, points: Sequence[Tensor]) -> Tensor:
    """Squared distance of the answer to the input."""
    return ((answer - points[0]) ** 2).flatten(1).sum(1)


def _entry(index: tuple[int, ...]) -> Choose:
    where: Any = (slice(None), *index)
    return lambda answer, _: answer[where]


def _function(target: Callable[[Tensor], Tensor], name: str) -> Choose:
    return lambda answer, _: _called(target, name, answer)


def _resolved(wanted: list[Any] | None, outputs: Tensor, names: tuple[str, ...], n_targets: int) -> Targets:
    first = outputs[0].double().cpu().numpy()
    if wanted is None or not any(callable(target) for target in wanted):
        return resolve_targets(wanted, _Named(names), first, n_targets)  # type: ignore[arg-type]
    found = []
    for target in wanted:
        if callable(target):
            name = getattr(target, "__name__", type(target).__name__)
            _called(target, name, outputs)
            found.append((-1, "function of the outputs" if name == "<lambda>" else name, target))
        else:
            one = resolve_targets(target, _Named(names), first, n_targets)  # type: ignore[arg-type]
            found.append((one.indices[0], one.names[0], None))
    indices, said, functions = zip(*found, strict=True)
    return Targets(indices, said, functions)


def _called(function: Callable[..., Any], name: str, scores: Tensor) -> Tensor:
    found = function(scores)
    if not isinstance(found, Tensor) or tuple(found.shape) not in {(len(scores),), (len(scores), 1)}:
        what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise TargetError(
            f"The target {name} answered with {what} on scores of shape {tuple(scores.shape)}; expected a tensor of "
            f"{len(scores)} numbers that carries gradients. Write it with torch, scores -> (n,)."
        )
    return found.reshape(len(scores))


@dataclass(frozen=True)
class _Named:
    """As much of a predictor as resolving targets needs."""

    output_names: tuple[str, ...]
