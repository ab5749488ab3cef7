"""Text: LIME on the words of a film review through TF-IDF and logistic regression."""

from __future__ import annotations

from harness import AtMost, Contest, Size, row

import jupyter_xai as xai
from cases._work import SEED, long_review, reviews, runs


@row("text", goal=AtMost("ours", "bare", 1.3))
def text(size: Size) -> Contest:
    """Building 5,000 texts must not cost a third of vectorising them."""
    from lime.lime_text import LimeTextExplainer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    n, n_words = size(5000, 100), size(200, 30)
    frame = reviews()
    review = long_review(frame, n_words)
    short = frame[frame.source == "rotten_tomatoes"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(short.text, short.label)
    kernel = xai.Lime(model, xai.Text(), n_samples=n, tolerance=0, random_state=SEED)
    peer = LimeTextExplainer(random_state=SEED)

    def lime() -> None:
        peer.explain_instance(review, model.predict_proba, num_samples=n)

    note = (
        "ours by position (200 features, its default), lime by equal words (its default)."
        if not size.smoke
        else ""
    )
    contestants = runs(kernel, review, model.predict_proba, lime)
    return Contest(f"text, {n_words} words, n={n:,}, TF-IDF + logistic regression", contestants, note)
