"""The base of the gradient kernels and its first three: golden cases, parity with captum, what is left as it was."""

from __future__ import annotations

import threading

import captum.attr
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from jupyter_xai.errors import CannotExplainError, InputError, ModelError, TargetError
from jupyter_xai.explanation import Columns, Pixels, Several, Steps
from jupyter_xai.kernels.input_x_gradient import InputXGradient
from jupyter_xai.kernels.integrated_gradients import IntegratedGradients
from jupyter_xai.kernels.saliency import Saliency
from jupyter_xai.maskers.image import Image
from jupyter_xai.maskers.tabular import Tabular
from tests.unit.kernels.gradient_nets import KERNELS, Kink, TwoInputs, X, cnn, mlp


def captums(net: nn.Module, x: torch.Tensor, method: str, target: int, **how: object) -> np.ndarray:
    made = {
        "saliency": captum.attr.Saliency,
        "input_x_gradient": captum.attr.InputXGradient,
        "integrated_gradients": captum.attr.IntegratedGradients,
    }[method](net)
    if method == "saliency":
        how["abs"] = False
    return made.attribute(x.clone().requires_grad_(), target=target, **how).detach().numpy()


@pytest.mark.parametrize("cls", KERNELS)
def test_equal_to_captum(cls):
    for net, x in ((mlp().eval(), torch.tensor(X[:2])), (cnn().eval(), torch.randn(2, 3, 14, 14))):
        found = cls(net).explain_batch(x)
        for target in range(3):
            theirs = captums(net, x, cls.method, target)
            np.testing.assert_allclose(found.values[:, target], theirs, atol=1e-6)


@pytest.mark.parametrize("cls", KERNELS)
def test_a_batch_is_its_rows_and_batch_size_does_not_matter(cls):
    net = mlp()
    many = cls(net, batch_size=4).explain_batch(X)
    assert many.values.shape == (6, 3, 5)
    for row, found in zip(X, many, strict=True):
        np.testing.assert_allclose(found.values, cls(net).explain(row).values, atol=1e-6)


@pytest.mark.parametrize("cls", KERNELS)
def test_at_most_batch_size_rows_a_pass(cls):
    sizes = []

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()

        def forward(self, x):
            sizes.append(len(x))
            return self.net(x)

    found = cls(Counting(), batch_size=2).explain_batch(X)
    assert max(sizes) <= 2
    assert found[0].n_rows == sum(sizes)


@pytest.mark.parametrize("cls", KERNELS)
def test_the_network_is_left_as_found(cls):
    net = cnn().train()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    x, wrong = torch.randn(3, 14, 14), torch.randn(2, 14, 14)
    state, grad = torch.get_rng_state(), torch.is_grad_enabled()
    kernel = cls(net)
    kernel.explain(x)
    stream = kernel.stream(x)
    next(stream)
    stream.close()
    *_, last = kernel.stream(x, watch=lambda progress: False)
    assert last.status == "stopped"
    with pytest.raises(ModelError, match="Your model raised RuntimeError on a batch of 1 row"):
        kernel.explain(wrong)
    assert torch.equal(torch.get_rng_state(), state)
    assert net.training
    assert all(m.training for m in net.modules())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())
    assert torch.equal(net[0].weight.grad, torch.ones_like(net[0].weight))
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.is_grad_enabled() == grad


def test_a_cell_may_train_it_meanwhile():
    net = mlp()
    x = torch.tensor(X[0])
    truth = IntegratedGradients(net, n_steps=400).explain(x).values
    stop, moved = threading.Event(), threading.Event()

    def train() -> None:
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
        while not stop.is_set():
            optimiser.zero_grad()
            net(torch.tensor(X)).square().sum().backward()
            optimiser.step()
            moved.set()

    stream = IntegratedGradients(net, n_steps=400, batch_size=1).stream(x)
    next(stream)
    worker = threading.Thread(target=train, daemon=True)
    worker.start()
    assert moved.wait(20)
    *_, last = stream
    stop.set()
    worker.join(20)
    np.testing.assert_allclose(last.values, truth, atol=1e-5)


# --- what is explained -----------------------------------------------------------------------------------------------


class FunctionalEnd(nn.Module):
    def __init__(self, end) -> None:
        super().__init__()
        self.net, self.end = mlp(out=3), end

    def forward(self, x):
        return self.end(self.net(x))


@pytest.mark.parametrize(
    "net",
    [
        mlp(nn.Softmax(dim=1)),
        FunctionalEnd(lambda z: torch.softmax(z, 1)),
        FunctionalEnd(lambda z: z.softmax(-1)),
        FunctionalEnd(lambda z: nn.functional.softmax(z, dim=1).unsqueeze(2).squeeze(2)),
    ],
)
def test_a_final_softmax_is_looked_through(net):
    plain, found = Saliency(mlp()).explain(X[0]), Saliency(net).explain(X[0])
    assert found.output_unit == "logit"
    np.testing.assert_allclose(found.values, plain.values, atol=1e-6)
    np.testing.assert_allclose(found.predictions, plain.predictions, atol=1e-6)


