"""Tokens: what tokenizers say, words made of pieces, batches without or with other tokens, sentences on bad input."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import jupyter_xai as xai
from jupyter_xai.errors import CannotExplainError, InputError, ModelError
from jupyter_xai.models import wrap
from tests.tokenizers import PIECES, VOCABULARY, Rust, SlowWordPiece, WordPiece, ids_of

TEXT = "It was unwatchable, not good."
WORDS = ("It", "was", "unwatchable", ",", "not", "good", ".")


def by_space(text: str) -> list[int]:
    return [VOCABULARY.get(word, 1) for word in text.lower().split()]


@pytest.mark.parametrize(
    "masker",
    [
        xai.Tokens(WordPiece()),
        xai.Tokens(SlowWordPiece()),
        xai.Tokens(Rust()),
        xai.Tokens(ids_of, lambda ids: PIECES[ids[0]].removeprefix("##")),
        xai.Tokens(lambda text: torch.tensor([ids_of(text)]), lambda ids: [PIECES[ids[0]]]),
    ],
    ids=["fast", "slow", "rust", "functions", "tensors"],
)
def test_words_of_every_tokenizer_stand_at_their_characters(masker):
    bound = masker.bind(TEXT)
    assert bound.layout.feature_names == WORDS
    assert bound.layout.text == TEXT
    assert [TEXT[a:b] for a, b in bound.layout.offsets] == list(WORDS)
    (ids, *_) = bound.instance().parts[0][1]
    shown = ids[0][bound._encoding.visible]
    np.testing.assert_array_equal(shown, ids_of(TEXT))
    values = np.arange(len(ids[0]), dtype=float)[None]
    assert bound.fold(values).sum() == values[0][bound._encoding.visible].sum()


def test_offsets_as_a_function_returns_them():
    def encode(text):
        spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        return [VOCABULARY.get(text[a:b].lower(), 1) for a, b in spans], spans

    assert xai.Tokens(encode).bind(TEXT).layout.feature_names == WORDS


def test_pieces_can_stand_alone_and_equal_words_together():
    apart = xai.Tokens(WordPiece(), split="tokens").bind(TEXT).layout
    assert apart.feature_names == ("It", "was", "un", "watch", "able", ",", "not", "good", ".")
    assert apart.units == "tokens"
    together = xai.Tokens(WordPiece(), group=True).bind("so bad, so bad").layout
    assert together.feature_names == ("so", "bad", ",")
    assert together.groups == (0, 1, 2, 0, 1)
    sentences = xai.Tokens(WordPiece(), split="sentences").bind("It was dull. Not good.").layout
    assert sentences.feature_names == ("It was dull.", "Not good.")


def test_pieces_of_one_character_and_of_space_belong_somewhere():
    def byte_pieces(text):  # an emoji of four pieces, a space of its own
        return list(range(1, 8)), [(0, 2), (2, 3), (3, 4), (3, 4), (3, 4), (3, 4), (4, 5)]

    bound = xai.Tokens(byte_pieces, split="tokens").bind("so 🙂!")
    assert bound.layout.feature_names == ("so", "🙂", "!")
    np.testing.assert_array_equal(bound.fold(np.ones((1, 7))), [[1, 5, 1]])


def test_a_piece_that_is_not_in_the_text_stands_where_nothing_else_does():
    bound = xai.Tokens(SlowWordPiece()).bind("Dull 東京 film")
    assert bound.layout.feature_names[0] == "Dull"
    assert bound.layout.feature_names[-1] == "film"
    assert "東" in "".join(bound.layout.feature_names)


# --- what the network is given ----------------------------------------------------------------------------------------


def test_special_pieces_stay_and_the_network_is_given_what_it_takes():
    class Net(nn.Module):
        def forward(self, input_ids, attention_mask=None):
            return (input_ids * attention_mask).float()[:, :2]

    bound = xai.Tokens(WordPiece()).bind("so bad", wrap(Net(), kind="text"))
    batch = bound.build(np.array([[True, True], [False, True], [False, False]]))
    assert batch.names == ("input_ids", "attention_mask")
    ((rows, (ids, mask)),) = batch.parts
    assert rows.tolist() == [0, 1, 2]
    assert ids.tolist() == [[2, 11, 12, 3], [2, 12, 3, 0], [2, 3, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]

    class Positional(nn.Module):
        def forward(self, x):
            return x.float()

    assert xai.Tokens(WordPiece()).bind("so bad", wrap(Positional(), kind="text")).instance().names == ()


@pytest.mark.parametrize(("absent", "token"), [("pad", 0), ("mask", 4)])
def test_other_tokens_in_place(absent, token):
    bound = xai.Tokens(WordPiece(), absent=absent).bind("unwatchable film")
    ((_, (ids, types, mask)),) = bound.build(np.array([[False, True]])).parts
    assert ids.tolist() == [[2, token, token, token, VOCABULARY["film"], 3]]
    assert mask.tolist() == [[1] * 6]
    assert types.tolist() == [[0] * 6]


def test_lengths_and_padding_follow_what_is_dropped():
    def encode(text):
        ids = by_space(text)
        return {"ids": ids, "lengths": len(ids), "padding_mask": [False] * len(ids), "weight": 0.5}

    bound = xai.Tokens(encode, pad_id=0).bind("a dull film")
    ((_, (ids, lengths, padding, weight)),) = bound.build(
        np.array([[True, False, True], [True, True, True]])
    ).parts
    assert ids.tolist() == [[5, 8, 0], [5, 6, 8]]
    assert lengths.tolist() == [2, 3]
    assert padding.tolist() == [[False, False, True], [False] * 3]
    assert weight.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("left", [False, True])
def test_an_encoder_that_fills_up_is_filled_up_as_it_does(left):
    def encode(text):
        ids = by_space(text)
        fill = [0] * (6 - len(ids))
        return fill + ids if left else ids + fill

    bound = xai.Tokens(encode, pad_id=0).bind("a dull film")
    assert bound.layout.feature_names == ("a", "dull", "film")
    ((_, (ids,)),) = bound.build(np.array([[True, False, True]])).parts
    assert ids.tolist() == [[0, 0, 0, 0, 5, 8] if left else [5, 8, 0, 0, 0, 0]]


def test_texts_of_one_length_share_a_call_where_nothing_says_what_is_padding():
    shapes = []

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, ids):
            shapes.append(tuple(ids.shape))
            return torch.stack([ids[:, -1], ids.sum(1)], 1).float() * self.weight

    predictor = wrap(Last(), kind="text")
    bound = xai.Tokens(by_space, mask_id=4).bind("a dull film", predictor)
    masks = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(predictor.predict(bound.build(masks)), [[6, 11], [8, 8], [8, 14], [4, 4]])
    assert sorted(shapes) == [(2, 1), (2, 2)]


def test_a_function_takes_an_array_of_ids_or_a_dict():
    seen = []

    def model(ids):
        seen.append(ids)
        return np.asarray(ids).sum(axis=1)

    found = xai.KernelShap(model, xai.Tokens(by_space)).explain("a dull film")
    np.testing.assert_allclose(found.values, [[5, 6, 8]], atol=1e-9)
    assert all(isinstance(ids, np.ndarray) for ids in seen)
    named = xai.KernelShap(lambda batch: batch["input_ids"].sum(axis=1), xai.Tokens(WordPiece()))
    np.testing.assert_allclose(named.explain("a dull film").values, [[5, 6, 8]], atol=1e-9)


# --- sentences --------------------------------------------------------------------------------------------------------


def test_a_text_that_is_cut_off_is_said_so():
    bound = xai.Tokens(WordPiece(), max_length=5).bind("It was not good, so bad")
    assert bound.layout.feature_names == ("It", "was", "not")
    assert "cut the text off behind “not”" in bound.notices[0]
    assert not xai.Tokens(WordPiece()).bind(TEXT + " …").notices


def _raises(text):
    raise KeyError("dull")


@pytest.mark.parametrize(
    ("masker", "text", "message"),
    [
        (xai.Tokens(WordPiece()), 7, "expected one text as str, got int"),
        (xai.Tokens(WordPiece()), "  ", "the text is empty"),
        (xai.Tokens(3), TEXT, "tokenizer=3 does not work: expected a Hugging Face tokenizer"),
        (xai.Tokens(_raises), TEXT, "the tokenizer raised KeyError on the text 'It was"),
        (xai.Tokens(lambda t: [1, 2]), TEXT, "2 ids for 5 words, so that it cannot be told which characters"),
        (xai.Tokens(lambda t: []), TEXT, "gave no id for the text"),
        (xai.Tokens(lambda t: [0.5]), "so", "as ids; expected whole numbers"),
        (xai.Tokens(lambda t: {"words": [1]}), "so", "gave a dict with words; expected"),
        (xai.Tokens(lambda t: ([1], [(0, 9)])), "so", r"gave the offset \(0, 9\) in a text of 2 characters"),
        (xai.Tokens(lambda t: ([1], [(0, 1), (1, 2)])), "so", "gave 2 offsets for 1 ids"),
        (xai.Tokens(lambda t: ([1], [7])), "so", "gave 7 as an offset"),
        (xai.Tokens(lambda t: {"ids": [1], "mask": [1, 1]}), "so", "gave 2 entries beside 1 ids"),
        (xai.Tokens(lambda t: [1, 2], lambda ids: 5), "so", "answered with a int on the ids"),
        (xai.Tokens(lambda t: [1], special_ids=[1]), "so", "all are special"),
        (xai.Tokens(by_space, absent="mask"), "so", "no mask token that is known: pass xai.Tokens"),
        (xai.Tokens(by_space, absent="hide"), "so", "absent='hide' does not work"),
    ],
)
def test_bad_input_gets_a_sentence(masker, text, message):
    with pytest.raises(InputError, match=message):
        masker.bind(text)


def test_what_the_network_needs_and_the_encoder_does_not_give():
    class Net(nn.Module):
        def forward(self, ids, lengths):
            return ids.float() * lengths

    with pytest.raises(InputError, match="needs lengths beside the ids, and the encoder gives ids"):
        xai.Tokens(by_space).bind("so bad", wrap(Net(), kind="text"))


def test_a_text_for_a_network_without_an_encoder():
    net = nn.EmbeddingBag(30, 2)
    with pytest.raises(CannotExplainError, match=r"Pass masker=xai.Tokens\(tokenizer\)"):
        xai.explain(net, "so bad")
    with pytest.raises(CannotExplainError, match=r"Pass masker=xai.Tokens\(tokenizer\)"):
        xai.methods(net, "so bad")
    rows = xai.methods(net, "so bad", masker=xai.Tokens(by_space))
    assert [row["name"] for row in rows if row["why_not"]] == ["sensitivity", "grad_cam"]


def test_an_estimator_takes_no_ids():
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0, 1], [1, 0]], [0, 1])
    with pytest.raises(CannotExplainError, match="does not take token ids"):
        xai.Lime(model, xai.Tokens(by_space)).explain("so bad")


def test_nan_on_a_text_of_padding_names_the_way_out():
    class Mean(nn.Module):
        def forward(self, ids):
            words = (ids != 0).float()
            return (ids * words).sum(1, keepdim=True) / words.sum(1, keepdim=True)

    with pytest.raises(ModelError, match=r"NaN in 1 of .* xai.Tokens\(..., mask_id=\)"):
        xai.KernelShap(Mean(), xai.Tokens(by_space, pad_id=0)).explain("so bad")
    found = xai.KernelShap(Mean(), xai.Tokens(by_space, pad_id=0, mask_id=1)).explain("so bad")
    assert found.base_values == pytest.approx([1.0])
