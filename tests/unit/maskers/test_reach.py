"""A model that cuts a text off is said to; one that does not never is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jupyter_xai import KernelShap, Lime, Text
from jupyter_xai.evaluation import Pool

RNG = np.random.default_rng(0)
WORDS = "fine dull good bad long short film plot scene actor story music end start light dark".split()  # noqa: SIM905
TEXT = " ".join(RNG.choice(WORDS, 120)) + "."
SCORES = dict(zip(WORDS, RNG.normal(size=len(WORDS)), strict=True))


def total(words):
    return sum(SCORES.get(word.strip("."), 0.0) for word in words)


class Counting:
    def __init__(self, score):
        self.score = score
        self.texts = []

    def __call__(self, texts):
        self.texts.extend(texts)
        return [self.score(text) for text in texts]


def notices(score, text=TEXT, kernel=Lime, **masker):
    settings = {"n_samples": 40} if kernel is Lime else {}
    found = kernel(Counting(score), Text(**masker), **settings).explain(text).notices
    return [notice for notice in found if "reads only" in notice]


@pytest.mark.parametrize("kernel", [Lime, KernelShap])
@pytest.mark.parametrize("limit", [1, 40, 90, 119])
def test_a_cut_end_is_said_with_the_last_word_that_counts(limit, kernel):
    (said,) = notices(lambda text: total(text.split()[:limit]), kernel=kernel)
    word = TEXT.split()[limit - 1]
    assert f"only the start of the text: nothing behind word {limit} of 120, “{word}”, changes" in said
    assert "mask_token=" in said


@pytest.mark.parametrize("limit", [1, 60, 119])
def test_a_cut_beginning_is_said_too(limit):
    (said,) = notices(lambda text: total(text.split()[-limit:]))
    assert f"only the end of the text: nothing before word {121 - limit} of 120" in said


def test_characters_sentences_and_a_token():
    (said,) = notices(lambda text: total(text[:300].split()), split="characters")
    assert "nothing behind character " in said
    text = TEXT.replace(" film", ". Film").replace(" plot", ". Plot")
    (said,) = notices(lambda text: total(text.lower().split()[:50]), text, split="sentences")
    assert "nothing behind sentence " in said
    (said,) = notices(lambda text: total(text.split()[:50]), mask_token="[MASK]")
    assert "mask_token" not in said


def pairs(text):
    return set(pairwise(text.split()))


@pytest.mark.parametrize(
    "score",
    [
        lambda text: total(text.split()),
        lambda text: 0.5,
        lambda text: total(set(text.split()) & {"dull", "good"}),  # words that do not matter are not unread
        lambda text: max(total(pair) for pair in [*pairs(text), ("", "")]),  # a net that pools its largest
        lambda text: sum(total(pair) > 0 for pair in pairs(text)),
        lambda text: float(len(text) > 60),  # a step
        lambda text: float(total(text.split()) > 0),
        lambda text: np.tanh(1e3 * total(text.split())),  # saturated
        lambda text: sum(0.9**k * SCORES.get(w, 0.0) for k, w in enumerate(text.split()[::-1])),  # fades
    ],
)
def test_a_model_that_reads_all_is_left_alone(score):
    for seed in range(3):
        text = " ".join(np.random.default_rng(seed).choice(WORDS, 90)) + " unknown words"
        assert notices(score, text) == []


def test_real_classifiers_that_read_all_are_left_alone():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = [" ".join(np.random.default_rng(seed).choice(WORDS, 30)) for seed in range(80)]
    y = [total(text.split()) > 0 for text in texts]
    for model in (
        make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10)),
        make_pipeline(
            CountVectorizer(ngram_range=(1, 2), binary=True), RandomForestClassifier(10, random_state=0)
        ),
    ):
        model.fit(texts, y)
        for seed in range(5):
            text = " ".join(np.random.default_rng(100 + seed).choice([*WORDS, "unseen", "other"], 60))
            found = Lime(model, Text(), n_samples=20).explain(text).notices
            assert not any("reads only" in notice for notice in found)


def test_short_texts_are_not_asked_about():
    model = Counting(lambda text: total(text.split()[:3]))
    e = Lime(model, Text(), n_samples=40).explain("a short film and a long one")
    assert e.n_rows == len(model.texts) == 40
    assert e.notices == ()


def test_rows_are_counted_and_values_are_the_same():
    model = Counting(lambda text: total(text.split()))
    e = Lime(model, Text(), n_samples=40).explain(TEXT)
    assert e.n_rows == len(model.texts) == 42
    short = Counting(lambda text: total(text.split()[:40]))
    e = Lime(short, Text(), n_samples=40, batch_size=4).explain(TEXT)
    assert e.n_rows == len(short.texts) > 42
    assert e.n_evals == 40


def test_a_warm_pool_is_not_asked_again():
    pool = Pool()
    model = Counting(lambda text: total(text.split()[:40]))
    first = Lime(model, Text(), n_samples=40).explain(TEXT, pool=pool)
    asked = len(model.texts)
    again = Lime(model, Text(), n_samples=40, kernel_width=1.0).explain(TEXT, pool=pool)
    assert len(model.texts) - asked <= 1  # the stamp of a function is its answer on the instance
    assert first.notices == again.notices
    assert len(first.notices) == 1
