"""Does an explanation notice when the model no longer knows what it knew? Weights drawn anew, labels permuted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.metrics._measure import mean_interval
from jupyter_xai.metrics.agreement import rank_correlation
from jupyter_xai.metrics.projection import onto

ADEBAYO = 'Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018)'
UNAWARE = 0.5
"""Rank correlation with the trained model's explanation from which a method is said not to notice."""


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """How alike explanations stay as a model forgets.

    Parameters
    ----------
    method : str
        The kernel.
    steps : tuple of str
        What was made random: layers from the last to the first, or "labels".
    rank : ndarray of shape (steps, outputs)
        Spearman's rank correlation with the trained model's explanation, mean over repetitions. NaN where the new
        explanation is the same everywhere, which has no order.
    rank_of_sizes : ndarray of shape (steps, outputs)
        The same of absolute values.
    half_widths : ndarray of shape (steps, outputs)
        Half-widths of 95 % intervals of ``rank``, over repetitions.
    output_names : tuple of str
    definition : str
    notices : tuple of str
        A method that does not notice is named.
    """

    method: str
    steps: tuple[str, ...]
    rank: NDArray[np.float64]
    rank_of_sizes: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    output_names: tuple[str, ...]
    definition: str
    notices: tuple[str, ...] = ()

    @property
    def unaware(self) -> NDArray[np.bool_]:
        """For each output, whether the explanation stays alike when everything was made random."""
        return np.asarray(np.nan_to_num(self.rank[-1], nan=0.0) >= UNAWARE)


def randomised_layers(
    explainer: Any,
    x: Any,
    *,
    targets: Any = None,
    order: Literal["cascading", "independent"] = "cascading",
    n_repeats: int = 3,
    random_state: int | None = 0,
) -> SanityCheck:
    """Draw the weights of a network's layers anew, and see how alike its explanation stays.

    Parameters
    ----------
    explainer : Explainer
        Over a ``torch.nn.Module`` or a predictor of one; it and the network are left as they are.
    x : instance
    targets : optional
        By default those explained with the trained weights.
    order : {"cascading", "independent"}
        From the last layer to the first, each beside those before it; or each by itself, the others as trained.
    n_repeats : int, default=3
    random_state : int or None, default=0

    Returns
    -------
    SanityCheck
        Of "cascading" the last step has no trained weight left. A method whose rank correlation is 0.5 or more there
        is named.

    Raises
    ------
    CannotExplainError
        If the model is not a torch network or has no weights.

    Notes
    -----
    Adebayo et al. (NeurIPS 2018), section 3 (model parameter randomization test). Layers come in the order of their
    calls; weights are drawn by ``reset_parameters``, or normally with the deviation that they have.

    Examples
    --------
    >>> import torch
    >>> import jupyter_xai as xai
    >>> net = torch.nn.Sequential(torch.nn.Linear(40, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> found = randomised_layers(xai.Saliency(net), np.ones(40, np.float32))
    >>> found.steps
    ('2', '0')
    """
    if order not in {"cascading", "independent"}:
        raise InputError(f'order={order!r} does not work: expected "cascading" or "independent".')
    seed, repeats = check_seed(random_state), _repeats(n_repeats)
    module = _module(explainer)
    first, layers = _called_layers(explainer, module, x, targets)
    wanted = list(first.targets) if first.targets else targets
    found = np.empty((repeats, 2, len(layers), len(first.output_names)))
    for repeat in range(repeats):
        for at, twin in enumerate(_forgetting(module, layers, order, generator(seed, "layers", repeat))):
            later = _with_model(explainer, twin).explain(x, wanted)
            found[repeat, :, at] = _alike(first, later)
    last = "every layer" if order == "cascading" else f"the layer {layers[-1]!r} alone"
    return _checked(
        first,
        tuple(layers),
        found,
        f"{ADEBAYO}, section 3, {order} randomisation, {repeats} repetitions",
        f"drawing the weights of {last} anew",
        judged=order == "cascading",
    )


def permuted_labels(
    explainer: Any,
    x: Any,
    X: Any,
    y: Any,
    *,
    targets: Any = None,
    refit: Callable[[Any, Any], Any] | None = None,
    n_repeats: int = 3,
    random_state: int | None = 0,
) -> SanityCheck:
    """Fit the model again on permuted labels, and see how alike its explanation stays.

    Parameters
    ----------
    explainer : Explainer
        Over a scikit-learn estimator, or any model where ``refit`` is given; both are left as they are.
    x : instance
    X, y : array or DataFrame of shape (n, columns), sequence of n labels
        What the model was fitted to.
    targets : optional
        By default those explained with the fitted model.
    refit : callable, optional
        ``refit(X, y) -> model``. None: a clone of the estimator is fitted.
    n_repeats : int, default=3
    random_state : int or None, default=0

    Returns
    -------
    SanityCheck
        With the single step "labels".

    Raises
    ------
    CannotExplainError
        If the model cannot be fitted again and ``refit`` is not given.

    Notes
    -----
    Adebayo et al. (NeurIPS 2018), section 4 (data randomization test).
    """
    seed, repeats = check_seed(random_state), _repeats(n_repeats)
    model = getattr(explainer.model, "model", explainer.model)
    if refit is None:
        if not (hasattr(model, "fit") and hasattr(model, "get_params")):
            raise CannotExplainError(
                f"A {type(model).__name__} cannot be fitted again by itself: pass refit=, a function (X, y) -> model.",
                ["randomised_layers"] if hasattr(model, "parameters") else [],
            )
        from sklearn.base import clone

        def refit(X: Any, y: Any) -> Any:
            return clone(model).fit(X, y)

    labels = np.asarray(y)
    if len(labels) != len(X):
        raise InputError(f"X has {len(X)} rows and y {len(labels)} labels: expected as many of both.")
    first = explainer.explain(x, targets)
    wanted = list(first.targets) if first.targets else targets
    found = np.empty((repeats, 2, 1, len(first.output_names)))
    for repeat in range(repeats):
        permuted = labels[generator(seed, "labels", repeat).permutation(len(labels))]
        other = refit(X, permuted)
        found[repeat, :, 0] = _alike(first, _with_model(explainer, other).explain(x, wanted))
    return _checked(
        first,
        ("labels",),
        found,
        f"{ADEBAYO}, section 4, {repeats} repetitions",
        "fitting the model to permuted labels",
        judged=True,
    )