def test_one_sigmoid_column_has_two_sides():
    net = mlp(nn.Sigmoid(), out=1)
    found = IntegratedGradients(net, n_steps=100).explain(X[0])
    assert found.output_unit == "logit"
    np.testing.assert_allclose(found.values[0], -found.values[1])
    assert abs(found.additivity_gap).max() < 1e-4


def test_a_probability_can_be_asked_for():
    from jupyter_xai.models import wrap

    net = mlp(nn.Softmax(dim=1))
    predictor = wrap(net, kind="table", output="probability", output_names=["a", "b", "c"])
    found = IntegratedGradients(predictor, n_steps=100).explain(X[0], targets="b")
    assert (found.output_unit, found.output_names) == ("probability", ("b",))
    np.testing.assert_allclose(found.predictions, predictor.predict(X[:1])[0, 1:2], atol=1e-6)
    assert abs(found.additivity_gap).max() < 1e-4


def test_targets_by_name_index_function_and_place():
    net = mlp()
    by_function = Saliency(net).explain(X[0], targets=lambda z: z[:, 0] - z[:, 1])
    both = Saliency(net).explain(X[0], targets=[0, 1])
    np.testing.assert_allclose(by_function.values[0], both.values[0] - both.values[1], atol=1e-6)
    with pytest.raises(TargetError, match="There is no output 7"):
        Saliency(net).explain(X[0], targets=7)
    with pytest.raises(TargetError, match="expected a tensor of 1 numbers"):
        Saliency(net).explain(X[0], targets=lambda z: 3.0)

    dense = nn.Conv2d(1, 2, 3, padding=1)
    image = torch.randn(1, 6, 6)
    found = Saliency(dense).explain(image, targets=(1, 2, 3))
    np.testing.assert_allclose(found.values[0, 0, 1:4, 2:5], dense.weight[1, 0].detach().numpy(), atol=1e-6)
    with pytest.raises(InputError, match="not with one score an output"):
        Saliency(dense).explain(image)
    with pytest.raises(TargetError, match="Pass a tuple of 3 indices"):
        Saliency(dense).explain(image, targets=(9, 2, 3))


def test_reconstruction_error_of_an_auto_encoder():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 2), nn.Tanh(), nn.Linear(2, 5))
    found = IntegratedGradients(net, n_steps=200).explain(X[0], targets="reconstruction_error")
    error = ((net(torch.tensor(X[:1])) - torch.tensor(X[:1])) ** 2).sum().item()
    assert found.predictions[0] == pytest.approx(error, rel=1e-5)
    assert abs(found.additivity_gap[0]) < 1e-4 * error


# --- inputs -------------------------------------------------------------------------------------------------------


def test_layouts_of_inputs():
    assert isinstance(Saliency(mlp()).explain(X[0]).features, Columns)
    row = pd.DataFrame(X, columns=list("abcde")).iloc[[0]]
    assert Saliency(mlp()).explain(row).feature_names == tuple("abcde")
    image = Saliency(cnn()).explain(torch.randn(3, 14, 14))
    assert isinstance(image.features, Pixels)
    assert image.values.shape == (4, 3, 14, 14)
    series = nn.Sequential(nn.Conv1d(7, 2, 3), nn.Flatten(), nn.Linear(16, 2))
    assert isinstance(Saliency(series).explain(torch.randn(7, 10)).features, Steps)


