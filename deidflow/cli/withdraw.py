"""`deidflow withdraw`: a person withdraws consent, and leaves every release and the vault."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.errors import UsageError

if TYPE_CHECKING:
    from deidflow.identity.registry import Row
    from deidflow.withdrawal.withdraw import Withdrawal

_NOBODY = (
    "deidflow: nobody in this vault is meant: it has no such PatientID, name or pseudonym, "
    "or the person was withdrawn before"
)
NOT_FOUND = 8
"""Exit code if nobody is found."""


def withdraw(
    person: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    *,
    vault: Path,
    project: str | None = None,
    level: str | None = None,
    release: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)] = (),
    forget_missing: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Take a person out of every release of a vault and out of the vault; nothing brings them back.

    The vault keeps keyed hashes, by which later runs exclude the person. The source is not touched.
    Ends with exit code 8 if nobody is found.

    Parameters
    ----------
    person: PatientID, name, or pseudonym. Without it you are asked; `-` reads it from standard
        input, so that it is not in the shell's history.
    vault: The vault.
    project: Look for the value in this project only; the person leaves all.
    level: Look for the value at this level only.
    release: Releases that the vault does not know, or that were moved.
    forget_missing: Releases that are not where they were made have been deleted.
    yes: Do not ask before.
    """
    import os

    from deidflow.identity.registry import open_registry
    from deidflow.withdrawal.person import find_person
    from deidflow.withdrawal.releases import layouts_of
    from deidflow.withdrawal.withdraw import withdraw_person

    value = _asked(person)
    with open_registry(vault.resolve()) as registry:
        rows = find_person(registry, value, project, level)
        if not rows:
            print(_NOBODY, file=sys.stderr)
            return NOT_FOUND
        named = [Path(os.path.realpath(path)) for path in release]
        layouts = layouts_of(
            registry,
            rows,
            named,
            forget_missing=forget_missing,
        )
        if not yes:
            _confirm(rows)
        withdrawal = withdraw_person(registry, rows, layouts)
    _show(rows, withdrawal)
    return 0


def _asked(person: str) -> str:
    """The person in the argument, from standard input, or typed without an echo."""
    if person == "-":
        value = sys.stdin.readline().strip()
    elif person:
        value = person
    elif sys.stdin.isatty():
        value = getpass("PatientID, name or pseudonym (not shown): ").strip()
    else:
        raise UsageError("say who withdraws: a PatientID, a name or a pseudonym, or - to read it")
    if not value:
        raise UsageError("nobody was named")
    return value


def _confirm(rows: tuple[Row, ...]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; say --yes to withdraw without a question")
    names = ", ".join(f"{row.project} {row.level} {row.pseudonym}" for row in rows)
    answer = input(f"withdraw {names}, for good? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was changed")


def _show(rows: tuple[Row, ...], withdrawal: Withdrawal) -> None:
    for session in withdrawal.sessions:
        print(f"taken out: {session.subject}/{session.session} of {session.release}")
    for row in rows:
        print(f"erased from the vault: {row.project} {row.level} {row.pseudonym}")
    for recipient in withdrawal.recipients:
        bundle = recipient.bundle
        print(
            f"tell {bundle.recipient}: they have {', '.join(recipient.sessions)} of "
            f"{recipient.project} {recipient.level} (bundle {bundle.number}, {bundle.made[:10]})"
        )
    for archive in withdrawal.archives:
        sessions = [f"{archive.subject}/{session}" for session in archive.sessions]
        print(
            f"tell {archive.archive}: {', '.join(sessions)} of {archive.project} {archive.level} "
            "were sent there; have them deleted"
        )
    for left in withdrawal.headers:
        print(
            f"delete yourself: {left.files} files of {left.subject} that 'deidflow anonymize' "
            f"wrote, in its outputs of {left.project} {left.level}"
        )
    print("later runs exclude the person: consent withdrawn")
