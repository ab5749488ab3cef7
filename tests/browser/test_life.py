"""The life of a view in JupyterLab: run again, cleared, scrolled away, restarted, stopped answering, shown twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.lab import Notebook, Server, open_context
from tests.browser.leftovers import PROBE, WATCH, left
from tests.browser.seen import FILM, LOAN, TABLE_CELL, TEXT_CELL, expect
from tests.browser.waiting import eventually, until, until_gone, until_text

Make = Callable[..., Notebook]
TALL = {"width": 1100, "height": 1800}
NONE = {"listeners": 0, "observers": 0, "timers": 0, "threads": 0}


def counts(opened: Notebook, *names: str) -> dict[str, int]:
    found = left(opened)
    return {name: found[name] for name in names or found}


def at_rest(opened: Notebook) -> dict[str, int]:
    """What is there once nothing is on its way."""
    until_text(opened.page, ".jx .jx-state", "settled")
    eventually(lambda: counts(opened, "timers", "threads"), {"timers": 0, "threads": 0}, opened.page)
    return counts(opened)


@pytest.fixture
def watched(lab: Server, browser: Any, request: pytest.FixtureRequest) -> Iterator[Make]:
    """``watched(*cells)`` opens a notebook whose page counts what our bundle leaves behind; begins with ``PROBE``."""
    context = open_context(browser, viewport=TALL)
    context.add_init_script(WATCH)
    page = context.new_page()

    def make(*cells: str) -> Notebook:
        name = f"life-{request.node.name}.ipynb"
        lab.write(name, PROBE, *cells)
        opened = Notebook(lab, page, name).open().ready()
        opened.run_cell(0)
        until(page, "() => window.manager !== undefined")
        return opened

    yield make
    context.close()
    lab.shutdown_kernels()


def test_run_again_a_hundred_times_and_cleared_nothing_is_left(watched: Make) -> None:
    opened = watched(TEXT_CELL)
    page = opened.page
    opened.run_cell(1)
    expect(page, "live", FILM)
    one = at_rest(opened)
    assert one["observers"] >= 2, "the page counts nothing"
    assert (one["models"], one["widgets"]) == (1, 1)
    for _ in range(10):
        page.evaluate(
            """async () => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
              for (let i = 0; i < 10; i++) await window.jupyterapp.commands.execute('notebook:run-cell');
            }"""
        )
    opened.wait_idle()
    expect(page, "live", FILM)
    eventually(lambda: counts(opened), one, page)
    until_text(page, ".jx .jx-state", "settled")
    # the one that is left answers
    page.locator(".jx").get_by_role("button", name="More samples").click()
    until_text(page, ".jx .jx-state", "400 rows")

    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
    opened.command("notebook:clear-cell-output")
    page.wait_for_selector(".jx", state="detached")
    eventually(lambda: counts(opened, *NONE), NONE, page)
    # nothing is lost: shown again it is as it was
    opened.python("display(film)")
    assert opened.python("print(film.last.status, film.last.n_evals)").split() == ["settled", "400"]


def test_scrolled_far_away_and_back(watched: Make) -> None:
    opened = watched(TABLE_CELL, *(f"'line {i}\\n' * 3" for i in range(60)))
    page = opened.page
    opened.run_cell(1)
    expect(page, "live", LOAN)
    page.get_by_role("radiogroup", name="Output explained").get_by_role("radio").nth(1).click()
    page.locator(".jx").get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    opened.expect_python("print(len(loan.what_if.edits))", "1")
    one = at_rest(opened)
    page.evaluate("() => { document.querySelector('.jx').__mark = 'same' }")
    before = page.locator(".jx").inner_text()
    scroll = """where => { const content = window.jupyterapp.shell.currentWidget.content;
                           content.activeCellIndex = where; return content.scrollToItem(where) }"""
    for _ in range(3):
        page.evaluate(scroll, 60)
        until(page, "() => { const box = document.querySelector('.jx')?.getBoundingClientRect();"
                    " return !box || box.bottom < 0 || box.height === 0 }")  # fmt: skip
        assert counts(opened, "listeners", "observers", "timers") == {
            name: one[name] for name in ("listeners", "observers", "timers")
        }
        page.evaluate(scroll, 1)
        until(page, "() => { const box = document.querySelector('.jx').getBoundingClientRect();"
                    " return box.height > 100 && box.bottom > 0 }")  # fmt: skip
    eventually(page.locator(".jx").inner_text, before, page)
    assert page.evaluate("() => document.querySelector('.jx').__mark") == "same"
    eventually(lambda: counts(opened), one, page)
    # what comes while it is out of sight is there when it comes back
    page.evaluate(scroll, 60)
    opened.python("loan.what_if.reset(); loan.wait(60)")
    page.evaluate(scroll, 1)
    until(page, "before => document.querySelector('.jx').innerText !== before", before)
    until_gone(page, ".jx", "was 1")


def needs_no_kernel(page: Any) -> None:
    """Switch the output, sort, and remove features: all read from what the page has."""
    view = page.locator(".jx")
    radios = view.get_by_role("radiogroup", name="Output explained").get_by_role("radio")
    was = view.get_by_role("radio", checked=True).inner_text()
    other = next(i for i in range(radios.count()) if radios.nth(i).get_attribute("aria-checked") == "false")
    radios.nth(other).click()
    eventually(view.get_by_role("radio", checked=True).inner_text, lambda now: now != was, page)
    view.locator(".jx-row.th").get_by_role("button", name="feature").click()
    until_text(page, ".jx .jx-row:not(.th)", "debt")
    rows = view.locator(".jx-row:not(.th) .nm")
    eventually(lambda: [rows.nth(i).inner_text() for i in range(2)], ["debt", "income"], page)
    more = view.locator(".jx-rem").get_by_role("button").last
    more.click()
    until_text(page, ".jx-rem output", "1")


def test_restarted_it_says_so_goes_on_and_lives_again_when_run(watched: Make) -> None:
    opened = watched(TABLE_CELL)
    page = opened.page
    opened.run_cell(1)
    expect(page, "live", LOAN)
    one = at_rest(opened)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    until_text(page, ".jx [role=note]", "The kernel has gone")
    until_text(page, ".jx [role=status]", "The kernel has gone")  # a screen reader hears it
    needs_no_kernel(page)
    expect(page, "live", LOAN[:2])
    page.wait_for_timeout(500)
    found = page.evaluate("() => window.left()")  # listeners of rows come and go with the rows
    assert (found["observers"], found["timers"]) == (one["observers"], 0)
    opened.ready()
    opened.run_cell(0)
    opened.run_cell(1)
    until_gone(page, ".jx", "The kernel has gone")
    expect(page, "live", LOAN)
    assert at_rest(opened)["threads"] == 0
    eventually(lambda: counts(opened, "listeners", "observers", "timers"),
               {name: one[name] for name in ("listeners", "observers", "timers")}, page)  # fmt: skip


def test_no_answer_is_said_and_taken_back(watched: Make) -> None:
    """A kernel that stands still is what a lost connection looks like from the page: nothing comes back."""
    opened = watched(TABLE_CELL)
    page = opened.page
    opened.run_cell(1)
    expect(page, "live", LOAN)
    at_rest(opened)
    process = int(opened.python("import os; print(os.getpid())"))
    os.kill(process, signal.SIGSTOP)
    try:
        page.locator(".jx").get_by_role("button", name="More samples").click()
        until_text(page, ".jx [role=note]", "No answer from the kernel yet")
        needs_no_kernel(page)
    finally:
        os.kill(process, signal.SIGCONT)
    until_gone(page, ".jx", "No answer from the kernel yet")
    opened.expect_python("print(loan.last.status, loan.last.n_evals > 0, loan.busy)", "settled True False")


COMPARED = """
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(30, 3))
def bank(X):
    good = 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
    return np.stack([1 - good, good], axis=1)
