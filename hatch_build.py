"""Takes the 3-D viewer of the review page into the wheel, from npm by the lock file.

A build without node or network is complete all the same: its page shows pictures instead. Set
DEIDFLOW_VIEWER=required to make such a build fail, or =none to leave the viewer out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("deidflow", "review", "web")
BUNDLE = "niivue.umd.js"
_LOCKED = "package.json", "package-lock.json"
_NPM_SECONDS = 600


class ViewerHook(BuildHookInterface):  # type: ignore[misc]
    """Called by hatchling before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the bundle into the tree and the wheel; an editable install takes what is there."""
        wish = os.environ.get("DEIDFLOW_VIEWER", "")
        target = Path(self.root) / WEB / BUNDLE
        if wish == "none" or version == "editable":
            return

        if not target.exists():
            try:
                fetch_bundle(target)
            except (OSError, subprocess.SubprocessError) as error:
                if wish == "required":
                    raise
                self.app.display_warning(f"built without the 3-D viewer of the review: {error}")
        if target.exists():
            build_data["artifacts"].append(str(WEB / BUNDLE))


def fetch_bundle(target: Path) -> None:
    """Install what the lock file names, check its hashes, and keep the one file that is served.

    Raises OSError where there is no npm, SubprocessError where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in _LOCKED:
            shutil.copy(target.parent / name, folder)
        subprocess.run(
            ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=_NPM_SECONDS,
        )
        bundle = Path(folder, "node_modules", "@niivue", "niivue", "dist", BUNDLE)
        shutil.copy(bundle, target)
