"""The check of a BIDS data set's names against the schema (bidsschematools)."""

from __future__ import annotations

import logging
from pathlib import Path

_NOT_CHECKED = ("sourcedata/", "derivatives/")


def invalid_paths(root: Path) -> tuple[str, ...] | None:
    """Paths below a data set that the schema does not know; None without bidsschematools."""
    try:
        from bidsschematools import validator
    except ImportError:
        return None

    logging.getLogger("bidsschematools").setLevel(logging.CRITICAL)
    result = validator.validate_bids(
        str(root),
        report_path=False,
    )  # type: ignore[no-untyped-call]
    unknown = []
    for path in result["path_tracking"]:
        relative = Path(path).relative_to(root).as_posix() if Path(path).is_absolute() else path
        relative = relative.removeprefix("/")
        if not relative.startswith(_NOT_CHECKED):
            unknown.append(relative)
    return tuple(sorted(unknown))
