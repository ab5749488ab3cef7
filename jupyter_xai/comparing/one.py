"""``xai.compare``: several methods on one prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jupyter_xai.comparing.result import Comparison
from jupyter_xai.comparing.run import Asked
from jupyter_xai.comparing.view import ComparisonView
from jupyter_xai.inputs import seed
from jupyter_xai.widget.environment import read_environment

Watch = Callable[[Comparison], bool]


def compare(
    model: Any,
    x: Any,
    methods: Any = None,
    metrics: Any = "default",
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    n_targets: int = 1,
    output: str = "auto",
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    *,
    watch: Watch | None = None,
    progress: bool = False,
    headless: bool | None = None,
    **params: Any,
) -> ComparisonView:
    """Explain one prediction with several methods, and say which of them the model bears out.

    Parameters
    ----------
    model, x, masker, background, baseline, targets, output, feature_names, output_names, batch_size
        As for ``explain``. The masker says what absence means to all metrics.
    methods : sequence, dict or None
        Names from ``xai.methods``, kernel classes, explainers, or pairs of a name and its hyper-parameters, among them
        a masker= of its own; a dict gives labels. None: LIME and KernelSHAP, and of a torch network DeepLIFT and
        integrated gradients as well.
    metrics : "default", "all", or list of str
        Of "removal" (deletion and insertion against random orders), "infidelity", "completeness", "local_fidelity",
        "log_odds_drop"; and "road", "sensitivity", "stability", "sanity", which take longer. [] for none.
    n_targets : int, default=1
        How many outputs ``targets=None`` takes: the highest at x.
    random_state : int or None, default=0
    watch : callable, optional
        Called with the comparison so far after each explanation and its metrics; False stops.
    progress : bool, default=False
        Write progress to stderr, for scripts.
    headless : bool, optional
        True: finish before showing. None: found out.
    **params : object
        Hyper-parameters, each for the methods (or the masker) that know it.

    Returns
    -------
    ComparisonView
        Shows itself as the last expression of a cell and streams there. It has all that a ``Comparison`` has, which is
        ``view.comparison``: every method in one output space; where a gradient method takes part and the network ends
        in softmax or sigmoid, that is the logit behind it. Methods that cannot explain this are kept with the reason.
        ``view.what_if({...})`` changes the instance for all methods at once, as the view's own sliders do. An interrupt
        stops, and what is there is kept.

    Raises
    ------
    InputError
        For an unknown method, metric or hyper-parameter.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = xai.compare(
    ...     lambda X: np.tanh(X[:, 0] * X[:, 1]) + X[:, 2], rows[0], ["lime", "kernel_shap"], background=rows
    ... )
    >>> [entry.label for entry in found.explained], found.space
    (['LIME', 'KernelSHAP'], 'raw')
    """
    asked = Asked(
        model=model,
        methods=methods,
        metrics=metrics,
        masker=masker,
        background=background,
        baseline=baseline,
        targets=targets,
        n_targets=n_targets,
        output=output,
        feature_names=feature_names,
        output_names=output_names,
        random_state=0 if random_state is None else seed(random_state),
        batch_size=batch_size,
        params=params,
    )
    environment = read_environment(headless)
    view = ComparisonView(asked, x, environment, watch=watch, progress=progress)
    if not environment.interactive:
        view.wait()
    return view
