"""`deidflow bundle`: a release for a recipient, encrypted, and the ledger of who has what."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deidflow.cli.passwords import password_of, typed_twice
from deidflow.cli.places import ReleaseFolder
from deidflow.errors import UsageError

if TYPE_CHECKING:
    from deidflow.bundles.bundle import Bundle
    from deidflow.identity.vault import Vault
    from deidflow.release.layout import Layout

PASSWORD = "DEIDFLOW_BUNDLE_PASSWORD"  # noqa: S105  the name of a variable
_LEAST_PASSWORD = 16
_RANDOM_BYTES = 24
_RECIPIENT = re.compile(r"[\w][\w .@+-]{0,63}")


def bundle(
    release: ReleaseFolder,
    *,
    vault: Path,
    to: str = "",
    since: Literal["last"] | None = None,
    out: Path | None = None,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
) -> int:
    """Pack a release into one encrypted zip for a recipient, and note in the vault what they have.

    The password comes from DEIDFLOW_BUNDLE_PASSWORD, or you are asked for it. Any program that
    opens AES-256 zips opens it.

    Parameters
    ----------
    release: The release.
    vault: Its vault, which keeps the ledger.
    to: The recipient.
    since: last: only what is new or changed since the last bundle for them, and what was withdrawn.
    out: The archive; by default PROJECT-LEVEL-RECIPIENT-NUMBER.zip in this folder.
    list_: Print the ledger instead.
    """
    from deidflow.bundles.bundle import make_bundle

    layout, opened = _opened(release, vault)
    with closing(opened) as ledger:
        if list_:
            return _show_ledger(ledger)
        if not _RECIPIENT.fullmatch(to):
            raise UsageError("name the recipient with --to: letters, digits, spaces and . @ + - _")
        path = _place(out, to, layout, ledger)
        made = make_bundle(
            layout,
            ledger,
            to,
            path,
            _password(),
            only_changes=since is not None,
        )
    _note(layout, made)
    _show(made)
    return 0


def _note(layout: Layout, bundle: Bundle) -> None:
    """Note in the audit what went to whom."""
    from deidflow.audit.ledger import Event, record_event

    record = bundle.record
    details = {
        "bundle": record.number,
        "recipient": record.recipient,
        "sha256": record.sha256,
        "sessions": len(record.sessions),
    }
    record_event(
        layout.vault,
        layout.project,
        layout.level,
        Event.EXPORTED,
        details,
    )


def _opened(release: Path, vault: Path) -> tuple[Layout, Vault]:
    """Paths and vault of a release; raises UsageError where they do not belong together."""
    from deidflow.identity.database import NAME
    from deidflow.identity.secret import Keys, load_secret, release_id
    from deidflow.identity.vault import Vault
    from deidflow.release.layout import Layout
    from deidflow.release.tables import check_release
    from deidflow.store.files import read_json

    place = Path(os.path.realpath(release))
    description = read_json(place / "dataset.json")
    if not isinstance(description, dict) or "release_id" not in description:
        raise UsageError("this folder is not a release; name the one that a run made")
    folder = vault.resolve()
    if not (folder / NAME).exists():
        raise UsageError("there is no vault in this folder; name the folder that a run made")
    keys = Keys(
        load_secret(folder, create=False),
        str(description.get("project")),
        str(description.get("level")),
    )
    layout = Layout(place, folder, keys.project, keys.level)
    check_release(layout, release_id(keys))
    return layout, Vault(folder, keys)


def _place(out: Path | None, to: str, layout: Layout, vault: Vault) -> Path:
    """Where the archive goes; raises UsageError inside release or vault, or where a file is."""
    slug = re.sub(r"\W+", "-", to).strip("-").lower() or "recipient"
    name = f"{layout.scope}-{slug}-{vault.next_bundle():03d}.zip"
    path = Path(os.path.realpath(out or name))
    if path.is_relative_to(layout.release) or path.is_relative_to(layout.vault):
        raise UsageError("the archive lies inside the release or the vault; choose another place")
    if path.exists():
        raise UsageError("the archive exists already; choose another name with --out")
    if not path.parent.is_dir():
        raise UsageError("the folder of the archive does not exist")
    return path


def _password() -> str:
    prompt = "password of the archive (empty: one is made): "
    return password_of(
        PASSWORD,
        _LEAST_PASSWORD,
        lambda: typed_twice(prompt, made=_made_password),
    )


def _made_password() -> str:
    made = secrets.token_urlsafe(_RANDOM_BYTES)
    print(f"password: {made}\nit is shown once; send it another way than the archive")
    return made


def _show(bundle: Bundle) -> None:
    selection = bundle.selection
    print(f"bundle {bundle.record.number} for {bundle.record.recipient}: {bundle.path.name}")
    print(
        f"{len(selection.files)} files; sessions: {len(selection.new)} new, "
        f"{len(selection.changed)} changed, {len(selection.withdrawn)} withdrawn"
    )
    print(f"sha256: {bundle.record.sha256}")


def _show_ledger(vault: Vault) -> int:
    from rich.table import Table

    from deidflow.cli.consoles import wide_console

    table = Table("bundle", "made", "recipient", "subjects", "sessions", "sha256")
    for record in vault.bundles():
        table.add_row(
            str(record.number),
            record.made,
            record.recipient.replace("[", r"\["),
            str(len(record.subjects)),
            str(len(record.sessions)),
            record.sha256,
        )
    wide_console().print(table)
    return 0
