"""What one kernel asked is not asked again: by another kernel, another target, another width, more samples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from jupyter_xai import Image, KernelShap, Lime, Occlusion, PartitionShap, PermutationShap, Tabular, Text
from jupyter_xai.evaluation import Pool
from tests.oracle.test_shapley import network
from tests.unit.kernels.fakes import FakePredictor, MaskMasker


class Counting:
    """A function that remembers every row it was asked; nothing tells whether it has changed but its answers."""

    def __init__(self, function):
        self.function = function
        self.asked = []

    def __call__(self, batch):
        self.asked += [row if isinstance(row, str) else np.asarray(row).tobytes() for row in batch]
        return self.function(batch)

    @property
    def again(self):
        """How many rows were asked that had been asked before."""
        return len(self.asked) - len(set(self.asked))


def stamped(n, outputs=1):
    """A model that says by its stamp whether it has changed, so that not even the instance is asked again."""
    counting = Counting(network(n, 0, outputs))
    return counting, FakePredictor(counting, [f"out{k}" for k in range(outputs)], stamp=1)


def test_lime_with_another_width_penalty_target_or_selection():
    counting, predictor = stamped(12, outputs=3)
    pool = Pool()
    Lime(predictor, MaskMasker(), n_samples=300, tolerance=0).explain(12, "out0", pool=pool)
    asked = len(counting.asked)
    for given in ({"kernel_width": 1.0}, {"alpha": 0.0}, {"n_features": 3}, {"distance": "hamming"}):
        e = Lime(predictor, MaskMasker(), n_samples=300, tolerance=0, **given).explain(12, pool=pool)
        assert e.n_rows == 0
    for target in ("out1", ["out0", "out2"]):
        Lime(predictor, MaskMasker(), n_samples=300, tolerance=0).explain(12, target, pool=pool)
    assert len(counting.asked) == asked


def test_kernel_shap_with_more_samples_another_estimator_or_target():
    counting, predictor = stamped(16, outputs=2)
    pool = Pool()
    KernelShap(predictor, MaskMasker(), n_samples=200, tolerance=0).explain(16, "out0", pool=pool)
    assert len(counting.asked) == 202
    long = KernelShap(predictor, MaskMasker(), n_samples=500, tolerance=0, estimator="gp").explain(
        16, pool=pool
    )
    assert len(counting.asked) == 502
    assert long.n_rows == 300
    KernelShap(predictor, MaskMasker(), n_samples=500, tolerance=0, estimator="wls").explain(
        16, "out1", pool=pool
    )
    assert len(counting.asked) == 502
    assert counting.again == 0


def test_kernel_shap_under_another_link():
    counting = Counting(lambda masks: 1 / (1 + np.exp(-network(16, 0)(masks))))
    predictor, pool = FakePredictor(counting, ["out0"], stamp=1), Pool()
    given = {"n_samples": 200, "tolerance": 0}
    plain = KernelShap(predictor, MaskMasker(), **given).explain(16, pool=pool)
    linked = KernelShap(predictor, MaskMasker(), **given, link="logit").explain(16, pool=pool)
    assert (plain.n_rows, linked.n_rows, counting.again) == (202, 0, 0)
    assert np.abs(linked.values - plain.values).max() > 0.01


@pytest.mark.parametrize("n", [8, 16, 40])
def test_every_kernel_of_the_family_after_another(n):
    counting, predictor = stamped(n)
    pool, masker = Pool(), MaskMasker()
    made = [
        KernelShap(predictor, masker, n_samples=600, tolerance=0),
        PermutationShap(predictor, masker, n_samples=600, tolerance=0),
        Occlusion(predictor, masker),
        PartitionShap(predictor, masker, n_samples=600),
        PermutationShap(predictor, masker, n_samples=900, tolerance=0),
    ]
    warm = [kernel.explain(n, pool=pool) for kernel in made]
    assert counting.again == 0
    for kernel, e in zip(made, warm, strict=True):  # and what is cached decides nothing
        cold = kernel.explain(n)
        np.testing.assert_allclose(e.values, cold.values, atol=1e-12)
        assert e.n_evals == cold.n_evals
    if n == 8:
        assert [e.n_rows for e in warm] == [2**8, 0, 0, 0, 0]


def test_on_texts_images_and_tables():
    """A function cannot be stamped: only the instance itself is asked again, once a run, to see that it is the same."""
    rng = np.random.default_rng(0)
    X, image = rng.normal(size=(6, 5)), rng.random((8, 8, 3))
    cases = [
        (Text(), "a good film, but not a great one", lambda texts: [len(t) + ("not" in t) for t in texts]),
        (Image("grid", 9), image, lambda batch: np.tanh(batch.mean(axis=(1, 2))).prod(axis=1)),
        (Tabular(X), X[0] + 10.0, lambda rows: np.tanh(np.asarray(rows)).prod(axis=1)),
    ]
    for masker, x, function in cases:
        counting, pool = Counting(function), Pool()
        first = KernelShap(counting, masker)
        first.explain(x, pool=pool)
        predictor = first._predictor()
        for cls in (PermutationShap, PartitionShap, Occlusion, KernelShap):
            before = len(counting.asked)
            cls(predictor, masker).explain(x, pool=pool)
            assert len(counting.asked) <= before + 1


def test_a_refitted_model_empties_the_pool_and_it_is_said():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    pool, masker = Pool(), Tabular(X[:10])
    kernel = KernelShap(model, masker)
    old = kernel.explain(X[20], pool=pool)
    assert old.n_rows == 1 + 10 * (2**5 - 1)
    predictor = kernel._predictor()
    quiet = PermutationShap(predictor, masker).explain(X[20], pool=pool)
    assert quiet.n_rows <= 1
    assert not quiet.notices
    model.fit(X, X[:, 1] > 0)
    for cls in (PermutationShap, PartitionShap, Occlusion, Lime):
        e = cls(predictor, masker).explain(X[20], pool=pool)
        said = [notice for notice in e.notices if "has changed" in notice]
        assert len(said) == (
            cls is PermutationShap
        )  # once: afterwards everything in the pool is the new model's
    fresh = PermutationShap(model, masker).explain(X[20])
    again = PermutationShap(predictor, masker).explain(X[20], pool=pool)
    np.testing.assert_allclose(again.values, fresh.values, atol=1e-12)
    assert np.abs(fresh.values - old.values).max() > 0.05


def test_a_trained_network_empties_the_pool_and_it_is_said():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 3))
    X = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
    pool, masker = Pool(), Tabular(X)
    kernel = KernelShap(net, masker)
    kernel.explain(X[0] + 3, pool=pool)
    predictor = kernel._predictor()
    assert PermutationShap(predictor, masker).explain(X[0] + 3, pool=pool).n_rows == 0
    with torch.no_grad():
        net[0].weight.mul_(2.0)
    e = PermutationShap(predictor, masker).explain(X[0] + 3, pool=pool)
    assert any("has changed" in notice for notice in e.notices)
    assert e.n_rows == 1 + 10 * (2**5 - 1)
