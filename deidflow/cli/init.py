"""`deidflow init`: asks a few questions and writes a commented configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deidflow.settings.run import Level


def init(
    file: Path = Path("deidflow.yaml"),
    *,
    source: str | None = None,
    release: str | None = None,
    vault: str | None = None,
    level: Level | None = None,
    project: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Ask where things are and write a commented YAML file for 'deidflow run --config'.

    Parameters
    ----------
    file: The file to write; one that is there is never overwritten.
    source: Folder with the raw DICOM subjects; not asked if given, as are the next four.
    release: Folder for the release.
    vault: Folder for identities and secret.
    level: high or low.
    project: Name of the project or recipient.
    yes: Take the default answer to every question.
    """
    from deidflow.errors import UsageError
    from deidflow.settings.starter import ask_all, write_starter

    if file.exists():
        raise UsageError("the file exists; name another one, or delete it first")
    flags = {
        "source": source,
        "release": release,
        "vault": vault,
        "level": level,
        "project": project,
    }
    given = {key: value for key, value in flags.items() if value}
    answers = ask_all(_take_default if yes else _ask, given)
    write_starter(file, answers)
    print(f"{file} written; next: deidflow plan --config {file}")
    return 0


def _take_default(words: str, default: str) -> str:
    print(f"{words}: {default}")
    return default


def _ask(words: str, default: str) -> str:
    from deidflow.errors import UsageError

    print(f"{words} [{default}]: ", end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        print()
        raise UsageError("nobody answers; give the answers as flags, and --yes for the rest")
    return line.strip() or default
