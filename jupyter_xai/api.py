"""The composition root: from what the user has to a live view. The only room that may import every other."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.inputs import Recognised, recognise
from jupyter_xai.models import wrap
from jupyter_xai.models.torch import TAKES_TENSORS
from jupyter_xai.registry import KERNELS
from jupyter_xai.session import Session, kernel_rows
from jupyter_xai.widget.environment import read_environment
from jupyter_xai.widget.view import View

if TYPE_CHECKING:
    from jupyter_xai.over_rows import GlobalView
    from jupyter_xai.protocols import Watch

__all__ = ["MethodList", "explain", "explain_dataset", "methods"]


def explain(
    model: Any,
    x: Any,
    method: Any = None,
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    n_targets: int = 5,
    output: str = "auto",
    threshold: float | None = None,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    *,
    progress: bool = False,
    headless: bool | None = None,
    **params: Any,
) -> View:
    """Ask why the model predicts what it does for one input, and show it live.

    Parameters
    ----------
    model : object
        A scikit-learn estimator or pipeline, a ``torch.nn.Module``, or a function from a batch (a list of str,
        a 2-D array, an NHWC array) to scores of shape (n, outputs) or (n,). A network on token ids explains a text with
        ``masker=Tokens(tokenizer)``.
    x : object
        One instance: a str for text; a row, Series, dict or 1-row DataFrame for a table; an HxWxC, HxW or CxHxW
        array, PIL image or tensor for an image.
    method : str, class or explainer, optional
        A name from :func:`methods`; None takes the default for this kind of input.
    masker : Tabular, Text, Tokens or Image, optional
        What a feature is and what its absence means; None takes the default for this kind of input.
    background : DataFrame or array of shape (n, columns), or list of images or texts, optional
        Rows that absent columns of a table are drawn from; needed for tables unless a masker is given. Images or
        texts that DeepSHAP and expected gradients average over, or that hidden pieces show (``fill="background"``).
    baseline : object, optional
        Reference input of gradient methods.
    targets : str, int, callable or list of these, optional
        Outputs to explain. None: all of them up to ``n_targets``, else the highest at ``x``.
    n_targets : int, default=5
        How many outputs ``targets=None`` explains at most.
    output : {"auto", "probability", "logit", "raw"}
        The space in which outputs are explained.
    threshold : float, optional
        Where a decision flips. None: 0.5 for a two-class probability, 0 for a logit.
    feature_names, output_names : sequence of str, optional
        Names to show; by default those the model and the data carry.
    random_state : int or None, default=0
        The seed. None draws one, which the result tells.
    batch_size : int or "auto"
        Most rows in one call of the model.
    progress : bool, default=False
        Write progress to stderr, for scripts.
    headless : bool, optional
        True: finish before showing. None: found out.
    **params : object
        Hyper-parameters of the method, then of the masker, by name.

    Returns
    -------
    View
        Shows itself as the last expression of a cell. ``view.explanation`` is the result.

    Raises
    ------
    InputError, TargetError, ModelError, CannotExplainError, MissingExtraError
        Each says what was wrong, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> view = xai.explain(
    ...     lambda X: 2 * X[:, 0] - X[:, 1],
    ...     [1.0, 1.0, 1.0],
    ...     background=rows,
    ...     feature_names=["income", "debt", "age"],
    ...     n_samples=500,
    ... )
    >>> view.explanation.values.shape
    (1, 3)
    """
    session, request = ask(
        model,
        x,
        method=method,
        masker=masker,
        background=background,
        baseline=baseline,
        targets=targets,
        n_targets=n_targets,
        output=output,
        threshold=threshold,
        feature_names=feature_names,
        output_names=output_names,
        random_state=random_state,
        batch_size=batch_size,
        params=params,
    )
    environment = read_environment(headless)
    view = View(session, request, environment, progress=progress)
    if not environment.interactive:
        view.wait()  # nobody could answer a failed view: it raises in the cell
    return view


def ask(
    model: Any,
    x: Any,
    *,
    method: Any,
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    n_targets: int = 5,
    output: str = "auto",
    threshold: float | None = None,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    params: dict[str, Any],
) -> tuple[Session, dict[str, Any]]:
    """Put a question as a view asks it, with its first request; parameters and errors as for :func:`explain`."""
    others = background if averages_over_others(method, x) else None
    fills = masker is None and isinstance(params.get("fill"), str) and params["fill"] == "background"
    rows = None if fills or others is not None else background
    found = recognise(x, model=model, masker=masker, background=rows)
    predictor = wrap(model, kind=found.kind, output=output, output_names=output_names)
    _check_text(predictor, found, masker)
    session = Session(
        predictor=predictor,
        found=found,
        masker=default_masker(found, masker, background if fills else rows, feature_names, params),
        baseline=baseline,
        background=others,
        n_targets=n_targets,
        threshold=threshold,
        batch_size=batch_size,
    )
    return session, session.first_request(method, targets, random_state, params)


def explain_dataset(
    model: Any,
    rows: Any,
    method: Any = "global_shap",
    explainer: Any = None,
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    output: str = "auto",
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    *,
    executor: Executor | int | None = None,
    watch: Watch | None = None,
    progress: bool = False,
    headless: bool | None = None,
    **params: Any,
) -> GlobalView:
    """Ask what the model looks at in general, over many rows, and show it live.

    Parameters
    ----------
    model : object
        As for :func:`explain`.
    rows : DataFrame, array, tensor, list of str, generator of rows or batches, or DataLoader
        Read once, in order; what is kept does not grow with their number.
    method : str, class or kernel, default="global_shap"
        ``"global_shap"``, ``"norm_lime"``, ``"submodular_pick"`` or ``"global_sensitivity"``.
    explainer : str, class or explainer, optional
        How each row is explained, a name from :func:`methods`. None: KernelSHAP under ``"global_shap"``, else LIME.
    masker, background, baseline, targets, output, feature_names, output_names, random_state, batch_size
        As for :func:`explain`; of a table in memory the rows themselves are the background if none is given.
    executor : concurrent.futures.Executor or int, optional
        Where rows are explained: threads, processes, a Dask cluster's ``client.get_executor()``, or a number of
        processes. None: threads where the model can be called by several at once. The result is the same.
    watch : callable, optional
        Called with a ``Progress`` in rows of the data; returning False ends the run.
    progress : bool, default=False
        Write progress to stderr, for scripts.
    headless : bool, optional
        True: finish before showing. None: found out.
    **params : object
        Hyper-parameters of the method, the explainer and the masker, by name.

    Returns
    -------
    GlobalView
        Shows itself as the last expression of a cell and streams there; in a script it is finished before you get it.
        It has all that a ``GlobalExplanation`` has, which is ``view.result``: with status ``"stopped"`` if it was ended
        before the last row, by its Stop, by ``watch`` or by interrupting the cell. ``view.explain_row(n)`` is one
        row's own live view.

    Raises
    ------
    InputError, TargetError, ModelError, CannotExplainError, MissingExtraError
        Each says what was wrong, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = xai.explain_dataset(
    ...     lambda X: 2 * X[:, 0] - X[:, 1], rows, feature_names=["income", "debt", "age"]
    ... )
    >>> [found.feature_names[at] for at in found.ranking()]
    ['income', 'debt', 'age']
    """
    from jupyter_xai.over_rows import GlobalView, Question, Rows

    question = Question(
        model,
        rows,
        masker=masker,
        background=background,
        baseline=baseline,
        output=output,
        feature_names=feature_names,
        output_names=output_names,
        random_state=random_state,
        batch_size=batch_size,
    )
    kernel, rows = question.kernel(method, explainer, params)
    environment = read_environment(headless)
    view = GlobalView(
        kernel,
        Rows(rows, kernel),
        question,
        environment,
        targets=targets,
        executor=executor,
        watch=watch,
        progress=progress,
    )
    if not environment.interactive:
        view.wait()
    return view


def _check_text(predictor: Any, found: Recognised, masker: Any) -> None:
    """Refuse a text for a torch network that nothing turns into token ids.

    Raises
    ------
    CannotExplainError
    """
    if found.kind == "text" and predictor.backend == "torch" and not getattr(masker, "encodes", False):
        raise CannotExplainError(TAKES_TENSORS.format(name=predictor.model_name))


def averages_over_others(method: Any, x: Any) -> bool:
    """Whether x is an image or a text and the method starts from a background of others."""
    if hasattr(x, "iloc") or isinstance(x, dict | list):
        return False
    kernel = KERNELS.get(method) if isinstance(method, str) else None
    cls = kernel.load() if kernel is not None and kernel.family == "gradient" else method
    fits = isinstance(x, str) or hasattr(x, "getbands") or len(getattr(x, "shape", ())) >= 3
    return fits and isinstance(cls, type) and "background" in inspect.signature(cls).parameters


def default_masker(
    found: Recognised,
    masker: Any,
    background: Any,
    feature_names: Sequence[str] | None,
    params: dict[str, Any],
) -> Any:
    """Make the masker for this kind of input, taking its own keywords out of ``params``."""
    if masker is not None:
        for name, value in (("background", background), ("feature_names", feature_names)):
            if value is not None:
                raise InputError(
                    f"{name}= was given beside masker={type(masker).__name__}(...), which has its own: "
                    f"pass {name} to one of them."
                )
        return masker
    if found.kind == "table":
        from jupyter_xai.maskers.tabular import Tabular

        own_names = (
            "categories",
            "groups",
            "encoder",
            "labels",
            *(spec.name for spec in Tabular.params),
        )
        if background is None:
            raise InputError(
                "The input is a row of a table, and absent columns are drawn from other rows: expected background=. "
                "Pass the training data, for example xai.explain(model, x, background=X_train)."
            )
        given = {name: params.pop(name) for name in own_names if name in params}
        return Tabular(background, feature_names=feature_names, **given)
    from jupyter_xai import maskers

    cls: Any = maskers.default(found.kind)
    own: dict[str, Any] = {spec.name: params.pop(spec.name) for spec in cls.params if spec.name in params}
    if background is not None and own.get("fill") == "background":
        own["background"] = background
    elif background is not None:
        raise InputError(
            f"background= is for rows of a table, but the input was taken for {found.article} {found.kind}: "
            "leave it out."
        )
    return cls(**own)


class MethodList(list[dict[str, str]]):
    """Every kernel as a dict of name, label and why_not ("" if it applies); prints as a table."""

    def __repr__(self) -> str:
        """One line a method."""
        width = max((len(row["name"]) for row in self), default=0) + 2
        return "\n".join(f"{row['name']:<{width}}{row['why_not'] or 'applies'}" for row in self)


def methods(model: Any, x: Any, masker: Any = None, background: Any = None) -> MethodList:
    """List which kernels apply to a model and an input, and why the others do not.

    Parameters
    ----------
    model, x, masker, background : object
        As for :func:`explain`.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> xai.methods(lambda texts: [[len(t)] for t in texts], "a dull film")
    lime                  applies
    kernel_shap           applies
    ...
    saliency              Saliency takes gradients and needs a torch network
    ...
    """
    found = recognise(x, model=model, masker=masker, background=background)
    predictor = wrap(model, kind=found.kind)
    _check_text(predictor, found, masker)
    return MethodList(kernel_rows(found.kind, predictor))
