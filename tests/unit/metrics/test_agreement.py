"""Agreement and stability: literal definitions, coarser and finer features, ties, captum's sensitivity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import spearmanr

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Explanation, Pixels, Tokens
from jupyter_xai.metrics import across_random_states, agreement, likeness, max_sensitivity, onto, stability
from tests.oracle.metrics import krishna, mean_jaccard, stability_indices


def of(values: Any, features: Any = None, **more: Any) -> Explanation:
    values = (
        np.atleast_2d(np.asarray(values, dtype=np.float64)) if np.ndim(values) < 2 else np.asarray(values)
    )
    n = values.shape[1]
    row = features or Columns(
        names=tuple(f"x{i}" for i in range(n)),
        values=(0,) * n,
        kinds=("number",) * n,
        members=tuple((i,) for i in range(n)),
    )
    return Explanation(
        values=values, features=row, output_names=("y",), predictions=np.array([1.0]), method="made", **more
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_agreement_is_the_papers(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    k = int(rng.integers(1, n + 1))
    found = likeness(a, b, top=k)
    assert (found.top, found.sign) == pytest.approx(krishna(a.tolist(), b.tolist(), k))
    assert found.rank == pytest.approx(spearmanr(a, b).statistic)
    assert found.cosine == pytest.approx(a @ b / np.sqrt(a @ a * (b @ b)))


def test_ties_share_the_last_places_and_are_said() -> None:
    found = likeness(np.array([3.0, 1.0, 1.0, 1.0]), np.array([3.0, 1.0, 1.0, 1.0]), top=2)
    assert found.top == pytest.approx(1.0)
    assert "tied for the last place" in found.notices[0]
    apart = likeness(np.array([3.0, 1.0, 1.0, 1.0]), np.array([3.0, 2.0, 1.0, 0.0]), top=2)
    assert apart.top == pytest.approx((1 + 1 / 3) / 2)


def test_what_has_no_order_is_a_sentence() -> None:
    one = agreement(of([1.0]), of([2.0]))
    assert np.isnan(one["rank correlation"].values[0])
    assert "one feature" in one["cosine"].notices[0]
    zero = agreement(of([0.0, 0.0]), of([1.0, 2.0]))
    assert all(np.isnan(each.values[0]) for each in zero.values())
    assert "zero everywhere" in zero["cosine"].notices[0]
    broken = agreement(of([np.nan, 0.0]), of([1.0, 2.0]))
    assert all(np.isnan(each.values[0]) for each in broken.values())
    assert "1 of 2 attributions" in broken["cosine"].notices[0]
    level = agreement(of([1.0, 1.0]), of([1.0, 2.0]))
    assert np.isnan(level["rank correlation"].values[0])
    assert np.isfinite(level["cosine"].values[0])


def test_different_outputs_are_refused() -> None:
    other = Explanation(
        values=np.ones((1, 2)), features=of([1, 2]).features, output_names=("z",), predictions=np.ones(1)
    )
    with pytest.raises(InputError, match="different outputs"):
        agreement(of([1.0, 2.0]), other)


LABELS = np.array([[0, 0, 1], [2, 2, 1]], np.int32)
PICTURE = np.zeros((2, 3, 3), np.uint8)


def test_pixels_onto_superpixels_keep_sums() -> None:
    pixels = of(np.arange(18.0).reshape(1, 3, 2, 3), Pixels(image=PICTURE))
    pieces = Pixels(image=PICTURE, labels=LABELS)
    laid = onto(pixels, pieces)
    image = pixels.values[0].sum(axis=0)
    np.testing.assert_allclose(laid[0], [image[i == LABELS].sum() for i in range(3)])
    back = onto(of(laid, pieces), Pixels(image=PICTURE))
    assert back.shape == (1, 18)
    assert back.sum() == pytest.approx(laid.sum())
    other = Pixels(image=PICTURE, labels=np.array([[0, 1, 1], [0, 1, 1]], np.int32))
    assert onto(of(laid, pieces), other).sum() == pytest.approx(laid.sum())
    found = agreement(pixels, of(laid, pieces))
    assert found["rank correlation"].values[0] == pytest.approx(1.0)


def test_pieces_of_words_onto_words_and_groups() -> None:
    text = "dull, so dull"
    parts = Tokens(text=text, offsets=((0, 2), (2, 4), (4, 5), (5, 8), (9, 13)))
    words = Tokens(text=text, offsets=((0, 4), (6, 8), (9, 13)), groups=(0, 1, 0))
    np.testing.assert_allclose(onto(of([1.0, 2.0, 5.0, 4.0, 8.0], parts), words), [[11.0, 4.0]])


def test_columns_onto_groups_and_not_back() -> None:
    fine = of([1.0, 2.0, 3.0])
    groups = Columns(names=("g", "x2"), values=((0, 0), 0), kinds=("group", "number"), members=((0, 1), (2,)))
    np.testing.assert_allclose(onto(fine, groups), [[3.0, 3.0]])
    with pytest.raises(InputError, match="part of a group"):
        onto(of([1.0, 2.0], groups), fine.features)


def test_other_instances_are_refused() -> None:
    with pytest.raises(InputError, match="different texts"):
        onto(of([1.0], Tokens(text="a", offsets=((0, 1),))), Tokens(text="b", offsets=((0, 1),)))
    with pytest.raises(InputError, match="cannot be laid onto"):
        onto(of([1.0]), Tokens(text="b", offsets=((0, 1),)))


def test_gradients_are_compared_by_size() -> None:
    slopes = of([1.0, -3.0, 2.0], value_unit="per unit of the input")
    found = agreement(slopes, of([1.0, 3.0, 2.0]))
    assert found["rank correlation"].values[0] == pytest.approx(1.0)
    assert np.isnan(found["sign agreement"].values[0])
    assert any("Sizes are compared" in said for said in found["cosine"].notices)


# --- stability -----------------------------------------------------------------------------------------------


def test_stability_indices_are_the_papers() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(6, 8)) * (rng.random((6, 8)) > 0.2)
    errors = np.abs(rng.normal(size=(6, 8)))
    runs = [of(v, std_errors=s[None]) for v, s in zip(values, errors, strict=True)]
    found = stability(runs, top=3)
    chosen = [set(np.flatnonzero(v)) for v in values]
    assert min(map(len, chosen)) >= 3
    same = [set(list(each)[:3]) for each in chosen]  # VSI's p is the number of features each run may choose
    trimmed = np.zeros_like(values)
    for run, keep in enumerate(same):
        trimmed[run, list(keep)] = 1.0 + values[run, list(keep)] ** 2
    three = stability([of(v, std_errors=s[None]) for v, s in zip(trimmed, errors, strict=True)], top=3)
    vsi, csi = stability_indices(same, trimmed - 1.96 * errors, trimmed + 1.96 * errors, 3)
    assert three["VSI"].values[0] == pytest.approx(vsi)
    assert three["CSI"].values[0] == pytest.approx(csi)
    tops = [set(np.argsort(-np.abs(v))[:3]) for v in trimmed]
    assert three["top-k Jaccard"].values[0] == pytest.approx(mean_jaccard(tops))
    pairs = [spearmanr(values[i], values[j]).statistic for i in range(6) for j in range(i + 1, 6)]
    assert found["rank stability"].values[0] == pytest.approx(np.mean(pairs))


def test_stability_of_few_and_of_many_draws() -> None:
    def model(X: Any) -> Any:
        return np.tanh(X[:, 0] * X[:, 1]) + X[:, 2] * X[:, 3] + 0.1 * X[:, 4]

    X = np.random.default_rng(0).normal(size=(50, 6))
    found = []
    for n in (30, 2000):
        kernel = xai.Lime(model, xai.Tabular(X), n_samples=n, tolerance=0)
        runs = across_random_states(kernel, X[0], n_runs=6)
        assert kernel.random_state == 0
        assert [each.random_state for each in runs] == list(range(6))
        found.append(stability(runs)["rank stability"])
    few, many = found
    assert few.values[0] < many.values[0] <= 1.0
    assert many.half_widths[0] < few.half_widths[0]


def test_a_method_that_draws_nothing_is_said_to() -> None:
    kernel = xai.KernelShap(lambda X: X[:, 0] * X[:, 1], xai.Tabular(np.eye(2)))
    found = stability(across_random_states(kernel, [1.0, 2.0], n_runs=3))
    assert found["VSI"].values[0] == 100.0
    assert any("All runs gave the same" in said for said in found["VSI"].notices)
    assert np.isnan(found["CSI"].values[0])
    assert "no intervals" in found["CSI"].notices[-1]


def test_max_sensitivity_of_a_linear_models_gradient_is_zero() -> None:
    net = torch.nn.Linear(4, 2)
    assert max_sensitivity(xai.Saliency(net), np.ones(4, np.float32)).values.tolist() == [0.0, 0.0]


def test_max_sensitivity_equals_captums() -> None:
    metrics = pytest.importorskip("captum.metrics")
    attr = pytest.importorskip("captum.attr")
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).double()
    x = torch.linspace(-1, 1, 5).double()
    mine = max_sensitivity(xai.Saliency(net), x, targets=[1], radius=0.3, n_samples=7, random_state=4)

    from jupyter_xai.maskers._random import generator
    from jupyter_xai.metrics._nearby import nearby

    moved, _ = nearby(x, None, 0.3, 7, generator(4, "sensitivity", 0))
    peer = metrics.sensitivity_max(
        lambda inputs: (
            attr.Saliency(net).attribute(inputs[0].detach().requires_grad_(), target=1, abs=False),
        ),
        x[None],
        perturb_func=lambda inputs: (torch.stack(moved),),
        n_perturb_samples=7,
    )
    assert mine.values[0] == pytest.approx(float(peer), rel=1e-6)


def test_max_sensitivity_of_rows_pictures_and_texts() -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    kernel = xai.KernelShap(lambda X: X[:, 0] * X[:, 1], xai.Tabular(X))
    row = max_sensitivity(kernel, X[0], radius=0.1)
    assert 0 < row.values[0] < 1
    assert "standard deviation" in row.definition
    image = np.random.default_rng(1).random((12, 12, 3))
    pieces = xai.KernelShap(lambda B: B.mean(axis=(1, 2, 3)), xai.Image("grid", 4, fill=0.0))
    assert 0 < max_sensitivity(pieces, image, n_samples=3).values[0] < 0.2
    with pytest.raises(InputError, match="cannot be moved a little"):
        max_sensitivity(xai.Lime(lambda t: [len(x) for x in t], xai.Text()), "a dull film")
    whole = xai.Tabular(np.arange(6).reshape(3, 2))
    with pytest.raises(InputError, match="No column of the row"):
        max_sensitivity(xai.KernelShap(lambda X: X[:, 0], whole), [1, 2])
