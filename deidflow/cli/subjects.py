"""The subjects that a command line names."""

from __future__ import annotations

from pathlib import Path

from deidflow.errors import ConfigError


def selection(subjects: list[str] | None) -> tuple[str, ...] | None:
    """Entries as given; `@FILE` stands for its lines."""
    if subjects is None:
        return None
    chosen: list[str] = []
    for entry in subjects:
        chosen += _lines(Path(entry[1:])) if entry.startswith("@") else [entry]
    return tuple(chosen)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the file of --subjects cannot be read: {cause}") from None