class StepsFirst(nn.Module):
    """Takes (steps, channels) and turns them for its convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv1d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.conv(x.transpose(1, 2))).mean(2))


class ChannelsFirst(StepsFirst):
    def forward(self, x):
        return super().forward(x.transpose(1, 2))


@pytest.mark.parametrize("cls", KERNELS)
def test_a_series_has_its_steps_first_whatever_the_network_takes(cls):
    torch.manual_seed(0)
    net, turned = StepsFirst(), ChannelsFirst()
    turned.load_state_dict(net.state_dict())
    x = torch.randn(9, 3)
    found, same = cls(turned).explain(x.T), cls(net).explain(x)
    for e in (found, same):
        assert e.features.shape == (9, 3)
        assert e.features.channel_names == ("channel 0", "channel 1", "channel 2")
        np.testing.assert_array_equal(e.features.values, x.numpy())
        assert e.feature_names[4] == "channel 1 at 1"
    np.testing.assert_allclose(found.values, same.values, atol=1e-6)
    many = cls(turned).explain_batch([x.T, 2 * x.T])
    assert many.values.shape == (2, 2, 9, 3)


def test_a_square_series_and_a_layout_of_ones_own():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(5, 2, 3), nn.Flatten(), nn.Linear(6, 2))
    x = torch.randn(5, 5)
    plain = Saliency(net).explain(x)
    np.testing.assert_array_equal(plain.features.values, x.numpy().T)
    (gradient,) = torch.autograd.grad(net(x.requires_grad_()[None])[0, 0], x)
    np.testing.assert_allclose(plain.values[0], gradient.T, atol=1e-6)
    wide = nn.Sequential(nn.Conv1d(3, 2, 3), nn.Flatten(), nn.Linear(14, 2))
    layout = Steps(values=np.zeros((9, 3)), channel_names=("a", "b", "c"))
    found = Saliency(wide, inputs=layout).explain(torch.randn(3, 9))
    assert found.values.shape == (2, 9, 3)
    assert found.feature_names[1] == "b at 0"
    lstm = nn.LSTM(3, 2, batch_first=True)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.conv = lstm, nn.Conv1d(2, 2, 1)

        def forward(self, series):
            return self.conv(self.lstm(series)[0].transpose(1, 2)).mean(2)

    assert Saliency(Net()).explain(torch.randn(3, 3)).features.channel_names == (
        "channel 0",
        "channel 1",
        "channel 2",
    )


def test_what_is_complete_when_it_is_asked_to_stop_is_the_answer():
    """Stop in the last batch: the values are there, and must not be thrown away for zeros."""
    net = mlp()
    for kernel in (Saliency(net), InputXGradient(net), IntegratedGradients(net, batch_size=50)):
        truth = kernel.explain(X[0])
        *_, last = kernel.stream(X[0], watch=lambda progress: progress.n_evals == 0)
        assert last.status == "settled"
        np.testing.assert_array_equal(last.values, truth.values)
    *_, last = IntegratedGradients(Kink(), n_steps="auto").stream(
        [0.5, 0.5], watch=lambda progress: progress.n_evals == 0
    )
    assert last.status == "stopped"
    assert abs(last.values).max() > 0


def test_through_maskers():
    table = pd.DataFrame(X, columns=list("abcde"))
    masker = Tabular(table, groups={"both": ["a", "b"]})
    net = mlp()
    found = IntegratedGradients(net, inputs=masker, n_steps=100).explain(table.iloc[[0]])
    assert found.feature_names == ("both", "c", "d", "e")
    np.testing.assert_allclose(
        found.base_values, net(torch.tensor(X.mean(axis=0))[None]).detach().numpy()[0], atol=1e-5
    )
    assert abs(found.additivity_gap).max() < 1e-3
    photo = np.random.default_rng(0).integers(0, 255, (14, 14, 3), dtype=np.uint8)
    found = IntegratedGradients(cnn(), inputs=Image(), baseline="blur").explain(photo)
    assert found.values.shape == (4, 3, 14, 14)
    assert found.features.labels is None


def test_several_inputs_token_ids_and_what_is_fixed():
    net = TwoInputs().double()
    x = {
        "ids": torch.tensor([3, 5, 7, 0]),
        "mask": torch.tensor([True, True, True, False]),
        "extra": torch.tensor([0.5, -1.0, 2.0]),
        "unused": torch.ones(4),
    }
    found = IntegratedGradients(net, n_steps=100).explain(x)
    assert isinstance(found.features, Several)
    ids, extra, unused = found.values
    assert (ids.shape, extra.shape, unused.shape) == ((2, 4), (2, 3), (2, 4))
    assert (unused == 0).all()
    assert abs(ids[:, 3]).max() == 0  # the padding is what the baseline is made of
    np.testing.assert_allclose(extra, net.out.weight[:, 8:].detach().numpy() * x["extra"].numpy(), atol=1e-6)
    assert abs(found.additivity_gap).max() < 1e-6
    with pytest.raises(InputError, match="tuple of 2"):
        IntegratedGradients(net, baseline=(1, 2)).explain((x["ids"], x["mask"], x["extra"], x["unused"]))


def test_bad_input_gets_a_sentence():
    with pytest.raises(CannotExplainError, match="needs a torch network"):
        Saliency(lambda x: x).explain(X[0])
    with pytest.raises(InputError, match="nothing to differentiate"):
        Saliency(mlp()).explain(np.array([True, False]))
    with pytest.raises(InputError, match="baseline= has shape"):
        IntegratedGradients(mlp(), baseline=np.zeros(4)).explain(X[0])
    with pytest.raises(InputError, match="baseline='fog' does not work here"):
        IntegratedGradients(mlp(), baseline="fog").explain(X[0])
    with pytest.raises(InputError, match="needs a background"):
        IntegratedGradients(mlp(), baseline="mean").explain(X[0])