names = {"feature_names": ["income", "debt", "age"], "output_names": ["unpaid", "paid"]}
compared = xai.compare(bank, rows[0], ["kernel_shap", "lime"], background=rows, n_samples=100,
                       targets=["unpaid", "paid"], **names)
compared
"""
MANY = """
many = xai.explain_dataset(bank, rows, "norm_lime", n_samples=100, tolerance=0, **names)
many
"""
COMPARISON, DATASET = ".jx:has(.cp)", ".jx:has(.gl)"
STATES = f"""() => ['{COMPARISON}', '{DATASET}'].every(view =>
  document.querySelector(view)?.querySelector('.jx-state')?.textContent.includes('settled'))"""


def test_comparisons_and_many_rows_leave_nothing_and_say_that_the_kernel_has_gone(watched: Make) -> None:
    opened = watched(COMPARED, MANY)
    page = opened.page
    page.set_viewport_size({"width": 1100, "height": 3000})
    opened.run_cell(1)
    opened.run_cell(2)
    until(page, STATES)
    eventually(lambda: counts(opened, "timers", "threads"), {"timers": 0, "threads": 0}, page)
    one = counts(opened)
    assert (one["models"], one["widgets"]) == (2, 2)
    for _ in range(3):
        # a row stands beneath when the cell is run again
        many = page.locator(DATASET).first
        many.get_by_role("button", name="income", exact=True).click()
        many.locator(".gl-d .btn").first.click()
        until_text(page, ".gl-o .jx .jx-state", "settled")
        for cell in (1, 2):
            opened.run_cell(cell)
        opened.wait_idle()
        page.wait_for_selector(".gl-o", state="detached")
        until(page, STATES)
    eventually(lambda: counts(opened), one, page)

    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    for view in (COMPARISON, DATASET):
        until_text(page, f"{view} [role=note]", "The kernel has gone")
        # what needs no kernel goes on: another output
        radios = page.locator(view).get_by_role("radiogroup", name="Output explained").get_by_role("radio")
        other = next(radio for radio in radios.all() if radio.get_attribute("aria-checked") == "false")
        name = other.inner_text()
        other.click()
        checked = page.locator(view).get_by_role("radio", checked=True)
        eventually(lambda checked=checked: checked.inner_text(), name, page)
    page.locator(COMPARISON).get_by_role("button", name="LIME").click()
    until_text(page, f"{COMPARISON} [aria-sort=descending]", "LIME")
    opened.ready()
    for cell in (0, 1, 2):
        opened.run_cell(cell)
    until(page, STATES)
    until_gone(page, COMPARISON, "The kernel has gone")
    for cell in (1, 2):
        page.evaluate("i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i }", cell)
        opened.command("notebook:clear-cell-output")
    page.wait_for_selector(".jx", state="detached")
    eventually(lambda: counts(opened, *NONE), NONE, page)
    # nothing is lost
    opened.expect_python("print(compared.comparison.status, many.result.status)", "settled settled")
