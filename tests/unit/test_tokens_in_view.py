"""Sentiment networks explained from text with one call: every method, offsets, edits, Stop, masks and lengths."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from tests.tokenizers import PIECES, WordPiece, ids_of

COMPLETE = ("deep_lift", "integrated_gradients")
AVERAGED = ("deep_shap", "expected_gradients")
PLAIN = ("saliency", "smooth_grad", "input_x_gradient")
STRIKING = ("lime", "kernel_shap")
TEXT = "It was a very dull film, so unwatchable. Not good!"
GOOD, BAD = {"fine", "good"}, {"dull", "bad", "un"}


class Lstm(nn.Module):
    """Packed to the lengths that the encoder gives."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(PIECES), 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.out = nn.Linear(24, 2)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.words(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)
        return self.out(torch.cat([last[0], last[1]], 1))


class Transformer(nn.Module):
    """As Hugging Face's are called: positions, segments, an attention mask."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(PIECES), 16, padding_idx=0)
        self.types = nn.Embedding(2, 16)
        self.positions = nn.Embedding(64, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.1, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(16, 2)

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None):
        places = torch.arange(input_ids.shape[1])[None].expand_as(input_ids)
        x = self.words(input_ids) * math.sqrt(16) + self.positions(places) + self.types(token_type_ids)
        return self.out(self.encoder(x, src_key_padding_mask=attention_mask == 0)[:, 0])


def with_lengths(text):
    ids = ids_of(text)
    return {"ids": ids, "lengths": len(ids)}


ENCODERS = {
    Lstm: xai.Tokens(with_lengths, lambda ids: PIECES[ids[0]], pad_id=0, mask_id=4),
    Transformer: xai.Tokens(WordPiece()),
}


@pytest.fixture(scope="module", params=[Lstm, Transformer], ids=["lstm", "transformer"])
def trained(request):
    """A network trained to count good words against bad ones in random texts of these words."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, masker = request.param(), ENCODERS[request.param]
        rng = np.random.default_rng(0)
        texts, labels = [], []
        for _ in range(200):
            words = rng.choice(PIECES[5:15], 8).tolist()
            score = sum(word in GOOD for word in words) - sum(word in BAD for word in words)
            if score:
                texts.append(" ".join(words))
                labels.append(int(score > 0))
        parts = [masker.bind(text).instance().parts[0][1] for text in texts]
        names = masker.bind(texts[0]).instance().names
        inputs = {
            name: torch.as_tensor(np.concatenate([part[at] for part in parts]))
            for at, name in enumerate(names)
        }
        optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(40):
            optimiser.zero_grad()
            loss = F.cross_entropy(net(**inputs), torch.tensor(labels))
            loss.backward()
            optimiser.step()
    assert loss < 0.2
    return net, masker


def explained(trained, method, text=TEXT, **how):
    net, masker = trained
    if method in AVERAGED:
        how.setdefault("background", ["a fine film", "so bad it was dull, dull", "the film"])
    if method in STRIKING:
        how.setdefault("n_samples", 200)
    return xai.explain(net, text, method=method, masker=masker, headless=True, **how)


def bound(found):
    """The issue's bound on what may be missing from the sum."""
    end = found.predictions[:, None]
    start = found.base_values[:, None]
    change = abs(end - start)[:, 0]
    return 1e-4 * np.maximum.reduce(
        [change, 0.1 * (abs(end) + abs(start))[:, 0], 1e-3 * abs(found.values).sum(axis=1)]
    )


@pytest.mark.parametrize("method", [*COMPLETE, *AVERAGED, *PLAIN, *STRIKING])
def test_one_call_from_text(trained, method):
    found = explained(trained, method).explanation
    assert found.status in {"settled", "capped"}
    assert found.features.text == TEXT
    assert [TEXT[a:b] for a, b in found.features.offsets] == list(found.feature_names)
    assert "unwatchable" in found.feature_names
    assert not {"[CLS]", "[SEP]", "[PAD]"} & set(found.feature_names)
    assert found.values.shape == (2, len(found.feature_names))
    if method == "integrated_gradients":
        found = explained(trained, method, n_steps=300).explanation
    if method in {*COMPLETE, "deep_shap"}:
        assert (abs(found.additivity_gap) <= bound(found)).all()


@pytest.mark.parametrize("method", ["deep_lift", "kernel_shap"])
def test_the_words_that_matter_are_found(trained, method):
    found = explained(trained, method, "a dull film and fine", targets=1).explanation
    by_name = dict(zip(found.feature_names, found.values[0], strict=True))
    assert min(by_name, key=by_name.get) == "dull"
    assert max(by_name, key=by_name.get) == "fine"


