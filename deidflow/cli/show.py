"""`deidflow show`: what identifies a person in files; its output is confidential."""

from __future__ import annotations

import sys
from pathlib import Path

from deidflow.errors import UsageError

NOTHING_SHOWN = 4
"""Exit code if no file is a readable DICOM file."""


def show(*paths: Path, force: bool = False) -> int:
    """Show the identifying attributes of files, nested, private and CSA ones included. Reads only.

    Parameters
    ----------
    paths: Files and folders.
    force: Read files without the DICM mark too.
    """
    from deidflow.bulk.identifying import exposed
    from deidflow.bulk.locate import locate

    if not paths:
        raise UsageError("name a file or a folder to show")
    located = locate(paths)
    unreadable = 0
    for path in located.paths:
        rows = exposed(located.root / path, force=force)
        if rows is None:
            unreadable += 1
            continue

        print(ascii(path)[1:-1])
        for row in rows:
            print(f"  {row.attribute:60} {row.code:7} {row.value}")

    if unreadable:
        print(f"{unreadable} files are not readable DICOM files", file=sys.stderr)
    if unreadable == len(located.paths):
        return NOTHING_SHOWN
    return 0
