"""Finds a Chromium for the browser tests, or gets one, and prints its path.

In this order: the variable CHROMIUM, a Chromium or Chrome of the system, Debian's package (as root),
Playwright's own download. Exits with 1 and a sentence if none of them gives a browser that starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
MAC_APPS = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]
ADVICE = (
    "No browser for the browser tests. Any of these gives one: install Chromium or Chrome (Debian: "
    "`apt install chromium`), run `.venv/bin/playwright install --with-deps chromium`, or set CHROMIUM to "
    "the path of one."
)


class NoBrowserError(RuntimeError):
    """No browser was found and none could be installed: the message says what a person can do."""


def find_browser() -> str:
    """Return the path of a Chromium that starts, installing one if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path and starts(path):
            return path
        raise NoBrowserError(f"CHROMIUM is set to {named}, which does not start as a browser. {ADVICE}")
    for find in (on_system, from_debian, from_playwright):
        path = find()
        if path:
            return path
    raise NoBrowserError(ADVICE)


def on_system() -> str | None:
    """Look for a browser where packages put it."""
    found = [shutil.which(command) for command in COMMANDS]
    found += [app for app in MAC_APPS if Path(app).exists()]
    return next((path for path in found if path and starts(path)), None)


def from_debian() -> str | None:
    """Install Debian's chromium, which only root can."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    say("no browser found: installing Debian's chromium")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            ["apt-get", *command], env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode:
            say(f"apt-get {command[0]} failed")
            return None
    return on_system()


def from_playwright() -> str | None:
    """Let Playwright download the browser it was made for, unless it did so before."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if starts(path):
        return path
    say("no browser found: letting Playwright download its own")
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return path if done.returncode == 0 and starts(path) else None


def starts(path: str) -> bool:
    """Whether a browser starts: `chromium-browser` may be a stub (Ubuntu), a download may lack libraries."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def say(line: str) -> None:
    """Print progress, where it does not mix with the path."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(find_browser())
    except NoBrowserError as error:
        sys.exit(f"error: {error}")