@pytest.mark.parametrize("cls", [xai.DeepLift, xai.IntegratedGradients, xai.Saliency])
def test_words_are_sums_of_what_ids_have(trained, cls):
    net, masker = trained
    apart = xai.Tokens(**{**vars(masker), "split": "tokens"})
    words = cls(net, inputs=masker).explain(TEXT)
    pieces = cls(net, inputs=apart).explain(TEXT)
    whole = masker.bind(TEXT).instance()
    x = dict(zip(whole.names, (array[0] for array in whole.parts[0][1]), strict=True))
    how = {"baseline": (masker.bind(TEXT).reference("pad")[0],)} if cls is not xai.Saliency else {}
    kernel = cls(net, **how)
    kernel.fixed = whole.names[1:]
    ids = kernel.explain(x)
    shown = ids.values[:, masker.bind(TEXT)._encoding.visible]
    np.testing.assert_allclose(pieces.values, shown, atol=1e-6)
    at = pieces.feature_names.index("un")
    np.testing.assert_allclose(words.values[:, at], shown[:, at : at + 3].sum(axis=1), atol=1e-6)
    if (
        words.base_values is not None
    ):  # special pieces stay in the baseline, so that nothing is hidden from the sum
        np.testing.assert_allclose(ids.values.sum(axis=1), words.values.sum(axis=1), atol=1e-5)


def test_baselines(trained):
    net, masker = trained
    pad = xai.DeepLift(net, inputs=masker).explain(TEXT)
    same = xai.DeepLift(net, inputs=masker, baseline="pad").explain(TEXT)
    mask = xai.DeepLift(net, inputs=masker, baseline="mask").explain(TEXT)
    np.testing.assert_array_equal(pad.values, same.values)
    ids = masker.bind(TEXT).instance()
    given = dict(zip(ids.names, map(torch.as_tensor, ids.parts[0][1]), strict=True))
    shown = torch.as_tensor(masker.bind(TEXT)._encoding.visible)
    for found, token in ((pad, 0), (mask, 4)):
        name = ids.names[0]
        start = {**given, name: torch.where(shown, token, given[name])}
        np.testing.assert_allclose(found.base_values, net.eval()(**start).detach()[0], atol=1e-5)
    own = np.where(shown, 6, given[ids.names[0]][0])
    assert xai.DeepLift(net, inputs=masker, baseline=own).explain(TEXT).base_values != pytest.approx(
        pad.base_values
    )


def test_many_texts_are_each_alone(trained):
    net, masker = trained
    texts = ["a dull film", "so good", "not bad at", TEXT]
    for kernel in (xai.DeepLift(net, inputs=masker), xai.KernelShap(net, masker)):
        for text, found in zip(texts, kernel.explain_batch(texts), strict=True):
            np.testing.assert_allclose(found.values, kernel.explain(text).values, atol=1e-6)


def test_batch_size_does_not_matter_and_is_kept(trained):
    net, masker = trained
    base = xai.KernelShap(net, masker, n_samples=150).explain(TEXT)
    for rows in (1, 7):
        other = xai.KernelShap(net, masker, n_samples=150, batch_size=rows).explain(TEXT)
        np.testing.assert_allclose(other.values, base.values, atol=1e-5)
        assert other.n_rows == base.n_rows


def test_other_texts_are_the_base(trained):
    net, masker = trained
    found = explained(trained, "deep_shap", background=["a fine film", TEXT]).explanation
    alone = xai.DeepShap(net, inputs=masker, background=["a fine film"]).explain(TEXT)
    np.testing.assert_allclose(found.values, alone.values / 2, atol=1e-5)
    with pytest.raises(InputError, match="expected a list of str"):
        xai.DeepShap(net, inputs=masker, background=[1, 2]).explain(TEXT)
    with pytest.raises(InputError, match="expected background="):
        xai.DeepShap(net, inputs=masker).explain(TEXT)


@pytest.mark.parametrize("method", ["deep_lift", "kernel_shap"])
def test_striking_a_word_keeps_the_others(trained, method):
    view = explained(trained, method)
    names = view.explanation.feature_names
    at = names.index("unwatchable")
    view.what_if([{"op": "strike", "positions": [at]}])
    after = view.explanation
    assert after.feature_names == (*names[:at], *names[at + 1 :])
    assert [after.features.text[a:b] for a, b in after.features.offsets] == list(after.feature_names)
    again = explained(trained, method, after.features.text).explanation
    np.testing.assert_allclose(after.predictions, again.predictions, atol=1e-6)


def test_the_view_marks_the_text(trained):
    view = explained(trained, "deep_lift")
    layout = view._page.get("geometry")["layout"]
    assert layout["text"] == TEXT
    assert layout["units"] == "words"
    assert len(layout["offsets"]) == len(view.explanation.feature_names)
    page = view.explanation.to_html()
    assert "unwatchable" in page


def test_stop(trained):
    net, masker = trained
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for kernel in (
        xai.IntegratedGradients(net, inputs=masker, batch_size=2),
        xai.Lime(net, masker, batch_size=2),
    ):
        calls = []
        *_, last = kernel.stream(
            TEXT, watch=lambda progress, calls=calls: calls.append(progress) or len(calls) < 3
        )
        assert last.status == "stopped"
        assert np.isfinite(last.values).all()
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_same_arguments_same_bits(trained):
    for method in ("smooth_grad", "kernel_shap", "lime"):
        one, two = (explained(trained, method).explanation for _ in range(2))
        np.testing.assert_array_equal(one.values, two.values)
