"""LIME's local model as draws come in, and the explanations made of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import Block, Evaluation
from jupyter_xai.explanation import Z95, Explanation, Fidelity, State
from jupyter_xai.kernels._intervals import MIN_BLOCKS
from jupyter_xai.kernels._locality import distances_to, weights_of
from jupyter_xai.kernels._mask_process import BETTER, MOST_FEATURES, MaskProcess
from jupyter_xai.kernels._regressors import regress
from jupyter_xai.kernels._selection import Selector
from jupyter_xai.kernels._solvers import LinearFit, WeightedRidge
from jupyter_xai.kernels._stream import masker_params, plain
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.protocols import Neighbourhood, Opening, Target

if TYPE_CHECKING:
    from jupyter_xai.kernels.lime import Lime


def penalty(n: int, around: Neighbourhood) -> float:
    """LIME's ridge penalty after n draws: its 1 at the default number of draws, in proportion for other numbers.

    A penalty of 1 at any number shrinks weights the more the fewer draws there are. Below four draws a feature it
    is held up, so that the first estimates do not swing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> around = SimpleNamespace(n_features=10, n_samples=1000)
    >>> [penalty(n, around) for n in (10, 100, 1000)]
    [1.0, 0.2, 1.0]
    """
    return max(n / around.n_samples, min(1.0, 2.0 * around.n_features / n))


class LocalModel:
    """The local model of one run.

    Parameters
    ----------
    kernel : Lime
    targets : Target or None
    around : Neighbourhood
    evaluation : Evaluation
    params : dict
        Checked hyper-parameters; ``n_samples`` and ``kernel_width`` are numbers.
    """

    def __init__(
        self,
        kernel: Lime,
        targets: Target | None,
        around: Neighbourhood,
        evaluation: Evaluation,
        params: dict[str, Any],
    ) -> None:
        self._kernel = kernel
        self._asked = targets
        self._around = around
        self._evaluation = evaluation
        self._params = params
        auto = isinstance(params["surrogate"], str) and params["surrogate"] == "auto"
        self._best = auto and params["sampler"] == "balanced"
        n_controls = int(getattr(around, "n_controls", 0)) if self._best else 0
        self._draws = WeightedRidge(around.n_features, n_controls, getattr(around, "n_blocks", None))
        self._process: MaskProcess | None = None
        self._targets: Targets | None = None
        self._all = np.empty(0)
        self._instance: NDArray[Any] = np.empty(0)
        self._selector = Selector("none", None, self._instance)
        self._fitted: tuple[int, LinearFit] | None = None
        self._tested: tuple[int, float] | None = None

    def add(self, block: Block) -> None:
        """Take in one block; the first one settles the targets."""
        params = self._params
        if self._targets is None:
            predictor = self._evaluation.predictor
            self._all = block.outputs[0].copy()
            self._instance = block.features[0]
            self._targets = resolve_targets(self._asked, predictor, block.outputs[:1], self._kernel.n_targets)
            most = None if params["n_features"] == "auto" else params["n_features"]
            self._selector = Selector(params["feature_selection"], most, self._instance.astype(np.float64))
            if isinstance(params["surrogate"], str) and params["surrogate"] == "gp":
                self._check_process()
                self._process = self._prepared()
            elif self._best and not self._unfit():
                self._process = self._prepared()
        distances = distances_to(self._instance, block.features, block.distances, params["distance"])
        weights = weights_of(distances, params["kernel_width"], params["kernel"])
        if self._draws.n == 0 and weights[0] == 0:
            raise InputError(
                "kernel= gives the instance itself weight 0. Mend it so that weights fall with the distance."
            )
        controls = block.controls() if self._draws.n_controls and block.controls is not None else None
        outputs = self._targets.select(block.outputs)
        self._draws.add(block.features, weights, outputs, block.blocks, controls)

    def _check_process(self) -> None:
        """Refuse surrogate="gp" where it does not apply."""
        if getattr(self._around, "sizes", None) is None:
            raise InputError(
                "surrogate='gp' learns a function of masks, but draws of a table have numbers of their own as well. "
                "Leave surrogate= out, or explain a text or an image."
            )
        for name, why in self._unfit():
            raise InputError(f"surrogate='gp' does not go with this {name}=: {why}. Pass surrogate='ridge'.")

    def _unfit(self) -> list[tuple[str, str]]:
        """Why a Gaussian process does not apply, by keyword.

        Nothing where the answer is a function of the mask, and its weight of its size.
        """
        if getattr(self._around, "sizes", None) is None:
            return [("masker", "draws are more than masks")]
        asked = (
            ("n_features", self._selector.name == "none", "it keeps all features"),
            (
                "distance",
                isinstance(self._params["distance"], str),
                "a mask's weight must follow from its size",
            ),
            (
                "fill",
                getattr(self._around, "exact", False),
                "a background of several images has no one answer for a mask",
            ),
        )
        return [(name, why) for name, fits, why in asked if not fits]

    def _prepared(self) -> MaskProcess:
        """A Gaussian process over masks."""
        d, sizes = self._around.n_features, getattr(self._around, "sizes", np.empty(0))
        nested = np.arange(d)[None] < np.arange(d + 1)[:, None]  # one mask of each size
        kept = 1.0 - np.sqrt(np.arange(d + 1) / d)
        distances = distances_to(np.ones(d, dtype=np.bool_), nested, kept, self._params["distance"])
        return MaskProcess(sizes, weights_of(distances, self._params["kernel_width"], self._params["kernel"]))

    def _fit(self) -> LinearFit:
        if self._fitted is None or self._fitted[0] != self._draws.n:
            self._fitted = (self._draws.n, self._solve())
        return self._fitted[1]

    def _solve(self) -> LinearFit:
        surrogate, selector = self._params["surrogate"], self._selector
        if self._process is not None:
            return self._process.fit(self._draws, self._penalty())
        if not isinstance(surrogate, str):
            return regress(surrogate, self._draws, selector)
        return self._draws.fit(self._penalty(), None if selector.name == "none" else selector)

    def _penalty(self) -> float:
        alpha = self._params["alpha"]
        return penalty(self._draws.n, self._around) if alpha == "auto" else float(alpha)

    def _ratio(self) -> float:
        """Widest half-width over range of values (size of a single one), of the worst target."""
        fit = self._fit()
        half = Z95 * fit.std_errors.max(axis=1)
        span = np.ptp(fit.coefs, axis=1) if fit.coefs.shape[1] > 1 else np.abs(fit.coefs[:, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(half == 0, 0.0, half / span).max())

    def opening(self) -> Opening:
        """The instance and its prediction."""
        assert self._targets is not None
        return Opening(
            features=self._around.layout,
            targets=self._targets.indices,
            output_names=self._targets.names,
            all_output_names=self._evaluation.predictor.output_names,
            all_predictions=self._all,
        )

    def settled(self) -> bool:
        """Whether the widest interval of every target is within the tolerance, over enough blocks.

        Where the last test was far from it the next ones are passed over, so that few systems are solved.
        """
        n, tolerance = self._draws.n, float(self._params["tolerance"])
        if self._draws.n_blocks() < MIN_BLOCKS:
            return False
        if self._tested and tolerance and n < self._params["n_samples"]:
            before, ratio = self._tested
            if n < before * (ratio / tolerance) ** (2 / 3):
                return False
        self._tested = (n, self._ratio())
        return self._tested[1] <= tolerance

    def _forecast(self, status: State) -> int:
        n, most, tolerance = self._draws.n, int(self._params["n_samples"]), float(self._params["tolerance"])
        if status == "settled":
            return n
        before, ratio = self._tested or (n, self._ratio() if tolerance > 0 else math.inf)
        if tolerance == 0 or not math.isfinite(ratio):
            return most
        return min(most, max(n, math.ceil(before * (ratio / tolerance) ** 2)))

    def _notices(self, fit: LinearFit) -> tuple[str, ...]:
        """What the reader should know of the local model and the choice of features."""
        if self._process is not None and not self._best:
            return self._learnt(fit)
        far = self._far()
        if self._selector.name == "none":
            return far
        counts = fit.kept.sum(axis=1)
        fewest, most = int(counts.min()), int(counts.max())
        how = self._selector.name.replace("_", " ")
        said = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        notice = (
            f"{said} of {fit.kept.shape[1]} features were kept for each output ({how}); the others have weight 0 by "
            "that choice. Pass n_features='auto' to keep all."
        )
        return (*far, notice)

    def _far(self) -> tuple[str, ...]:
        """That hardly any draw counts beside the instance itself."""
        weights = self._draws.weights[1:]
        if len(weights) < 100 or weights.sum() > 1.0:
            return ()
        notice = (
            "Nearly all draws are so far from the instance that they count for nothing: the weights say little. Pass a "
            "larger kernel_width, or for a table sample_around_instance=True."
        )
        return (notice,)

    def _learnt(self, fit: LinearFit) -> tuple[str, ...]:
        """Which outputs the process was used for, and why not for others."""
        if fit.exact:
            return (
                f"All masks of {self._around.n_features} features were asked about: nothing is left to chance.",
            )
        if fit.learnt is not None and fit.learnt.all():
            return ("A Gaussian process learnt the outputs from the draws.",)
        if self._around.n_features > MOST_FEATURES:
            why = f"for more than {MOST_FEATURES} features it has too few draws to learn from"
        elif fit.learnt is None:
            why = (
                f"it needs more draws, or may leave more than {BETTER:.0%} of the squares that a line leaves"
            )
        else:
            why = f"it may leave more than {BETTER:.0%} of the squares that a line leaves of draws left out"
        which = "" if fit.learnt is None else f" for {int((~fit.learnt).sum())} of {len(fit.learnt)} outputs"
        return (f"Ridge regression stands in for the Gaussian process{which}: {why}.",)

    def estimate(self, status: State) -> Explanation:
        """The whole explanation from what was taken in."""
        assert self._targets is not None
        fit = self._fit()
        predictor, evaluation = self._evaluation.predictor, self._evaluation
        return Explanation(
            values=fit.coefs,
            features=self._around.layout,
            output_names=self._targets.names,
            predictions=self._targets.select(self._all[None])[0],
            targets=self._targets.explained,
            std_errors=fit.std_errors,
            base_values=fit.intercepts,
            additive=False,
            fidelity=Fidelity(fit.r2, fit.intercepts + fit.coefs @ self._instance.astype(np.float64)),
            output_unit=predictor.output_space,
            value_unit=predictor.output_space,
            method=self._kernel.method,
            params={
                **{name: plain(value) for name, value in self._params.items()},
                **masker_params(self._kernel.masker),
            },
            random_state=self._kernel.random_state,
            n_evals=self._draws.n,
            n_rows=evaluation.n_rows,
            forecast_evals=self._forecast(status),
            all_output_names=predictor.output_names,
            all_predictions=self._all,
            status=status,
            notices=(
                *getattr(predictor, "notices", ()),
                *self._around.notices,
                *evaluation.notices,
                *self._notices(fit),
            ),
        )
