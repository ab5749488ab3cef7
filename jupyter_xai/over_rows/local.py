"""One row of the data as its own question, asked as the run over all rows asks it."""

from __future__ import annotations

from typing import Any

from jupyter_xai.api import ask, averages_over_others
from jupyter_xai.over_rows.question import Question
from jupyter_xai.over_rows.rows import Rows
from jupyter_xai.registry import LOCAL
from jupyter_xai.session import Session


def one_row(
    question: Question,
    kernel: Any,
    rows: Rows,
    row: int,
    *,
    method: Any = None,
    targets: Any = None,
    params: dict[str, Any] | None = None,
) -> tuple[Session, dict[str, Any]]:
    """Put one row as a question, with its first request.

    Parameters
    ----------
    question : Question
        What the run over all rows was asked.
    kernel : DatasetKernel
        Its explainer, if it has one, explains the row, with the same hyper-parameters; else the default method does.
    rows : Rows
        A table among them is what absent columns are drawn from, where nothing else was given.
    row : int
    method : optional
        Another method.
    targets : optional
    params : dict, optional
        Hyper-parameters that differ.

    Raises
    ------
    InputError, CannotExplainError
        As for ``explain``.
    """
    x = rows[row]
    explainer = getattr(kernel, "explainer", None)
    model: Any = question.model if explainer is None else getattr(explainer, "model", question.model)
    masker, given = question.masker, dict(params or {})
    background, baseline = question.background, None
    random_state: Any = 0 if question.random_state is None else question.random_state
    if method is None and explainer is not None:
        method, given = _same_method(explainer, given)
        masker = _masker_of(explainer) or masker
        own = getattr(explainer, "background", None)
        background = background if own is None else own
        if method in LOCAL and LOCAL[method].family == "gradient":
            baseline = getattr(explainer, "baseline", None)
        random_state = getattr(explainer, "random_state", random_state)
    elif explainer is not None:
        masker = _masker_of(explainer) or masker
    if masker is not None and not (background is not None and averages_over_others(method, x)):
        background = None  # the masker has its own
    if masker is None and background is None:
        background = rows.table()
    return ask(
        model,
        x,
        method=method,
        masker=masker,
        background=background,
        baseline=baseline,
        targets=question_targets(targets),
        output=question.output,
        feature_names=None if masker is not None else question.feature_names,
        output_names=question.output_names,
        random_state=random_state,
        batch_size=question.batch_size,
        params=given,
    )


def question_targets(targets: Any) -> Any:
    """The outputs to explain; None for the model's own choice.

    Examples
    --------
    >>> question_targets([]), question_targets("bad")
    (None, 'bad')
    """
    return None if targets is None or (isinstance(targets, list | tuple) and not targets) else targets


def _same_method(explainer: Any, params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The explainer's registered name and hyper-parameters; an explainer of somebody's own is the method itself."""
    name = getattr(type(explainer), "method", "")
    if name not in LOCAL or LOCAL[name].load() is not type(explainer):
        return explainer, params
    own = {spec.name: getattr(explainer, spec.name) for spec in explainer.params}
    return name, own | params


def _masker_of(explainer: Any) -> Any:
    for name in ("masker", "inputs"):
        masker = getattr(explainer, name, None)
        if hasattr(masker, "bind"):
            return masker
    return None
