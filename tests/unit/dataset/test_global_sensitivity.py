"""Sizes of derivatives over rows: golden cases, a literal oracle, errors, second order, parity with neuralsens."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

import jupyter_xai as xai
from jupyter_xai.errors import InputError

nn = torch.nn
rng = np.random.default_rng(0)


class Formula(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def mlp(activation=nn.Tanh, outputs=1, columns=4, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(columns, 8), activation(), nn.Linear(8, 6), activation(), nn.Linear(6, outputs)
    ).double()


def sensitivity(model, rows, targets=None, **more):
    return xai.GlobalSensitivity(model, **more).explain(rows, targets)


def literal(net, rows, output=0):
    """Row by row: the gradient and the Hessian of one output."""
    points = torch.from_numpy(rows)
    firsts = [torch.autograd.functional.jacobian(lambda x: net(x[None])[0, output], row) for row in points]
    seconds = [torch.autograd.functional.hessian(lambda x: net(x[None])[0, output], row) for row in points]
    return torch.stack(firsts).numpy(), torch.stack(seconds).numpy()


@pytest.mark.parametrize("model", [lambda X: 2 * X[:, 0] - X[:, 1], Formula(lambda x: 2 * x[:, 0] - x[:, 1])])
def test_golden_linear(model):
    X = rng.normal(size=(300, 3)) * [1, 7, 3]
    np.testing.assert_allclose(sensitivity(model, X, scale="none").values[0], [2 / 3, 1 / 3, 0], atol=1e-6)
    np.testing.assert_allclose(
        sensitivity(model, X, scale="none", norm="ms").values[0], [0.8, 0.2, 0], atol=1e-6
    )
    plain = sensitivity(model, X, scale="none", norm="l1", normalize=False)
    np.testing.assert_allclose(plain.values[0], [2, 1, 0], atol=1e-5)
    np.testing.assert_allclose(plain.signed[0], [2, -1, 0], atol=1e-5)
    standard = sensitivity(model, X, normalize=False)
    np.testing.assert_allclose(
        standard.values[0], [2 * X[:, 0].std(), X[:, 1].std(), 0], rtol=1e-4, atol=1e-6
    )
    assert standard.value_unit == "per standard deviation"


def test_golden_product_and_squares():
    X = rng.normal(size=(40_000, 2))
    found = sensitivity(Formula(lambda x: x[:, 0] * x[:, 1]), X)
    low, high = found.intervals
    assert ((low <= 0.5) & (high >= 0.5)).all()
    assert abs(found.values[0, 0] - 0.5) < 0.01
    assert np.abs(found.signed).max() < 0.02  # it raises as often as it lowers
    U = rng.uniform(-1, 1, size=(40_000, 3))
    a = np.array([1.0, 3.0, 0.0])
    found = sensitivity(Formula(lambda x: (x**2 * torch.tensor([1.0, 3.0, 0.0])).sum(1)), U)
    np.testing.assert_allclose(found.values[0], a / a.sum(), atol=0.01)


@pytest.mark.parametrize("norm", ["l2", "l1", "ms"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_agrees_with_the_literal_reading(norm, outputs):
    net, X = mlp(outputs=outputs), rng.normal(size=(150, 4)) * [1, 2, 0.5, 3] + 4
    found = sensitivity(net, X, norm=norm, second_order=True)
    for output in range(outputs):
        first, second = literal(net, X, output)
        sd = X.std(axis=0)
        size = {
            "l2": lambda d: np.sqrt((d**2).mean(0)), "l1": lambda d: np.abs(d).mean(0), "ms": lambda d: (d**2).mean(0)
        }[norm]  # fmt: skip
        whole = size(first * sd)
        np.testing.assert_allclose(found.values[output], whole / whole.sum(), rtol=1e-6)
        np.testing.assert_allclose(
            found.signed[output], (first * sd).mean(0) / whole.sum(), rtol=1e-5, atol=1e-9
        )
        pairs = size(second * sd * sd[:, None])
        np.testing.assert_allclose(found.interactions[output], pairs / pairs.sum(), rtol=1e-6)


def test_parity_with_neuralsens():
    from neuralsens.partial_derivatives import hessian_mlp, jacobian_mlp

    net, X = mlp(nn.Sigmoid), rng.normal(size=(60, 4))
    layers = [part for part in net if isinstance(part, nn.Linear)]
    weights = [layer.weight.detach().numpy().T for layer in layers]
    bias = [layer.bias.detach().numpy() for layer in layers]
    acts = ["identity", "logistic", "logistic", "identity"]
    frame, y = (
        pd.DataFrame(X, columns=list("abcd")),
        pd.DataFrame(net(torch.from_numpy(X)).detach().numpy(), columns=["y"]),
    )
    peer = jacobian_mlp(weights, bias, acts, frame, y).sens[0]
    found = sensitivity(net, frame, scale="none", normalize=False, second_order=True)
    np.testing.assert_allclose(found.values[0], np.asarray(peer["mean_squared"], float), rtol=1e-6)
    np.testing.assert_allclose(found.signed[0], np.asarray(peer["mean"], float), rtol=1e-6, atol=1e-9)
    assert found.feature_names == tuple("abcd")
    second = hessian_mlp(weights, bias, acts, frame, y)
    raw = np.asarray(second.raw_sens[0], float).reshape(60, 4, 4)
    np.testing.assert_allclose(found.interactions[0], np.sqrt((raw**2).mean(0)), rtol=1e-6)


def test_second_order_of_a_quadratic_is_its_hessian_and_of_kinks_is_found():
    A = np.array([[2.0, -1.0, 0.0], [-1.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    net = Formula(lambda x: (x @ torch.tensor(A, dtype=x.dtype) * x).sum(1) / 2)
    X = rng.normal(size=(200, 3))
    exact = sensitivity(net, X, second_order=True, scale="none", normalize=False)
    np.testing.assert_allclose(exact.interactions[0], np.abs(A), atol=1e-5)
    moved = sensitivity(
        lambda rows: np.einsum("ni,ij,nj->n", rows, A, rows) / 2,
        X,
        second_order=True,
        scale="none",
        normalize=False,
    )
    np.testing.assert_allclose(moved.interactions[0], np.abs(A), atol=1e-6)
    differences = sensitivity(
        net, X, second_order=True, scale="none", normalize=False, curvature="differences"
    )
    np.testing.assert_allclose(differences.interactions[0], np.abs(A), atol=1e-3)
    kinks = Formula(lambda x: torch.relu(x[:, 0] + x[:, 1]) + x[:, 2])
    across = sensitivity(kinks, X, second_order=True)
    np.testing.assert_allclose(across.interactions[0, 2], 0, atol=1e-9)
    assert across.interactions[0, 0, 1] > 0.2
    none = sensitivity(kinks, X, second_order=True, curvature="hessian", normalize=False)
    assert np.abs(none.interactions).max() == 0  # zero almost everywhere: what differences are for


def test_groups_count_by_their_squares():
    X = np.eye(3)[rng.integers(0, 3, 400)]
    X = np.column_stack([rng.normal(size=400), X])
    weights = np.array([1.0, 2.0, -1.0, 0.5])
    model = lambda rows: rows @ weights  # noqa: E731
    names = ["age", "job_a", "job_b", "job_c"]
    alone = sensitivity(model, X, feature_names=names, normalize=False)
    found = sensitivity(model, X, groups={"job": ["job_a", "job_b", 3]}, feature_names=names, normalize=False)
    assert found.feature_names == ("age", "job")
    np.testing.assert_allclose(found.values[0, 1], np.sqrt((alone.values[0, 1:] ** 2).sum()), rtol=1e-6)
    assert np.isnan(found.signed[0, 1])
    for bad in ({"job": ["age", "work"]}, {"a": ["age"], "b": ["age"]}):
        with pytest.raises(InputError, match="groups= lists"):
            sensitivity(model, X, groups=bad, feature_names=names)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    local = np.random.default_rng(3)
    net = Formula(lambda x: x[:, 0] ** 2 + 2 * x[:, 1])
    truth = np.array([2.0, 2.0]) / 4.0  # sqrt(mean (2 x)^2) = 2, times sd 1; and 2
    for n, least in ((40, 0.86), (800, 0.88)):
        hits = 0
        for _ in range(80):
            low, high = sensitivity(net, local.normal(size=(n, 2))).intervals
            hits += low[0, 0] <= truth[0] <= high[0, 0]
        assert least <= hits / 80 <= 1.0


def test_chunks_batches_and_executors_do_not_matter():
    net, X = mlp(nn.ReLU).float(), rng.normal(size=(3000, 4)).astype(np.float32) + 100
    whole = sensitivity(net, X)
    for other in (
        sensitivity(net, (X[i : i + 700] for i in range(0, 3000, 700))),
        sensitivity(net, torch.utils.data.DataLoader(torch.from_numpy(X), batch_size=100)),
        xai.GlobalSensitivity(net).explain(X, executor=2),
    ):
        np.testing.assert_array_equal(whole.values, other.values)
        np.testing.assert_array_equal(whole.std_errors, other.std_errors)
        np.testing.assert_array_equal(whole.sample.rows, other.sample.rows)
    np.testing.assert_allclose(sensitivity(net, X, batch_size=37).values, whole.values, rtol=1e-5)
    kernel = xai.GlobalSensitivity(net)
    *_, last = kernel.stream(X)
    np.testing.assert_array_equal(last.values, whole.values)
    assert last.layout.names == ("x0", "x1", "x2", "x3")
    assert pickle.loads(pickle.dumps(kernel)).norm == "l2"


def test_reduction_merges_exactly_and_keeps_shifted_columns_exact():
    from jupyter_xai.dataset._slopes import SizeReduction, Slopes

    def reduction():
        return SizeReduction("l2", standardise=True, normalise=False, members=((0,), (1,)), names=("a", "b"))

    X = rng.normal(size=(900, 2)) + np.array([1e6, -50])
    D = rng.normal(size=(900, 1, 2))
    merged = reduction()
    for start in range(0, 900, 130):
        part = reduction()
        stop = min(start + 130, 900)
        part.update(Slopes(start, D[start:stop], X[start:stop], None, ("y",), "raw"))
        merged.merge(pickle.loads(pickle.dumps(part)))
    expected = np.sqrt((D[:, 0] ** 2).mean(0)) * X.std(axis=0)
    np.testing.assert_allclose(merged.estimate().values[0], expected, rtol=1e-8)


def test_probabilities_are_explained_by_their_logit_and_the_network_is_left():
    net = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    net.train()
    X = rng.normal(size=(50, 3)).astype(np.float32)
    found = sensitivity(net, X, targets=1, scale="none", normalize=False)
    np.testing.assert_allclose(found.values[0], net[0].weight.detach().abs()[1].numpy(), rtol=1e-5)
    assert found.output_unit == "logit"
    assert net.training
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


def test_elasticity():
    X = rng.uniform(1, 2, size=(200, 2))
    found = sensitivity(Formula(lambda x: x[:, 0] ** 3 * x[:, 1]), X, scale="elasticity", normalize=False)
    np.testing.assert_allclose(found.values[0], [3, 1], rtol=1e-5)
    np.testing.assert_allclose(found.std_errors[0], 0, atol=1e-6)


def test_images_and_series_have_places():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    found = sensitivity(net, torch.randn(20, 1, 8, 8), targets=0)
    assert found.feature_shape == (1, 8, 8)
    assert found.values.shape == (1, 64)
    assert found.feature_names[9] == "0, 1, 1"


@pytest.mark.parametrize(
    ("model", "rows", "said"),
    [
        (mlp(), [["a", "b"]], r"not a number.*xai.GlobalShap\(xai.Sensitivity"),
        (mlp(), np.full((3, 4), np.nan), "missing or infinite"),
        (mlp(), np.zeros(4), "one instance"),
        (lambda X: X.sum(axis=(1, 2)), np.zeros((3, 4, 4)), "need a torch network"),
    ],
)
def test_bad_rows_are_said(model, rows, said):
    with pytest.raises(InputError, match=said):
        sensitivity(model, rows)
    with pytest.raises(InputError, match=r"feature_names= has 1 names"):
        sensitivity(mlp(), np.ones((3, 4)), feature_names=["a"])


def test_a_column_that_never_varies_is_said():
    X = np.column_stack([rng.normal(size=50), np.ones(50)])
    for model in (Formula(lambda x: x[:, 0] + x[:, 1]), lambda rows: rows[:, 0] + rows[:, 1]):
        found = sensitivity(model, X)
        np.testing.assert_allclose(found.values[0], [1, 0])
        assert "The same in every row" in found.notices[-1]


def test_through_explain_dataset():
    found = xai.explain_dataset(
        mlp(), rng.normal(size=(30, 4)), "global_sensitivity", norm="l1", feature_names=list("abcd")
    )
    assert (found.method, found.params["norm"], found.feature_names) == (
        "global_sensitivity",
        "l1",
        tuple("abcd"),
    )
    with pytest.raises(InputError, match="n_samples= is not a hyper-parameter of GlobalSensitivity"):
        xai.explain_dataset(mlp(), np.zeros((3, 4)), "global_sensitivity", n_samples=3)


@pytest.mark.parametrize("kind", ["network", "function"])
def test_predicted_classes_are_counted(kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)).double()
    X = rng.normal(size=(500, 4))

    def probabilities(rows):
        with torch.no_grad():
            return net(torch.as_tensor(np.asarray(rows, dtype=np.float64))).numpy()

    model = net if kind == "network" else probabilities
    found = xai.explain_dataset(
        model, X, "global_sensitivity", output="auto" if kind == "network" else "probability"
    )
    scores = probabilities(X)
    assert found.predicted.tolist() == np.bincount(scores.argmax(axis=1), minlength=3).tolist()
    sample = found.sample
    np.testing.assert_array_equal(sample.predicted, scores[sample.rows].argmax(axis=1))
    assert sample.predictions.shape == (200, 3)
    np.testing.assert_array_equal(sample.predictions.argmax(axis=1), sample.predicted)
    halves = xai.GlobalSensitivity(net).explain((X[i : i + 170] for i in range(0, 500, 170)), executor=2)
    assert halves.predicted.tolist() == found.predicted.tolist()


def test_one_class_of_three_alone_counts_nothing():
    net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)).double()
    X = rng.normal(size=(70, 4))
    assert sensitivity(net, X, [1]).predicted is None
    assert sensitivity(nn.Linear(4, 3).double(), X).predicted is None  # three numbers
