"""DeepLIFT and DeepSHAP: multipliers in place of gradients, one backward pass a target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.kernels.deeplift.shares import Account
from jupyter_xai.kernels.deeplift.tape import Settings
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.params import ChoiceParam, ParamSpec

_RULES = (
    ChoiceParam(
        name="rule",
        default="rescale",
        label="rule",
        doc="Rescale; rises and falls apart after every layer (reveal_cancel) or dense ones (auto); or Shapley units.",
        choices=("rescale", "reveal_cancel", "auto", "shapley"),
    ),
    ChoiceParam(
        name="max_rule",
        default="shapley",
        label="rule of a maximum",
        doc="Share a maximum out exactly among its entries, or credit the largest alone.",
        choices=("shapley", "winner"),
    ),
)


class DeepLift(GradientKernel):
    """What each part of the input contributes to the change from a baseline to the instance, layer by layer.

    The network is evaluated on both, and the difference of every output is handed back through each call it makes, by a
    rule for that call, until it lies on the input. Values add up to the difference of the output. Every torch call is
    explained as it is written: modules, functions, operators, code in place, recurrent layers, attention,
    normalisation, pooling. A call without a rule of its own is named in the notices, one that cannot be explained with
    its share of the gap.

    Parameters
    ----------
    model : torch.nn.Module
    baseline : "zeros", "mean", "blur", "pad", "mask", array, tuple, callable or None, default=None
        The reference input, without a batch axis. None: the mean of a table's background, the padding token for token
        ids, else zeros.
    rule : {"rescale", "reveal_cancel", "auto", "shapley"}, default="rescale"
        For a function of one number: the slope between the two values, or rises and falls kept apart, which shows
        inputs that cancel. Auto: RevealCancel after dense layers, Rescale after convolutions. Shapley: after linear
        layers the approximate Shapley values of each unit's inputs, closest to exact values and slower.
    max_rule : {"shapley", "winner"}, default="shapley"
        For maxima and max-pooling: exact Shapley values of the entries, or all to the largest.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Raises
    ------
    CannotExplainError
        If the network makes other calls on the baseline than on the instance.

    Notes
    -----
    Shrikumar, Greenside & Kundaje, "Learning Important Features Through Propagating Activation Differences" (ICML
    2017); products and maxima are shared out by their Shapley values, as in Lundberg & Lee (NeurIPS 2017). On networks
    of linear layers and activations values are equal to those of captum's ``DeepLift``.

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
    >>> _ = net.load_state_dict({"0.weight": torch.ones(1, 2), "0.bias": -torch.ones(1)})
    >>> e = DeepLift(net).explain([3.0, 2.0])
    >>> e.values.round(3), e.base_values, e.predictions
    (array([[2.4, 1.6]]), array([0.]), array([4.]))
    """

    method: ClassVar[str] = "deep_lift"
    additive: ClassVar[bool] = True
    params: ClassVar[tuple[ParamSpec, ...]] = _RULES

    def __init__(
        self,
        model: Any,
        *,
        baseline: Any = None,
        rule: Literal["rescale", "reveal_cancel", "auto", "shapley"] = "rescale",
        max_rule: Literal["shapley", "winner"] = "shapley",
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.baseline = baseline
        self.rule = rule
        self.max_rule = max_rule
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        account = Account(Settings(self.rule, self.max_rule))
        run.total = run.count

        def work(start: int, stop: int) -> tuple[list[Tensor], Tensor]:
            owners = torch.arange(start, stop, device=run.device)
            points = [point[start:stop] for point in run.points]
            references = run.baselines(start, stop)
            run.n_rows += stop - start  # the baseline's rows
            found = account.shares(run, owners, points, references)
            return found.values, found.reference_outputs

        parts = [part for _, _, part in run.over(run.count, work)]
        yield Attribution(
            [torch.cat(each) for each in zip(*(values for values, _ in parts), strict=True)],
            base_values=torch.cat([base for _, base in parts]),
            unexplained=account.unexplained,
            notices=account.notices,
        )


class DeepShap(GradientKernel):
    """DeepLIFT averaged over a background of baselines: approximate Shapley values of a network.

    Values add up to the output minus its mean over the background. Background rows are taken in an order drawn from
    ``random_state``; until all are done the mean of those that are has intervals.

    Parameters
    ----------
    model : torch.nn.Module
    background : array of shape (rows, ...), DataFrame, tuple of these, or None, default=None
        Inputs to start from. None: the background of ``inputs`` where that is a table.
    rule : {"rescale", "reveal_cancel", "auto", "shapley"}, default="rescale"
        As in ``DeepLift``.
    max_rule : {"shapley", "winner"}, default="shapley"
        As in ``DeepLift``.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Decides the order of the background.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions" (NeurIPS 2017), section 4.2; Chen, Lundberg &
    Lee, "Explaining a series of models by propagating Shapley values" (2022).

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
    >>> _ = net.load_state_dict({"0.weight": torch.ones(1, 2), "0.bias": -torch.ones(1)})
    >>> e = DeepShap(net, background=[[0.0, 0.0], [1.0, 1.0]]).explain([3.0, 2.0])
    >>> e.values.round(3), e.base_values, e.predictions
    (array([[2.2, 1.3]]), array([0.5]), array([4.]))
    """

    method: ClassVar[str] = "deep_shap"
    additive: ClassVar[bool] = True
    params: ClassVar[tuple[ParamSpec, ...]] = _RULES

    def __init__(
        self,
        model: Any,
        *,
        background: Any = None,
        rule: Literal["rescale", "reveal_cancel", "auto", "shapley"] = "rescale",
        max_rule: Literal["shapley", "winner"] = "shapley",
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.background = background
        self.rule = rule
        self.max_rule = max_rule
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        account = Account(Settings(self.rule, self.max_rule))
        rows, count = run.background_rows, run.count
        order = generator(check_seed(self.random_state), self.method, 0).permutation(rows)
        mean = _Mean(count, rows)
        run.total = rows * count

        def work(start: int, stop: int) -> tuple[Tensor, list[Tensor]]:
            pairs = torch.arange(start, stop, device=run.device)
            owners, lines = pairs % count, pairs // count
            points = [point[owners] for point in run.points]
            references = run.background(order[lines.cpu().numpy()])
            run.n_rows += stop - start  # the background's rows
            found = account.shares(run, owners, points, references)
            return owners, [found.reference_outputs, *run.summed(found.values)]

        for _, _, (owners, found) in run.over(rows * count, work):
            mean.add(owners, found)
            base, *values = mean.values()
            errors = mean.errors()
            yield Attribution(
                values,
                base_values=base,
                std_errors=None if errors is None else errors[1:],
                n_evals=run.n_evals // count,
                total=rows,
                unexplained=account.unexplained,
                notices=account.notices,
            )


class _Mean:
    """Means over the background of each instance, and how far those of some rows may be from that of all.

    Parameters
    ----------
    count : int
        Instances.
    rows : int
        Of the background.
    """

    def __init__(self, count: int, rows: int) -> None:
        self._rows = rows
        self._done = torch.zeros(count, dtype=torch.float64)
        self._sums: list[Tensor] = []
        self._squares: list[Tensor] = []

    def add(self, owners: Tensor, found: list[Tensor]) -> None:
        """Take pairs in, ``found`` with a row for each."""
        doubles = [part.detach().to("cpu", torch.float64) for part in found]
        at = owners.cpu()
        if not self._sums:
            self._sums = [part.new_zeros((len(self._done), *part.shape[1:])) for part in doubles]
            self._squares = [torch.zeros_like(part) for part in self._sums]
        for sum_, square, part in zip(self._sums, self._squares, doubles, strict=True):
            sum_.index_add_(0, at, part)
            square.index_add_(0, at, part * part)
        self._done.index_add_(0, at, torch.ones(len(at), dtype=torch.float64))

    def values(self) -> list[Tensor]:
        """Means of the rows that are done."""
        return [part / _like(self._done.clamp_min(1.0), part) for part in self._sums]

    def errors(self) -> list[Tensor] | None:
        """Standard errors of a draw without replacement; None when every row is done."""
        if bool((self._done == self._rows).all()):
            return None
        n = self._done.clamp_min(1.0)
        found = []
        for sum_, square in zip(self._sums, self._squares, strict=True):
            k = _like(n, sum_)
            spread = (square - sum_ * sum_ / k).clamp_min(0.0) / (k - 1).clamp_min(1.0)
            error = (spread / k * (1 - k / self._rows)).sqrt()
            found.append(torch.where(k > 1, error, torch.inf))
        return found


def _like(numbers: Tensor, other: Tensor) -> Tensor:
    """One number a row, shaped to divide ``other``."""
    return numbers.reshape(-1, *(1,) * (other.dim() - 1))
