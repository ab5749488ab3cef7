"""Many rows in JupyterLab: what a person sees, down to one row's what-if, and the same in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.browser.lab import Notebook, open_context
from tests.browser.waiting import eventually, until, until_text

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
BENEATH = ".gl-o .jx"
DRIVER = ".gl-d .btn"


def number(label: str) -> int:
    """The row that a button names: ``#17 0.31 +0.2``."""
    return int(label.split(maxsplit=1)[0].removeprefix("#"))


def predicted() -> list[int]:
    """In how many of the cell's rows each class is the more probable."""
    rows = np.random.default_rng(0).normal(size=(60, 3))
    paid = int((2 * rows[:, 0] > rows[:, 1]).sum())
    return [60 - paid, paid]


def test_from_all_rows_to_one_and_its_what_if(notebook: Any) -> None:
    opened = notebook(CELL)
    page = opened.page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened.run_all()
    until_text(page, HEAD, "settled")
    view = page.locator(".jx").first
    words = (
        "NormLIME of LIME",
        "income",
        "<i>age</i>",
        "paid",
        "60 rows",
        "one dot a row",
        "Filled: predicted paid",
    )
    eventually(lambda: [word for word in words if word not in view.inner_text()], [], page)
    assert page.locator("[class*=xai-fb-]:visible").count() == 0
    eventually(view.locator(".gl [role=rowheader]").first.inner_text, "income", page)
    # a bar leads to the rows that drive it, by the keyboard
    view.get_by_role("button", name="income", exact=True).focus()
    page.keyboard.press("Enter")
    until_text(page, DRIVER, "#")
    row = number(page.locator(DRIVER).first.inner_text())
    page.locator(DRIVER).first.focus()
    page.keyboard.press("Enter")
    # the row's own view, live
    until_text(page, f"{BENEATH} .jx-state", "settled")
    opened.expect_python(
        "print(view.row_view.explanation.method, view.row_view.explanation.output_names)", "lime ('paid',)"
    )
    opened.expect_python(
        f"print(np.allclose(view.row_view.explanation.predictions, bank(rows[[{row}]])[0, 1]))", "True"
    )
    # what if: the end of the first slider
    page.locator(f"{BENEATH} input[type=range]").first.focus()
    page.keyboard.press("Home")
    until_text(page, BENEATH, "was")
    until_text(page, f"{BENEATH} .jx-state", "settled")
    hand = f"x = rows[{row}].copy(); edit, = view.row_view.what_if.edits; x[0] = edit['value']; "
    hand += "print(edit['feature'], np.allclose(view.row_view.explanation.predictions, bank(x[None])[0, 1]))"
    opened.expect_python(hand, "income True")
    # another row takes its place
    other = number(page.locator(DRIVER).nth(1).inner_text())
    page.locator(DRIVER).nth(1).click()
    until_text(page, ".gl-o", f"Row #{other}")
    opened.expect_python("print(view.widget.opened.get('row'))", str(other))
    until_text(page, f"{BENEATH} .jx-state", "settled")
    eventually(lambda: page.locator(BENEATH).count(), 1, page)
    opened.expect_python("print(view.result.status, view.n_rows)", "settled 60")
    # how often each class is predicted, as the model has it
    counts = [f"{name} {n} rows" for name, n in zip(("unpaid", "paid"), predicted(), strict=True)]
    said = view.locator("> .jx-head [role=radio]").all_inner_texts()
    assert [" ".join(each.split()) for each in said][-2:] == counts
    assert problems == []


SLOW = """
import time
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(2000, 3))
asked = []
def slow(X):
    asked.append(len(X))
    time.sleep(0.05)
    return X[:, 0] - X[:, 1]
view = xai.explain_dataset(slow, rows, n_samples=50)
view
"""


def test_streams_stops_and_is_there_again_after_a_reload(notebook: Any) -> None:
    opened = notebook(SLOW)
    page = opened.page
    opened.run_all()
    until_text(page, HEAD, "of 2,000 rows")
    until_text(page, ".gl [role=rowheader]", "x0")
    page.locator(".jx").first.get_by_role("button", name="Stop").click()
    until_text(page, HEAD, "stopped")
    opened.expect_python("print(view.last.status, 0 < view.last.n_rows < 2000)", "stopped True")
    opened.expect_python("n = len(asked); time.sleep(1); print(len(asked) - n)", "0")
    opened.save()
    page.reload()
    until(
        page,
        "() => [...document.querySelectorAll('.jx .gl [role=rowheader], [class*=xai-fb-] th')]"
        ".some(cell => cell.textContent === 'x0' && cell.checkVisibility())",
    )


def test_reopened_from_saved_state_with_the_row_beneath(browser: Any, lab: Any) -> None:
    """With JupyterLab's own setting on, many rows and the row that was opened are shown from what was saved."""
    settings = lab.root / "lab-settings" / "@jupyter-widgets" / "jupyterlab-manager"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"saveState": true}')
    name = "rows-with-state.ipynb"
    lab.write(name, CELL)
    context = open_context(browser)
    try:
        opened = Notebook(lab, context.new_page(), name).open().ready()
        opened.run_all()
        page = opened.page
        until_text(page, HEAD, "settled")
        page.locator(".jx").first.get_by_role("button", name="income", exact=True).click()
        until_text(page, DRIVER, "#")
        page.locator(DRIVER).first.click()
        until_text(page, f"{BENEATH} .jx-state", "settled")
        opened.wait_idle()
        opened.save()
        assert "widgets" in lab.read(name).metadata
    finally:
        context.close()
        lab.shutdown_kernels(lambda path: path == name)
    context = open_context(browser)
    try:
        page = Notebook(lab, context.new_page(), name).open().ready().page
        until_text(page, HEAD, "saved")
        until_text(page, ".jx .gl [role=rowheader]", "income")
        until_text(page, f"{BENEATH} .jx-state", "saved")
        until_text(page, BENEATH, "income")
    finally:
        context.close()
        (settings / "plugin.jupyterlab-settings").unlink()
        lab.shutdown_kernels(lambda path: path == name)
