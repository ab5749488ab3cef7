from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from lime.lime_text import IndexedString

from jupyter_xai import InputError, Text
from jupyter_xai.maskers import _split

REVIEW = "  It isn't good, not good\tat all -- (really!) café naïve 3.5 stars\r\nEnd_of it. "


def units(text, **kwargs):
    return list(Text(**kwargs).bind(text).layout.feature_names)


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("text", [REVIEW, "one", "a b a b", "x", "tail ", " lead", "Ünïcödé ß words, words"])
def test_units_and_removal_are_limes_own(text, group):
    ours = Text(group=group).bind(text)
    lime = IndexedString(text, bow=group, mask_string="")
    assert list(ours.layout.feature_names) == [str(w) for w in lime.inverse_vocab]
    rng = np.random.default_rng(0)
    masks = rng.random((40, ours.n_features)) < 0.5
    built = ours.build(masks)
    assert built == [lime.inverse_removing(np.flatnonzero(~mask)) for mask in masks]


def test_instance_and_full_mask_give_the_text_back():
    bound = Text().bind(REVIEW)
    assert bound.instance() == [REVIEW]
    assert bound.build(np.ones((2, bound.n_features), dtype=bool)) == [REVIEW, REVIEW]


@pytest.mark.parametrize("token", ["UNKWORDZ", "[MASK]", ""])
@pytest.mark.parametrize("text", [REVIEW, "one", "a b a b", "שלום, עולם!", "tail "])
def test_tokens_stand_where_lime_puts_them(text, token):
    ours = Text(mask_token=token).bind(text)
    lime = IndexedString(text, bow=False, mask_string=token)
    masks = np.random.default_rng(0).random((30, ours.n_features)) < 0.5
    assert ours.build(masks) == [lime.inverse_removing(np.flatnonzero(~mask)) for mask in masks]


def test_a_token_for_all_occurrences_and_for_sentences():
    grouped = Text(group=True, mask_token="_").bind("so dull, so so")
    assert grouped.build(np.array([[False, True], [True, False]])) == ["_ dull, _ _", "so _, so so"]
    by_sentence = Text("sentences", mask_token="…").bind("Dull. So dull! Fine.")
    assert by_sentence.build(np.array([[True, False, True]])) == ["Dull. … Fine."]
    assert Text(mask_token=None).bind("a b").build(np.array([[True, False]])) == ["a "]


def test_a_token_that_is_no_string():
    with pytest.raises(InputError, match="mask_token=3 does not work: expected a str"):
        Text(mask_token=3).bind("a b")


