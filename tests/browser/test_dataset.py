"""Many rows in JupyterLab: what a person sees, down to one row's what-if, and the same in Python."""

from __future__ import annotations

from typing import Any

CELL = """
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(60, 3))
def bank(X):
    good = 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
    return np.stack([1 - good, good], axis=1)
view = xai.explain_dataset(bank, rows, "norm_lime", n_samples=200, tolerance=0,
                           feature_names=["income", "debt", "<i>age</i>"], output_names=["unpaid", "paid"])
view
"""
HEAD = ".jx > .jx-head .jx-state"


def wait(page: Any, selector: str, word: str, seconds: float = 60) -> None:
    page.wait_for_function(
        "([s, w]) => document.querySelector(s)?.textContent?.includes(w)",
        arg=[selector, word],
        timeout=seconds * 1000,
    )


def test_from_all_rows_to_one_and_its_what_if(notebook: Any) -> None:
    opened = notebook(CELL)
    page = opened.page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened.run_all()
    wait(page, HEAD, "settled")
    view = page.locator(".jx").first
    text = view.inner_text()
    for word in ("NormLIME of LIME", "income", "<i>age</i>", "paid", "60 rows", "one dot a row"):
        assert word in text
    assert page.locator("[class*=xai-fb-]:visible").count() == 0
    assert view.locator(".gl [role=rowheader]").first.inner_text() == "income"
    # a bar leads to the rows that drive it, by the keyboard
    view.get_by_role("button", name="income", exact=True).focus()
    page.keyboard.press("Enter")
    row = view.locator(".gl-d .btn").first
    row.wait_for()
    number = int(row.inner_text().split()[0].removeprefix("#"))
    row.focus()
    page.keyboard.press("Enter")
    # the row's own view, live
    wait(page, ".gl-o .jx .jx-state", "settled")
    said = opened.python("print(view.row_view.explanation.method, view.row_view.explanation.output_names)")
    assert said.strip() == "lime ('paid',)"
    same = f"print(np.allclose(view.row_view.explanation.predictions, bank(rows[[{number}]])[0, 1]))"
    assert opened.python(same).strip() == "True"
    # what if: the end of the first slider
    slider = page.locator(".gl-o .jx input[type=range]").first
    slider.focus()
    page.keyboard.press("Home")
    wait(page, ".gl-o .jx", "was")
    wait(page, ".gl-o .jx .jx-state", "settled")
    hand = f"x = rows[{number}].copy(); edit, = view.row_view.what_if.edits; x[0] = edit['value']; "
    hand += "print(edit['feature'], np.allclose(view.row_view.explanation.predictions, bank(x[None])[0, 1]))"
    assert opened.python(hand).strip() == "income True"
    # another row takes its place
    page.locator(".gl-d .btn").nth(1).click()
    other = int(page.locator(".gl-d .btn").nth(1).inner_text().split()[0].removeprefix("#"))
    wait(page, ".gl-o", f"Row #{other}")
    wait(page, ".gl-o .jx .jx-state", "settled")
    assert page.locator(".gl-o .jx").count() == 1
    assert opened.python("print(view.widget.opened['row'])").strip() == str(other)
    assert opened.python("print(view.result.status, view.n_rows)").strip() == "settled 60"
    assert problems == []


SLOW = """
import time
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(400, 3))
asked = []
def slow(X):
    asked.append(len(X))
    time.sleep(0.05)
    return X[:, 0] - X[:, 1]
view = xai.explain_dataset(slow, rows, n_samples=50)
view
"""


def test_streams_and_stops(notebook: Any) -> None:
    opened = notebook(SLOW)
    page = opened.page
    opened.run_all()
    wait(page, HEAD, "of 400 rows")
    page.wait_for_selector(".gl [role=rowheader]", timeout=30_000)
    page.locator(".jx").first.get_by_role("button", name="Stop").click()
    wait(page, HEAD, "stopped")
    said = opened.python("print(view.last.status, 0 < view.last.n_rows < 400)")
    assert said.strip() == "stopped True"
    before = int(opened.python("print(len(asked))"))
    assert int(opened.python("time.sleep(1); print(len(asked))")) == before
    # the saved notebook has the picture: the page is opened again
    opened.save()
    page.reload()
    page.wait_for_selector(".jx .gl [role=rowheader], [class*=xai-fb-] table", timeout=60_000)
