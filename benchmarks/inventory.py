"""CPU and memory of each file found: `plan`, the discovery of a first run, and that of a second.

    PYTHONPATH=. .venv/bin/python benchmarks/inventory.py [FILES] [FOLDER]

FILES small DICOM files (100,000 by default) are made in FOLDER, or in a temporary one, and a tenth
as many: the figures are differences between the two, so that starting costs nothing. Memory is the
peak of the parent. The bounds: 120 us of CPU and 0.5 KiB a file, 700 MiB for a million.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from measure import cost
from small_files import make_small_files

from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.run.discovery import discover_batch
from deidflow.run.dry_run import make_plan
from deidflow.run.machine import memory_limit
from deidflow.settings.load import load_plan_settings, load_settings
from deidflow.store.children import Children
from deidflow.store.scratch import private_folder

_MICRO = 1e6
_KIB = 1024
_ONE = "--one"
_READER = "deidflow.dicom.inventory"
_NOT_READ = "burned_in: {read: never}\n"


class Figures(NamedTuple):
    """CPU seconds of all processes, and MiB of the parent at most."""

    cpu: float
    peak: float


def main() -> None:
    """Print the figures of a file."""
    if _ONE in sys.argv:
        _, _, kind, *folders = sys.argv
        _do(kind, *map(Path, folders))
        return

    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        _measure(files, Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        _measure(files, Path(folder))


def _measure(files: int, root: Path) -> None:
    few = files // 10
    (root / "config.yaml").write_text(_NOT_READ)
    for count in (few, files):
        source = root / f"{count}"
        if not source.exists():
            make_small_files(source, count)

    for kind in ("plan", "first run", "second run"):
        small = _figures(kind, root, few)
        large = _figures(kind, root, files)
        cpu = (large.cpu - small.cpu) / (files - few) * _MICRO
        memory = (large.peak - small.peak) / (files - few) * _KIB
        print(
            f"{kind} on {files:,} files: {large.cpu:.1f} CPU s, {large.peak:.0f} MiB; "
            f"{cpu:.0f} us and {memory:.2f} KiB a file"
        )


def _figures(kind: str, root: Path, files: int) -> Figures:
    note = root / "peak"
    source = root / f"{files}"
    vault = root / f"vault-{files}"
    command = (sys.executable, __file__, _ONE, kind, source, vault, root / "config.yaml", note)
    measured = cost(command)
    return Figures(measured.cpu, float(note.read_text()))


def _do(kind: str, source: Path, vault: Path, config: Path, note: Path) -> None:
    os.umask(0o077)
    flags = {"source": source, "level": "low"}
    if kind == "plan":
        make_plan(load_plan_settings(flags, config))
    else:
        _discover({**flags, "vault": vault, "release": vault.with_suffix(".release")}, config)
    note.write_text(str(_peak()))


def _discover(flags: dict[str, object], config: Path) -> None:
    settings = load_settings(flags, config)
    layout = Layout.of(settings)
    for folder in (layout.vault, layout.work):
        private_folder(folder, "vault")
    keys = Keys(load_secret(layout.vault, create=True), settings.project, settings.level)
    vault = Vault(layout.vault, keys)
    children = Children(memory_limit(settings), [_READER])
    try:
        batch = discover_batch(settings, layout, vault, children)
        batch.listing.close()
    finally:
        children.stop()
        vault.close()


def _peak() -> float:
    """The most MiB that this process has had in memory."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / _KIB


if __name__ == "__main__":
    main()
