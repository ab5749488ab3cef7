"""A comparison in JupyterLab: methods side by side as a person sees them, and the same in Python."""

from __future__ import annotations

from typing import Any

from tests.browser.waiting import eventually, until_text

CELL = """
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(100, 3))
bank = lambda X: 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
view = xai.compare(bank, [1.0, 0.5, 2.0], ["kernel_shap", "lime", "grad_cam"], background=rows,
                   feature_names=["income", "debt", "<i>age</i>"], output_names=["paid"])
view
"""


def test_methods_side_by_side(notebook: Any) -> None:
    opened = notebook(CELL)
    page = opened.page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened.run_all()
    until_text(page, ".jx .jx-state", "settled")
    view = page.locator(".jx")
    words = ("KernelSHAP", "LIME", "Grad-CAM", "income", "<i>age</i>", "paid", "Does the model agree?")
    eventually(lambda: [word for word in words if word not in view.inner_text()], [], page)
    assert page.locator("[class*=xai-fb-]:visible").count() == 0
    view.get_by_role("button", name="LIME").click()
    until_text(page, ".jx [aria-sort=descending]", "LIME")
    opened.expect_python(
        "print(view.comparison.status, [e.label for e in view.explained])", "settled ['KernelSHAP', 'LIME']"
    )
    assert problems == []
