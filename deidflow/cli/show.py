"""`deidflow show`: what identifies in files; it only reads, and prints what others must not see."""

from __future__ import annotations

import sys
from pathlib import Path

from deidflow.errors import UsageError


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
    unread = 0
    for path in located.paths:
        rows = exposed(located.root / path, force=force)
        if rows is None:
            unread += 1
            continue
        print(ascii(path)[1:-1])
        for row in rows:
            print(f"  {row.attribute:60} {row.code:7} {row.value}")
    if unread:
        print(f"{unread} files are no DICOM files that can be read", file=sys.stderr)
    return 0 if unread < len(located.paths) else 4
