"""The rule of each torch call, by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift import composites, maxima, norms, products, recurrent, softmax, twins
from jupyter_xai.kernels.deeplift.elementwise import BROKEN, SLOPES, SMOOTH, clamp, elementwise
from jupyter_xai.kernels.deeplift.integral import Integral, integral
from jupyter_xai.kernels.deeplift.reveal import CONVOLUTIONS, DENSE, RevealCancel, pair
from jupyter_xai.kernels.deeplift.tape import Call, Decision, Rule, Tape
from jupyter_xai.kernels.deeplift.units import Unit

__all__ = ["COUPLED", "PAIRS", "RULES", "integral"]


class Drop(Rule):
    """Dropout that is on in evaluation: the same entries are dropped in both passes."""

    def explained(self, call: Call) -> Tensor:
        """Draw once."""
        self.tape.draws.add(self.name)
        x: Tensor = call.args[0].detach()
        self._mask: Tensor = call.replaced(((0,),), (torch.ones_like(x),)).run()
        found: Tensor = x * self._mask
        return found

    def reference(self, call: Call) -> Tensor:
        """Drop the same."""
        x0: Tensor = call.args[0].detach()
        return x0 * self._mask

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Linear."""
        return (multipliers[0] * self._mask,)


def drop(call: Call, tape: Tape) -> Decision:
    """None when it is off."""
    return Drop(call, ((0,),), tape) if call.arg(2, "train") else None


def of_one_number(call: Call, tape: Tape) -> Decision:
    """Rescale, or with the linear call before it where that is asked for."""
    source = pair(call, tape)
    if source is None:
        return elementwise(call, tape)
    return (Unit if tape.settings.rule == "shapley" else RevealCancel)(call, source, tape)


class Ordered(Integral):
    """Values by rank: along the path each rank belongs to one entry after another, and pays each for its stretch."""

    n_nodes = 32


def ordered(call: Call, tape: Tape) -> Decision:
    """Sorting, the largest k, medians."""
    return Ordered(call, ((0,),), tape) if call.args[0].requires_grad else None


def norm_of(call: Call, tape: Tape) -> Decision:
    """A norm of vectors is made of other calls; one of matrices has no rule."""
    order, dim = call.arg(1, "ord"), call.arg(2, "dim")
    if order is None or isinstance(dim, int) or call.args[0].dim() == 1:
        return composites.norm_of
    tape.note(call.name)
    return integral(call, tape)


Maker = Callable[[Call, Tape], Decision]

RULES: dict[str, Maker] = {
    **dict.fromkeys((*SLOPES, *SMOOTH, *BROKEN), of_one_number),
    **dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), clamp),
    **dict.fromkeys(("mul", "multiply", "__mul__", "__rmul__"), products.product),
    **dict.fromkeys(("matmul", "mm", "bmm", "__matmul__", "__rmatmul__"), products.matrices),
    **dict.fromkeys(
        ("einsum", "bilinear", "outer", "ger", "dot", "vdot", "inner", "mv", "kron"), products.bilinear
    ),
    **dict.fromkeys(
        ("cross", "linalg_cross", "tensordot", "chain_matmul", "linalg_multi_dot"), products.bilinear
    ),
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), products.layer),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), products.layer),
    **dict.fromkeys(("div", "divide", "true_divide", "__div__", "__truediv__"), products.divide),
    **dict.fromkeys(("pow", "__pow__", "float_power"), products.power),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), products.addmm),
    "addbmm": products.addbmm,
    "addr": products.addr,
    "addcmul": products.addcmul,
    "addcdiv": products.addcdiv,
    "lerp": products.lerp,
    **dict.fromkeys(("softmax", "_safe_softmax", "_softmax", "special_softmax"), softmax.softmax),
    **dict.fromkeys(("log_softmax", "_log_softmax", "special_log_softmax"), softmax.log_softmax),
    **dict.fromkeys(("logsumexp", "special_logsumexp"), softmax.logsumexp),
    **dict.fromkeys(("layer_norm", "rms_norm"), norms.normalise),
    "batch_norm": norms.batch_norm,
    **dict.fromkeys(("max", "min", "amax", "amin", "maximum", "minimum", "fmax", "fmin"), maxima.maximum),
    **dict.fromkeys(maxima.POOLS, maxima.max_pool),
    **dict.fromkeys(("dropout", "feature_dropout"), drop),
    "recurrence": recurrent.make,
    "linalg_norm": norm_of,
    "choose": twins.make_choose,
    **dict.fromkeys(twins.COMPARISONS, twins.compare),
    **dict.fromkeys(
        ("sort", "msort", "topk", "kthvalue", "median", "nanmedian", "quantile", "cummax", "cummin"), ordered
    ),
}
"""Makers of rules: what they return is a rule, the calls to take it apart into, or None where it is linear."""

COUPLED: dict[str, Callable[[Call], bool]] = {"batch_norm": norms.batch_statistics}
"""Calls that make the rows of a batch depend on one another."""

PAIRS = DENSE | CONVOLUTIONS
"""Linear calls that RevealCancel takes together with the function of one number that follows."""
