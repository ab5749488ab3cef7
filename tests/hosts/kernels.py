"""Kernels of other versions of ipykernel, beside the one installed: fetched in a second, each into its own folder."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ("6.29.5", "7.0.1")
"""Before subshells; and the first with them, where publishing from a plain thread raises."""


@functools.cache
def _packages(version: str) -> Path:
    target = Path(tempfile.mkdtemp(prefix=f"ipykernel-{version}-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    # what else they need is installed already; nest-asyncio is what ipykernel 7.4 no longer asks for
    wanted = [f"ipykernel=={version}", "nest-asyncio==1.6.0"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-input"]
    done = subprocess.run(
        [*command, "--target", str(target), *wanted],
        env={name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"could not fetch ipykernel {version}, which these tests run on: {done.stderr[-1500:]}"
        )
    return target


def add_kernel(version: str, data: Path) -> str:
    """Describe a kernel of this version in a folder of Jupyter's data and return its name."""
    name = f"ipykernel-{version}"
    folder = data / "kernels" / name
    if not folder.exists():
        path = os.pathsep.join(filter(None, (str(_packages(version)), os.environ.get("PYTHONPATH", ""))))
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"ipykernel {version}",
            "language": "python",
            "env": {"PYTHONPATH": path},
        }
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))
    return name