def test_separators_are_all_that_is_left_without_any_unit():
    assert Text().bind("a, b!").build(np.zeros((1, 2), dtype=bool)) == [", !"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京は晴れ。", ["東", "京", "は", "晴", "れ"]),
        ("ABC株式会社 2024", ["ABC", "株", "式", "会", "社", "2024"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),  # vowel signs stay on their letter
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # \W+ alone would tear the signs off
        ("שלום עולם", ["שלום", "עולם"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("e\u0301te\u0301 cafe\u0301", ["e\u0301te\u0301", "cafe\u0301"]),
        ("good 👍🏽 film", ["good", "film"]),
        ("line\r\nbreak", ["line", "break"]),
        ("人々が", ["人", "々", "が"]),
        ("ｶﾞｯﾂ!", ["ｶﾞ", "ｯ", "ﾂ"]),  # half-width: the voicing mark stays on its letter
        ("auto\u00admobile", ["auto\u00admobile"]),  # a soft hyphen is inside its word
        ("الفيلم جيد 100٪، شكرًا", ["الفيلم", "جيد", "100", "شكرًا"]),  # right to left, with marks and numbers
        ("\u200fשלום\u200f abc \u202bעולם\u202c", ["שלום", "abc", "עולם"]),  # directions
        ("می\u200cروم", ["می\u200cروم"]),
        ("한국 영화", ["한국", "영화"]),
    ],
)
def test_words_in_any_script(text, expected):
    bound = Text().bind(text)
    assert list(bound.layout.feature_names) == expected
    assert bound.instance() == [text]
    for (a, b), word in zip(bound.layout.offsets, expected, strict=True):
        assert text[a:b] == word


def test_characters_keep_marks_and_joined_emoji_together():
    family = "👨\u200d👩\u200d👧"
    assert units(f"e\u0301 {family}!", split="characters") == ["e\u0301", family, "!"]
    england = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    for one in ("👍🏽", "🇩🇪", "1\ufe0f\u20e3", "❤\ufe0f\u200d🔥", england, "\u1112\u1161\u11ab"):
        assert units(f"a{one}{one}b", split="characters") == ["a", one, one, "b"]


def test_sentences():
    text = 'It was 3.5 stars. Dull! "Why?" she asked.\nLast line  '
    expected = ["It was 3.5 stars.", "Dull!", '"Why?"', "she asked.", "Last line"]
    assert units(text, split="sentences") == expected
    assert units("静かだ。本当に！", split="sentences") == ["静かだ。", "本当に！"]
    assert units("مرحبا. كيف حالك؟ بخير۔", split="sentences") == ["مرحبا.", "كيف حالك؟", "بخير۔"]
    assert units("राम आया। वह गया।", split="sentences") == ["राम आया।", "वह गया।"]


def test_abbreviations_and_small_letters_end_no_sentence():
    text = "Dr. J. R. Smith left at 5 p.m. and slept, e.g. in bed. So do I. He dreamt… of films. No. Never"
    assert units(text, split="sentences") == [
        "Dr. J. R. Smith left at 5 p.m. and slept, e.g. in bed.", "So do I.", "He dreamt… of films.", "No.", "Never",
    ]  # fmt: skip


def test_compiled_expression_splits_as_lime_does():
    pattern = re.compile(r"[,;]\s*")
    text = "red, green; blue ,x"
    lime = IndexedString(text, split_expression=pattern.pattern, bow=False)
    assert units(text, split=pattern) == [str(w) for w in lime.inverse_vocab]


def test_callable_returns_offsets_or_tokens():
    assert units("abcd", split=lambda text: [(0, 2), (3, 4)]) == ["ab", "d"]
    assert units("a b a", split=str.split) == ["a", "b", "a"]
    assert units("a b a", split=str.split, group=True) == ["a", "b"]


@pytest.mark.parametrize(
    ("splitter", "said"),
    [
        (lambda text: [(0, 2), (1, 3)], "overlap"),
        (lambda text: [(0, 99)], "inside the text"),
        (lambda text: [5], "offsets"),
        (lambda text: ["zzz"], "does not follow"),
    ],
)
def test_bad_splitters(splitter, said):
    with pytest.raises(InputError, match=said):
        Text(splitter).bind("abc")


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ("", "empty"),
        ("  \n\t ", "empty"),
        ("... --- !!!", "nothing but separators"),
        (b"bytes", "Decode"),
        (["a", "b"], "explain_batch"),
        (None, "str"),
    ],
)
def test_bad_texts(x, said):
    with pytest.raises(InputError, match=said):
        Text().bind(x)


def test_unknown_split_lists_the_known_ones():
    with pytest.raises(InputError, match="'words', 'sentences', 'characters'"):
        Text("word").bind("a")
    with pytest.raises(InputError, match="callable"):
        Text(3).bind("a")


def test_group_marks_all_occurrences():
    layout = Text(group=True).bind("so dull, so so").layout
    assert layout.groups == (0, 1, 0, 0)
    assert Text(group=True).bind("so dull, so so").build(np.array([[False, True]])) == [" dull,  "]


def test_key_follows_the_content():
    a, b = Text().bind("a b"), Text().bind("a c")
    assert a.key == Text().bind("a b").key != b.key != Text(group=True).bind("a a").key
    assert a.key != Text(mask_token="x").bind("a b").key


def test_constructor_stores_and_pickles():
    masker = pickle.loads(pickle.dumps(Text("sentences", True, "[MASK]")))
    assert (masker.split, masker.group, masker.mask_token) == ("sentences", True, "[MASK]")


def test_characters_offsets_cover_everything_that_is_not_space():
    text = "Añb 漢\u0301 \U0001f600"
    assert "".join(text[a:b] for a, b in _split.characters(text)) == "".join(text.split())
