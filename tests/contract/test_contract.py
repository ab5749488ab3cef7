# ruff: noqa: NPY002 - the global random state is what is looked at
"""Every kernel of the registry keeps the contract; a broken one is caught by every part of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jupyter_xai import Lime
from jupyter_xai.params import FloatParam
from jupyter_xai.registry import KERNELS
from tests.contract import checks, gradients
from tests.contract.cases import CASES, VARIANTS, kernels, variants


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_constructor(name):
    checks.constructor_stores_keywords_and_has_a_spec_for_each(KERNELS[name].load())


@pytest.mark.parametrize("masker", ["Tabular", "Text", "Tokens", "Image"])
def test_constructors_of_maskers_store_their_keywords(masker):
    import inspect

    import jupyter_xai

    cls = getattr(jupyter_xai, masker)
    parameters = inspect.signature(cls).parameters
    marks = {name: object() for name in parameters}
    made = cls(**marks)
    assert all(getattr(made, name) is mark for name, mark in marks.items())
    for spec in cls.params:
        assert spec.default == parameters[spec.name].default
        spec.validate(spec.default)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "kind", "cls"), [pytest.param(*k, id=f"{k[0]}-{k[1]}") for k in kernels()])
def test_contract(name, kind, cls, check):
    check(cls, CASES[kind]())


OF_MASKERS = [
    checks.same_arguments_give_the_same_bits,
    checks.batch_size_does_not_matter,
    checks.at_most_batch_size_rows_a_call,
    checks.explain_is_the_last_of_stream,
    checks.explain_batch_is_explain_row_by_row,
    checks.input_is_not_touched,
    checks.global_random_states_are_left,
]
"""What a masker could break."""


@pytest.mark.parametrize("check", OF_MASKERS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ("name", "variant", "cls"), [pytest.param(*v, id=f"{v[0]}-{v[1]}") for v in variants()]
)
def test_variants(name, variant, cls, check):
    check(cls, VARIANTS[variant][1]())


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ("name", "kind", "cls"), [pytest.param(*k, id=f"{k[0]}-{k[1]}") for k in gradients.kernels()]
)
def test_contract_of_gradient_kernels(name, kind, cls, check):
    check(cls, gradients.case_of(name, kind))


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    "name", [n for n, k in KERNELS.items() if k.family == "perturbation" and "image" in k.kinds]
)
def test_torch_module_is_left_as_it_was(name, mode):
    import torch

    from jupyter_xai import Image

    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(inplace=True), torch.nn.Dropout(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 3),
    )  # fmt: skip
    getattr(net, mode)()
    net[0].weight.requires_grad_(False)
    net[6].weight.grad = torch.ones_like(net[6].weight)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    flags = [(p.requires_grad, p.grad is not None, p._version) for p in net.parameters()]
    rng = torch.get_rng_state()
    kernel = checks.make(KERNELS[name].load(), type("case", (), {"model": net, "masker": Image("grid", 9)}))
    x = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    kernel.explain(x)
    *_, stopped = kernel.stream(x, watch=lambda progress: False)
    assert stopped.status == "stopped"
    stream = kernel.stream(x)
    next(stream)
    stream.close()
    assert net.training == (mode == "train")
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert [(p.requires_grad, p.grad is not None, p._version) for p in net.parameters()] == flags
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.equal(torch.get_rng_state(), rng)


# --- the contract can fail -------------------------------------------------------------------------------


class NoProtocol(Lime):
    explain_batch = None


class Unseeded(Lime):
    def explain(self, x, targets=None, *, pool=None):
        e = super().explain(x, targets)
        return replace(e, values=e.values + 1e-9 * np.random.random(e.values.shape))


class ByBatch(Lime):
    def explain(self, x, targets=None, *, pool=None):
        e = super().explain(x, targets)
        size = 5 if self.batch_size == "auto" else self.batch_size
        return replace(e, values=e.values + size / 1000)


class Greedy(Lime):
    def _begin(self, *args, **kwargs):
        evaluation, *rest = super()._begin(*args, **kwargs)
        evaluation._limit = evaluation._size = 64
        return evaluation, *rest


class OverBudget(Lime):
    def _begin(self, *args, **kwargs):
        evaluation, estimator, n, tolerance = super()._begin(*args, **kwargs)
        return evaluation, estimator, n + 1, tolerance


class Another(Lime):
    def stream(self, x, targets=None, *, watch=None, pool=None):
        for e in super().stream(x, targets, watch=watch):
            yield replace(e, values=e.values * 1.001)


class Diverging(Lime):
    def stream(self, x, targets=None, *, watch=None, pool=None):
        for e in super().stream(x, targets, watch=watch):
            yield replace(e, values=e.values * (1 + e.n_evals * (e.status == "running")))


class RowsMixed(Lime):
    def explain_batch(self, X, targets=None):
        return super().explain_batch(X, targets)[::-1]


class Touching(Lime):
    def explain(self, x, targets=None, *, pool=None):
        e = super().explain(x, targets)
        x[:] = 0
        return e


class Stirring(Lime):
    def explain(self, x, targets=None, *, pool=None):
        np.random.random()
        return super().explain(x, targets)


class Deaf(Lime):
    def stream(self, x, targets=None, *, watch=None, pool=None):
        return super().stream(x, targets)


class Ahead(Lime):
    def stream(self, x, targets=None, *, watch=None, pool=None):
        yield from list(super().stream(x, targets, watch=watch))


BROKEN = {
    "follows_the_protocol": None,
    "same_arguments_give_the_same_bits": Unseeded,
    "batch_size_does_not_matter": ByBatch,
    "at_most_batch_size_rows_a_call": Greedy,
    "budget_is_respected": OverBudget,
    "explain_is_the_last_of_stream": Another,
    "partials_converge": Diverging,
    "explain_batch_is_explain_row_by_row": RowsMixed,
    "input_is_not_touched": Touching,
    "global_random_states_are_left": Stirring,
    "watch_stops_within_one_batch": Deaf,
    "closing_the_stream_stops_the_model": Ahead,
}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_broken_explainer_is_caught(check):
    cls = BROKEN[check.__name__]
    if cls is None:

        class Half:
            params = ()

            def __init__(self, model, masker, **kwargs):
                self.explain = None

        cls = Half
    with pytest.raises(AssertionError):
        check(cls, CASES["image"]())


def test_a_broken_constructor_is_caught():
    class Rounding(Lime):
        def __init__(self, model, masker, *, alpha=1.0):
            super().__init__(model, masker, alpha=alpha)

    class OtherDefault(Lime):
        params = (*Lime.params[:-1], FloatParam(name="tolerance", default=0.5, label="t", doc="d"))

    class Converting(Lime):
        def __init__(self, model, masker, **kwargs):
            super().__init__(model, masker, **kwargs)
            self.alpha = str(self.alpha)

        __signature__ = __import__("inspect").signature(Lime)

    for broken in (Rounding, OtherDefault, Converting):
        with pytest.raises(AssertionError):
            checks.constructor_stores_keywords_and_has_a_spec_for_each(broken)
