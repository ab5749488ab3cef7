"""Waiting for what a page shows: parts that are not there for a moment are waited for, and a failure says what was."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 90.0
"""Seconds: a shared machine may be slow, and a wait that ends well takes no longer for it."""
_MOST = 3000

_TOLERANT = "arg => { try { return (%s)(arg) } catch { return false } }"


def shown(page: Any) -> str:
    """What the page shows, for the message of a test that waited in vain: the views, or else everything."""
    try:
        views = page.locator(".jx").all_inner_texts() or [page.locator("body").inner_text(timeout=2000)]
        said = "\n---\n".join(text[:_MOST] for text in views)
        dialogs = page.locator(".jp-Dialog").all_inner_texts()
        return said + "".join(f"\n--- dialog\n{text[:_MOST]}" for text in dialogs)
    except Exception as error:  # noqa: BLE001 (a page that is gone must not hide what was waited for)
        return f"the page cannot be read: {error}"


def until(page: Any, test: str, arg: Any = None, *, timeout: float = PATIENCE) -> None:
    """Wait until a JavaScript function of one argument is true; if it throws, it is not true yet.

    Parameters
    ----------
    page : playwright page
    test : str
        Such as ``"n => document.querySelectorAll('.jx').length === n"``.
    arg : object, optional
    timeout : float
        Seconds.
    """
    from playwright.sync_api import TimeoutError as LateError

    try:
        page.wait_for_function(_TOLERANT % test, arg=arg, timeout=1000 * timeout)
    except LateError:
        said = f"not true within {timeout:g} s: {test}, of {arg!r}\nshown:\n{shown(page)}"
    else:
        return
    raise AssertionError(said)


def until_text(page: Any, selector: str, *words: str | re.Pattern[str], timeout: float = PATIENCE) -> None:
    """Wait until an element that is selected has all these words in its text, shadow roots included.

    Parameters
    ----------
    page : playwright page
    selector : str
    *words : str or pattern
        Case is ignored in strings.
    timeout : float
        Seconds.
    """
    from playwright.sync_api import TimeoutError as LateError

    found = page.locator(selector)
    for word in words:
        found = found.filter(has_text=word)
    try:
        found.first.wait_for(state="attached", timeout=1000 * timeout)
    except LateError:
        texts = page.locator(selector).all_text_contents()
        said = f"{words} not in {selector} within {timeout:g} s: {texts}\nshown:\n{shown(page)}"
    else:
        return
    raise AssertionError(said)


def until_gone(page: Any, selector: str, word: str | re.Pattern[str], *, timeout: float = PATIENCE) -> None:
    """Wait until no element that is selected has this word in its text, while some element is there."""
    eventually(
        lambda: (page.locator(selector).count() > 0, page.locator(selector).filter(has_text=word).count()),
        (True, 0),
        page,
        timeout=timeout,
    )


def eventually(look: Callable[[], Any], expected: Any, page: Any, *, timeout: float = PATIENCE) -> None:
    """Look again and again until what is found is what is expected; ``expected`` may be a test of what is found.

    Parameters
    ----------
    look : callable
        What it raises counts as not yet.
    expected : object or callable
    page : playwright page
        Events of the page are taken between two looks.
    timeout : float
        Seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = look()
            met = expected(found) if callable(expected) else found == expected
        except Exception as error:  # noqa: BLE001 (a page that is being drawn anew)
            found, met = error, False
        if met:
            return
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(100)
    wanted = "what was expected" if callable(expected) else repr(expected)
    raise AssertionError(f"found {found!r}, not {wanted}, within {timeout:g} s\nshown:\n{shown(page)}")
