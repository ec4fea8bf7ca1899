"""Labels, tables and JSON files of a BIDS data set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deidflow.errors import EnvironmentFault
from deidflow.store.files import write_bytes_atomic, write_json_atomic

_PUBLIC = 0o644


def subject_label(pseudonym: str) -> str:
    """A pseudonym as a BIDS label: letters and digits only."""
    return re.sub(r"[^A-Za-z0-9]", "", pseudonym.removeprefix("sub-"))


def visit_folder(pseudonym: str, session: str) -> Path:
    """The folder of a session below the data set."""
    return Path(
        f"sub-{subject_label(pseudonym)}",
        f"ses-{session}",
    )


def tsv(rows: Iterable[Sequence[str]]) -> str:
    """A table as tab-separated text; tabs and line ends in cells become spaces."""
    lines = []
    for row in rows:
        cells = []
        for cell in row:
            cells.append(
                re.sub(
                    r"[\t\r\n]+",
                    " ",
                    cell,
                )
            )
        lines.append("\t".join(cells) + "\n")

    return "".join(lines)


def write_text(path: Path, text: str) -> None:
    """Write a text that everybody may read."""
    write_bytes_atomic(
        path,
        text.encode(),
        _PUBLIC,
    )


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON that everybody may read."""
    write_json_atomic(
        path,
        value,
        _PUBLIC,
        indent=2,
    )


def make_public(root: Path) -> None:
    """Give folders and files the modes of a release."""
    try:
        for folder, _, names in os.walk(root):
            Path(folder).chmod(0o755)
            for name in names:
                Path(folder, name).chmod(_PUBLIC)
    except OSError as error:
        raise EnvironmentFault(f"the output cannot be written: {error.strerror}") from None
