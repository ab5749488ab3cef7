"""Makes the virtual environment that `make` works in; a Python 3 that is too old can read this and says so.

Usage: python3 .ci/venv.py FOLDER
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def main():
    """Make FOLDER/bin/python with pip in it, unless it is there."""
    folder = Path(sys.argv[1])
    python = folder / "bin" / "python"
    if sys.version_info < OLDEST:
        sys.exit(
            f"error: jupyter_xai needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and {sys.executable} is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Name another, as in: make PYTHON=python3.12"
        )
    if python.exists() and answers([str(python), "-m", "pip", "--version"]):
        return
    if importlib.util.find_spec("ensurepip"):
        command = [sys.executable, "-m", "venv", str(folder)]
    elif importlib.util.find_spec("virtualenv"):
        command = [sys.executable, "-m", "virtualenv", "--quiet", str(folder)]
    else:
        sys.exit(
            f"error: {sys.executable} cannot make virtual environments: its module ensurepip is missing. "
            "Install it (Debian and Ubuntu: apt install python3-venv) and run make again."
        )
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"error: `{' '.join(command)}` failed (see above).")


def answers(command):
    """Whether a command exits with 0."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    main()
