"""compare and benchmark: one space, methods that cannot, stopping, and winners only where rows bear them out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import jupyter_xai as xai
from jupyter_xai.comparing import Comparison
from jupyter_xai.errors import InputError
from tests.unit.compared_models import RNG, ROWS, judged, model, of, softmax_net


def test_all_explain_the_logit_where_a_gradient_method_takes_part() -> None:
    net = softmax_net()
    found = xai.compare(net, ROWS[0], ["kernel_shap", "deep_lift", "lime"], background=ROWS, n_samples=200)
    assert found.space == "logit"
    assert "DeepLIFT follows gradients" in found.space_reason
    with torch.no_grad():
        logits = net[:-1](torch.tensor(ROWS[:1], dtype=torch.float32)).numpy()[0]
    at = int(logits.argmax())
    assert found.output_names == (f"output {at}",)
    for entry in found.explained:
        assert entry.explanation is not None
        assert entry.explanation.output_unit == "logit"
        assert entry.explanation.predictions[0] == pytest.approx(logits[at], rel=1e-5)
    alone = xai.compare(net, ROWS[0], ["kernel_shap", "lime"], background=ROWS, n_samples=200, metrics=[])
    assert alone.space == "probability"
    said = xai.compare(
        net, ROWS[0], ["kernel_shap", "deep_lift"], background=ROWS, output="probability", metrics=[]
    )
    assert {e.explanation.output_unit for e in said.explained} == {"probability"}
    raw = xai.compare(net[:-1], ROWS[0], ["deep_lift"], background=ROWS, metrics=[])
    assert raw.space == "raw"


def test_methods_that_cannot_are_shown_with_the_reason_and_the_others_go_on() -> None:
    class Broken:
        params = ()
        method = "broken"

        def explain(self, x: Any, targets: Any = None) -> Any:
            raise ZeroDivisionError("no luck")

    found = xai.compare(model, ROWS[0], ["grad_cam", "deep_lift", Broken(), "kernel_shap"], background=ROWS)
    assert [entry.label for entry in found.explained] == ["KernelSHAP"]
    assert "explains image inputs" in found["grad_cam"].why_not
    assert "needs a torch network" in found["deep_lift"].why_not
    assert "ZeroDivisionError: no luck" in found["broken"].why_not
    page = found._repr_html_()
    assert "needs a torch network" in page
    assert "alone explained this" in found.verdict
    frame = found.to_frame()
    assert set(frame.method) == {"Grad-CAM", "DeepLIFT", "Broken", "KernelSHAP"}
    assert frame[frame.method == "DeepLIFT"].why_not.iloc[0]


def test_cheapest_first_whole_comparisons_and_stop() -> None:
    seen: list[Comparison] = []

    def watch(so_far: Comparison) -> bool:
        seen.append(so_far)
        return len(so_far.explained) < 2

    net = softmax_net()
    found = xai.compare(
        net, ROWS[0], ["kernel_shap", "lime", "saliency", "integrated_gradients"], background=ROWS,
        baseline="zeros", n_samples=100, watch=watch,
    )  # fmt: skip
    assert found.status == "stopped"
    assert [entry.label for entry in found.explained] == ["Saliency", "Integrated gradients"]
    assert found.entries[0].label == "KernelSHAP"  # the order asked for is kept
    assert seen[0].explained == ()
    assert seen[0].predictions.shape == (1,)
    assert "Not asked" in found._repr_html_()


def test_the_same_arguments_give_the_same_numbers() -> None:
    one, other = (
        xai.compare(model, ROWS[0], ["lime", "kernel_shap"], background=ROWS, n_samples=200).to_frame()
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"))


def test_each_method_has_its_own_hyper_parameters_and_label() -> None:
    methods = {
        "few": ("lime", {"n_samples": 50}),
        "many": ("lime", {"n_samples": 500}),
        "exact": xai.KernelShap,
    }
    found = xai.compare(model, ROWS[0], methods, background=ROWS, tolerance=0.0, metrics=["stability"])
    assert found["few"].n_rows == 50
    assert found["many"].n_rows == 500
    steady = [found[name].measures["rank stability"].values[0] for name in methods]
    assert steady[0] <= steady[1] <= steady[2] == pytest.approx(1.0)
    twice = xai.compare(model, ROWS[0], ["lime", ("lime", {"n_samples": 50})], background=ROWS, metrics=[])
    assert [entry.label for entry in twice.entries] == ["LIME", "LIME (2)"]


@pytest.mark.parametrize(
    ("methods", "more", "said"),
    [
        (["limes"], {}, "is not known"),
        ([], {}, "is empty"),
        ([3], {}, "has a int"),
        (["lime"], {"metrics": ["truth"]}, "metrics='truth' is not known"),
        (["lime"], {"n_sample": 3}, "n_sample= is not a hyper-parameter"),
        ([("lime", {"width": 3})], {}, "width= is not a hyper-parameter of lime"),
        ([("lime", 3)], {}, "expected a pair"),
        (["lime"], {"targets": 7}, "There is no output 7"),
    ],
)
def test_bad_input_is_a_sentence(methods: Any, more: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        xai.compare(model, ROWS[0], methods, background=ROWS, **more)


def test_pictures_share_what_is_removed_and_can_be_drawn() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(12, 3),
    )  # fmt: skip
    images = torch.rand(4, 1, 12, 12)
    found = xai.compare(
        net, images[0], ["kernel_shap", "deep_shap", "grad_cam", "saliency"], "all", background=list(images[1:]),
        segmentation="grid", n_segments=9, fill=0.0, n_samples=100,
    )  # fmt: skip
    assert len(found.explained) == 4
    layout, values = found.attributions()
    assert values.shape == (4, 9)
    assert layout is found.features
    assert np.isnan(found["grad_cam"].measures["infidelity"].values[0])
    assert found["kernel_shap"].measures["ROAD"].values.shape == (1,)
    assert "rank kept without weights" in found["saliency"].measures
    table = found.agreement()
    np.testing.assert_allclose(np.diag(table), 1.0)
    np.testing.assert_allclose(table, table.T)
    assert len(found.plot().axes) == 5
    assert "contributions" in found._repr_html_()


def test_texts_are_escaped() -> None:
    found = xai.compare(
        lambda texts: [len(t) for t in texts], "a <script>alert(1)</script> film", ["lime"], n_samples=50
    )
    page = found._repr_html_()
    assert "<script" not in page
    assert "no method is" not in found.report()


def test_constant_models_and_single_features_are_sentences() -> None:
    flat = xai.compare(lambda X: np.full(len(X), 0.5), ROWS[0], ["lime", "kernel_shap"], background=ROWS)
    gains = flat["kernel_shap"].measures["deletion against random"]
    assert np.isnan(gains.values[0])
    assert "answers the same whatever is removed" in flat._repr_html_()
    assert "most: it is ahead" not in flat.verdict
    one = xai.compare(lambda X: X[:, 0], [1.0], ["lime", "kernel_shap"], background=ROWS[:, :1])
    assert np.isnan(one.agreement()[0, 1])
    assert "one order only" in " ".join(one["lime"].measures["deletion area"].notices)


def test_the_verdict_names_a_method_only_beyond_the_intervals() -> None:
    assert "bears out A most" in judged(A=(0.9, 0.05), B=(0.7, 0.05)).verdict
    assert "no single method" in judged(A=(0.9, 0.2), B=(0.7, 0.2)).verdict
    assert judged(A=(0.9, 0.05), B=(np.nan, 0.0)).leaders() == {}


def test_methods_may_cut_the_picture_in_their_own_way() -> None:
    image = np.random.default_rng(0).random((12, 12, 3))
    cuts = {f"LIME {n}": ("lime", {"masker": xai.Image("grid", n, fill=0.0)}) for n in (4, 16)}
    found = xai.compare(
        lambda B: B[:, :6].mean(axis=(1, 2, 3)), image, cuts, ["removal", "local_fidelity"],
        masker=xai.Image("grid", 9, fill=0.0), n_samples=100,
    )  # fmt: skip
    assert [e.explanation.values.shape for e in found.explained] == [(1, 4), (1, 16)]
    assert found.attributions()[1].shape == (2, 4)
    assert all(np.isfinite(e.measures["deletion area"].values[0]) for e in found.explained)
    with pytest.raises(InputError, match="masker= of lime is a int"):
        xai.compare(lambda B: B.mean(axis=(1, 2, 3)), image, [("lime", {"masker": 3})])


def test_what_was_explained_in_another_space_is_not_judged_beside_the_others() -> None:
    net = softmax_net()
    made = xai.KernelShap(net, xai.Tabular(ROWS))
    found = xai.compare(net, ROWS[0], [made, "deep_lift", "saliency"], background=ROWS)
    assert found["kernel_shap"].explanation.output_unit == "probability"
    assert "KernelSHAP explains the probability, not the logit as the others do" in " ".join(found.notices)
    assert "KernelSHAP" not in found.leaders().values()
    assert "KernelSHAP is ahead" not in found.verdict


def test_nan_attributions_are_said_once_and_judge_nothing() -> None:
    class Holed(xai.Saliency):
        def explain(self, x: Any, targets: Any = None) -> Any:
            from dataclasses import replace

            e = super().explain(x, targets)
            values = e.values.copy()
            values[0, 0] = np.nan
            return replace(e, values=values)

    found = xai.compare(softmax_net(), ROWS[0], ["saliency", Holed], background=ROWS, metrics="all")
    assert found.space == "logit"  # a class of one's own that follows gradients counts as one
    assert all(np.isnan(e.values[0]) for e in found["Holed"].measures.values())
    assert sum("1 of 4 attributions" in said for said in found.notices) == 1
    assert "No metric gave a number for two of the methods" in found.verdict
    assert np.isnan(found.agreement()[0, 1])


def test_differences_of_rounding_make_no_leader() -> None:
    found = xai.compare(
        lambda X: X @ np.arange(4.0),
        ROWS[0],
        ["kernel_shap", "permutation_shap"],
        ["infidelity"],
        background=ROWS,
    )
    assert found.leaders() == {"infidelity (best scale)": ""}


def test_a_table_of_rows_is_its_own_background() -> None:
    found = xai.benchmark(model, ROWS[:6], ["kernel_shap"], ["completeness"])
    np.testing.assert_allclose(found.values("completeness gap"), 0.0, atol=1e-12)


def test_agreement_is_on_the_features_that_all_have() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
    )
    found = xai.compare(
        net, torch.rand(1, 8, 8), ["deep_lift", "integrated_gradients", "kernel_shap"], metrics=[], baseline="zeros",
        segmentation="grid", n_segments=16, fill=0.0,
    )  # fmt: skip
    _, values = found.attributions()
    assert values.shape == (3, 16)
    assert found.agreement("cosine")[0, 1] == pytest.approx(
        values[0] @ values[1] / np.linalg.norm(values[0]) / np.linalg.norm(values[1])
    )


def test_words_of_a_network_of_token_ids() -> None:
    torch.manual_seed(0)
    known: dict[str, int] = {}

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(30, 6, padding_idx=0)
            self.out = torch.nn.Linear(6, 2)

        def forward(self, ids: Any) -> Any:
            return self.out(torch.tanh(self.words(ids)).mean(1)).softmax(1)

    masker = xai.Tokens(lambda text: [known.setdefault(word, len(known) + 1) for word in text.split()])
    found = xai.compare(
        Net(), "a good but dull film", ["kernel_shap", "deep_lift", "grad_cam"], masker=masker
    )
    assert [entry.label for entry in found.explained] == ["KernelSHAP", "DeepLIFT"]
    assert found.space == "logit"
    assert np.isfinite(found["deep_lift"].measures["deletion area"].values[0])
    assert np.isfinite(found.agreement()[0, 1])


def test_a_lead_on_a_methods_own_ground_is_said_to_be_one() -> None:
    from dataclasses import replace

    found = judged(A=(0.9, 0.05), B=(0.7, 0.05))
    own = replace(found, entries=(replace(found.entries[0], name="lime"), found.entries[1]))
    assert (
        "no single method most: A is ahead, but only in local fidelity, which LIME itself fits" in own.verdict
    )
    assert "itself fits" not in found.verdict


def test_a_row_that_cannot_be_asked_about_is_left_out_and_said() -> None:
    def fragile(X: Any) -> Any:
        X = np.asarray(X)
        if (X[:, 0] == 99).any():
            raise RuntimeError("no 99")
        return X[:, 0] * X[:, 1]

    rows = ROWS[:4].copy()
    rows[2, 0] = 99
    found = xai.benchmark(fragile, rows, ["kernel_shap"], ["completeness"], background=ROWS)
    assert found.n_instances == 4
    assert np.isnan(found.values("completeness gap")[:, 0]).tolist() == [False, False, True, False]
    assert any(said.startswith("Row 2 was left out") and "no 99" in said for said in found.notices)
    assert found.methods == ("KernelSHAP",)
    with pytest.raises(xai.ModelError, match="no 99"):
        xai.benchmark(fragile, rows[2:], ["kernel_shap"], ["completeness"], background=ROWS)


def test_an_interrupt_keeps_what_is_there() -> None:
    class Interrupted:
        params = ()
        method = "slow"

        def explain(self, x: Any, targets: Any = None) -> Any:
            raise KeyboardInterrupt

    found = xai.compare(
        model, ROWS[0], ["kernel_shap", Interrupted()], background=ROWS, metrics=[], n_samples=50
    )
    assert found.status == "stopped"
    assert {entry.label for entry in found.explained} <= {"KernelSHAP"}
    seen = 0

    def later(X: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > 12:
            raise KeyboardInterrupt
        return model(X)

    many = xai.benchmark(later, ROWS[:30], ["kernel_shap"], ["completeness"], background=ROWS)
    assert many.status == "stopped"
    assert 0 < many.n_instances < 30


def test_two_equals_do_not_hide_who_is_behind() -> None:
    asked = {"first": "kernel_shap", "again": "kernel_shap", "lime": "lime"}
    found = xai.benchmark(
        model, ROWS[:12], asked, ["infidelity", "local_fidelity"], background=ROWS, n_samples=600
    )
    assert found.winner("infidelity (best scale)") == ""
    assert "lime is behind the best in infidelity" in found.verdict
    assert found.kernels == ("kernel_shap", "kernel_shap", "lime")


def test_a_win_on_a_methods_own_ground_is_said_to_be_one() -> None:
    from dataclasses import replace

    won = of(RNG.normal(size=(30, 1)) + [1.0, 0.0] + RNG.normal(size=(30, 2)) * 0.1)
    records = tuple(replace(record, metric="local fidelity") for record in won.records)
    found = replace(won, records=records, metrics=("local fidelity",), kernels=("lime", "kernel_shap"))
    assert "A is preferable in local fidelity, which LIME itself fits." in found.verdict
    assert "itself fits" not in replace(found, kernels=("kernel_shap", "lime")).verdict


def test_rounding_wins_nothing_over_many_rows() -> None:
    found = xai.benchmark(
        model, ROWS[:6], ["kernel_shap", "permutation_shap"], ["completeness"], background=ROWS
    )
    assert found.winner("completeness gap") == ""
