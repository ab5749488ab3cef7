"""DeepLIFT and DeepSHAP: multipliers in place of gradients, one backward pass a target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.kernels.deeplift.shares import Account, Shares
from jupyter_xai.kernels.deeplift.tally import Tally
from jupyter_xai.kernels.deeplift.tape import Settings
from jupyter_xai.kernels.deeplift.walks import Walks
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.params import ChoiceParam, IntParam, ParamSpec

_SEGMENTS, _ORDERS, _ORDERS_A_ROW = 4, 4, 2
"""What rule="shapley" takes by default: 32 segments from a baseline, 16 from each row of a background."""

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
    IntParam(
        name="segments",
        default="auto",
        label="segments",
        doc="In how many segments the features come in. More are closer to Shapley values and cost as many passes.",
        min=1,
        max=1024,
        scale="log",
        auto=True,
    ),
    IntParam(
        name="orders",
        default="auto",
        label="orders",
        doc="Along how many random orders, each both ways, where there are several segments.",
        min=2,
        max=100_000,
        scale="log",
        auto=True,
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
        layers the approximate Shapley values of each unit's inputs, in several ``segments``: closest to exact values
        and slowest.
    max_rule : {"shapley", "winner"}, default="shapley"
        For maxima and max-pooling: exact Shapley values of the entries, or all to the largest.
    segments : int or "auto", default="auto"
        In how many segments features come in, from the baseline to the instance; each is explained by itself. Features
        of different segments get what exact Shapley values give to pairs. As many as features: permutation sampling.
        Auto: 4 for ``rule="shapley"``, else 1. A token, a step of a series and a pixel come in as a whole.
    orders : int or "auto", default="auto"
        Random orders in which they come in, each walked both ways, where there are several segments; the spread over
        orders gives intervals. Auto: 4.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Decides the orders, where there are several segments.
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
        segments: int | Literal["auto"] = "auto",
        orders: int | Literal["auto"] = "auto",
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.baseline = baseline
        self.rule = rule
        self.max_rule = max_rule
        self.segments = segments
        self.orders = orders
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        account = Account(Settings(self.rule, self.max_rule))
        walks, params = _walks(self, run, _ORDERS)
        if walks.segments > 1:
            yield from self._walked(run, account, walks, params)
            return
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
            params=params,
        )

    def _walked(
        self, run: Run, account: Account, walks: Walks, params: dict[str, Any]
    ) -> Iterator[Attribution]:
        count, a_order = run.count, walks.steps // walks.orders
        references = run.baselines(0, count)
        tally = Tally(count, math.inf, 1, a_order)
        run.total = walks.steps * count

        def work(start: int, stop: int) -> tuple[Tensor, Tensor, Shares]:
            at = torch.arange(start, stop, device=run.device)
            owners, steps = at % count, at // count
            found = _segments(
                run,
                account,
                walks,
                owners,
                torch.zeros_like(steps),
                steps,
                [each[owners] for each in references],
            )
            return owners, steps, found

        for _, _, (owners, steps, found) in run.over(walks.steps * count, work):
            _tell(run, tally, walks, owners, steps // a_order, steps % a_order, found)
            yield _estimate(run, account, tally, walks.steps, params)


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
    segments : int or "auto", default="auto"
        As in ``DeepLift``.
    orders : int or "auto", default="auto"
        For each background row. Auto: 2.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Decides the order of the background, and those in which features come in.
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
        segments: int | Literal["auto"] = "auto",
        orders: int | Literal["auto"] = "auto",
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.background = background
        self.rule = rule
        self.max_rule = max_rule
        self.segments = segments
        self.orders = orders
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        account = Account(Settings(self.rule, self.max_rule))
        rows, count = run.background_rows, run.count
        drawn = generator(check_seed(self.random_state), self.method, 0).permutation(rows)
        walks, params = _walks(self, run, _ORDERS_A_ROW)
        tally = Tally(count, rows, walks.orders, walks.steps // walks.orders)
        total = rows * walks.steps
        run.total = total * count

        def work(start: int, stop: int) -> tuple[Tensor, Tensor, Tensor, Shares]:
            at = torch.arange(start, stop, device=run.device)
            owners, rest = at % count, at // count
            lines, steps = rest // walks.steps, rest % walks.steps
            references = run.background(drawn[lines.cpu().numpy()])
            return owners, lines, steps, _segments(run, account, walks, owners, lines, steps, references)

        for _, _, (owners, lines, steps, found) in run.over(total * count, work):
            _tell(run, tally, walks, owners, lines, steps, found)
            yield _estimate(run, account, tally, total, params)


def _walks(kernel: DeepLift | DeepShap, run: Run, orders: int) -> tuple[Walks, dict[str, Any]]:
    """Walks of a run, and the keywords as they are resolved."""
    segments = _SEGMENTS if kernel.rule == "shapley" else 1
    segments = segments if kernel.segments == "auto" else int(kernel.segments)
    walks = Walks(
        run,
        segments,
        orders if kernel.orders == "auto" else int(kernel.orders),
        check_seed(kernel.random_state),
    )
    return walks, {"segments": segments, "orders": walks.orders if segments > 1 else kernel.orders}


def _segments(
    run: Run,
    account: Account,
    walks: Walks,
    owners: Tensor,
    lines: Tensor,
    steps: Tensor,
    references: list[Tensor],
) -> Shares:
    """Attributions of a segment a row."""
    points = [point[owners] for point in run.points]
    ends = walks.between(points, references, lines, steps)
    run.n_rows += len(owners)  # those of the segments' beginnings
    return account.shares(run, owners, *ends)


def _tell(
    run: Run, tally: Tally, walks: Walks, owners: Tensor, lines: Tensor, steps: Tensor, found: Shares
) -> None:
    """Add segments up; a walk's first one begins at the reference."""
    begins = (steps % walks.segments == 0)[:, None]
    base = torch.where(begins, found.reference_outputs, torch.zeros_like(found.reference_outputs))
    tally.add(owners, lines, steps, [base, *found.values], run.summed(found.values))


def _estimate(run: Run, account: Account, tally: Tally, total: int, params: dict[str, Any]) -> Attribution:
    """Means of the walks that are done."""
    base, *values = tally.values()
    known = tally.known[:, None]
    return Attribution(
        values,
        base_values=torch.where(known, base, run.scores().to(base)),
        std_errors=tally.errors(),
        n_evals=run.n_evals // run.count,
        total=total,
        unexplained=account.unexplained,
        notices=account.notices,
        params=params,
    )