def _checked(
    first: Explanation,
    steps: tuple[str, ...],
    found: NDArray[np.float64],
    definition: str,
    what: str,
    *,
    judged: bool,
) -> SanityCheck:
    means, halves = mean_interval(found)  # kinds, steps, outputs
    notices = []
    for out, name in enumerate(first.output_names):
        last = means[0, -1, out]
        if np.isnan(last):
            notices.append(
                f"{name}: after {what}, an explanation is the same everywhere or not made of numbers: it has no "
                f"order to "
                "compare."
            )
        elif judged and last >= UNAWARE:
            notices.append(
                f"{first.method or 'The method'} does not notice {what}: its explanation of {name} keeps a rank "
                f"correlation "
                f"of {last:.2f} with that of the trained model. It shows the input more than what the model learnt."
            )
    return SanityCheck(
        first.method, steps, means[0], means[1], halves[0], first.output_names, definition, tuple(notices)
    )


def _alike(first: Explanation, later: Explanation) -> NDArray[np.float64]:
    """Rank correlations of values and of sizes, (2, outputs)."""
    a, b = onto(first, first.features), onto(later, first.features)
    sizes = [np.abs(part) for part in (a, b)]
    return np.array(
        [
            [
                rank_correlation(one, other)
                if np.isfinite(one).all() and np.isfinite(other).all()
                else np.nan
                for one, other in zip(first_part, later_part, strict=True)
            ]
            for first_part, later_part in ((a, b), sizes)
        ]
    )


def _module(explainer: Any) -> Any:
    model = explainer.model
    module = getattr(model, "model", model) if hasattr(model, "snapshot") else model
    if not hasattr(module, "named_modules"):
        raise CannotExplainError(
            f"Only the weights of a torch network can be drawn anew, but the model is a {type(module).__name__}.",
            ["permuted_labels"],
        )
    return module


def _with_model(explainer: Any, model: Any) -> Any:
    """A copy of the explainer over another model, asked in the same way."""
    kernel = copy.copy(explainer)
    before = explainer.model
    if hasattr(before, "predict") and hasattr(before, "output_space"):
        cls, (_, *asked) = before.__reduce__()
        model = cls(model, *asked)
    kernel.model = model
    return kernel


def _called_layers(explainer: Any, module: Any, x: Any, targets: Any) -> tuple[Explanation, list[str]]:
    """The trained network's explanation, and its layers with weights, the last called first."""
    from jupyter_xai.models.torch import structural_copy

    twin = structural_copy(module, share=False)
    own = {
        name: part for name, part in twin.named_modules() if any(True for _ in part.parameters(recurse=False))
    }
    if not own:
        raise CannotExplainError("The network has no weights, so there is nothing to draw anew.")
    called: list[str] = []
    for name, part in own.items():
        part.register_forward_pre_hook(_Noting(name, called))
    first = _with_model(explainer, twin).explain(x, targets)
    last = {name: at for at, name in enumerate(called)}
    place = {name: (last.get(name, -1), at) for at, name in enumerate(own)}
    return first, sorted(own, key=lambda name: place[name], reverse=True)


class _Noting:
    """A hook that notes a layer's name; copies of the network share its list."""

    def __init__(self, name: str, called: list[str]) -> None:
        self._name, self._called = name, called

    def __deepcopy__(self, memo: dict[int, Any]) -> _Noting:
        return self

    def __call__(self, *_: Any) -> None:
        self._called.append(self._name)


def _forgetting(module: Any, layers: Sequence[str], order: str, rng: np.random.Generator) -> Iterator[Any]:
    """Copies of a network with ever more layers drawn anew, or with each by itself."""
    import torch

    from jupyter_xai.models.torch import structural_copy

    twin = None
    for name in layers:
        if twin is None or order == "independent":
            twin = structural_copy(module, share=False)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(int(rng.integers(2**31)))
            _draw_anew(dict(twin.named_modules())[name])
        yield structural_copy(twin, share=False)


def _draw_anew(layer: Any) -> None:
    import torch

    reset = getattr(layer, "reset_parameters", None)
    if callable(reset):
        reset()
        return
    for parameter in layer.parameters(recurse=False):
        spread = float(parameter.double().std()) if parameter.numel() > 1 else 1.0
        parameter.copy_(torch.randn(parameter.shape) * (spread or 1.0))


def _repeats(n: Any) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or int(n) < 1:
        raise InputError(f"n_repeats={n!r} does not work: expected a whole number from 1.")
    return int(n)
