"""Makes a bundle: selected, written, noted in the ledger, and only then at its place."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deidflow.bundles.archive import Writer, checksums, new_archive
from deidflow.bundles.selection import MANIFEST, BundleSelection, select
from deidflow.errors import UsageError
from deidflow.identity.bundle_table import BundleRecord, last_to_each
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.release.withdrawal import locked_release
from deidflow.store.files import sha256_of, write_bytes_atomic

_PUBLIC = 0o644
_README = """\
Bundle {number} of project {project}, level {level}, for {recipient}.

1. Delete these folders of an earlier copy, if you have one: {delete}.
2. Unpack this archive over the copy, or into an empty folder.
3. Check it there: sha256sum -c bundle/{number:03d}/files.sha256 checks what came with this bundle,
   sha256sum -c manifest.sha256 checks the whole release.

Sessions under "withdrawn" in bundle.json were taken back: delete every copy that you have of them.
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle that was made."""

    record: BundleRecord
    selection: BundleSelection
    path: Path


def make_bundle(
    layout: Layout,
    vault: Vault,
    recipient: str,
    path: Path,
    password: str,
    *,
    only_changes: bool,
) -> Bundle:
    """Write a release, or what changed in it, as an archive for a recipient, and note it.

    The ledger has it before the archive is at its place: what exists is noted. Raises UsageError
    where there is nothing to send, EnvironmentFault where the release is not what its checksums
    say, ReleaseBusy while a run is at work.
    """
    with locked_release(layout):
        last = last_to_each(vault.bundles()).get(recipient.casefold())
        if only_changes and last is None:
            raise UsageError(
                "nothing was bundled for this recipient before; leave out --since to send all"
            )
        selection = select(
            layout,
            {} if last is None else last.sessions,
            only_changes=only_changes,
        )
        if only_changes and not (selection.new or selection.to_delete):
            raise UsageError("nothing has changed since the last bundle for this recipient")

        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)
        record = BundleRecord(
            number=vault.next_bundle(),
            recipient=recipient,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            sha256="",
            sessions=selection.sessions,
        )
        with new_archive(part, password) as archive:
            _write(archive, layout, selection, record)
        return _placed(part, path, vault, selection, record)


def _placed(
    part: Path, path: Path, vault: Vault, selection: BundleSelection, record: BundleRecord
) -> Bundle:
    """Note the archive, then let it appear with its checksum beside it."""
    noted = BundleRecord(
        number=record.number,
        recipient=record.recipient,
        made=record.made,
        sha256=sha256_of(part),
        sessions=record.sessions,
    )
    vault.add_bundle(noted)
    os.replace(part, path)
    write_bytes_atomic(
        path.with_name(f"{path.name}.sha256"),
        f"{noted.sha256}  {path.name}\n".encode(),
        _PUBLIC,
    )
    return Bundle(noted, selection, path)


def _write(
    archive: Writer, layout: Layout, selection: BundleSelection, record: BundleRecord
) -> None:
    folder = f"bundle/{record.number:03d}"
    archive.add_text(f"{folder}/README.txt", _readme(layout, selection, record))
    archive.add_text(f"{folder}/bundle.json", _description(layout, selection, record))
    archive.add_text(f"{folder}/delete.txt", "".join(f"{name}\n" for name in selection.to_delete))
    archive.add_text(f"{folder}/files.sha256", checksums(selection.files))

    for name, digest in sorted(selection.files.items()):
        archive.add_file(
            name,
            layout.release / name,
            digest,
        )
    manifest = layout.release / MANIFEST
    archive.add_file(
        MANIFEST,
        manifest,
        sha256_of(manifest),
    )


def _readme(layout: Layout, selection: BundleSelection, record: BundleRecord) -> str:
    return _README.format(
        number=record.number,
        project=layout.project,
        level=layout.level,
        recipient=record.recipient,
        delete=", ".join(selection.to_delete) or "none",
    )


def _description(layout: Layout, selection: BundleSelection, record: BundleRecord) -> str:
    description = {
        "bundle": record.number,
        "project": layout.project,
        "level": layout.level,
        "recipient": record.recipient,
        "made": record.made,
        "new": selection.new,
        "changed": selection.changed,
        "withdrawn": selection.withdrawn,
        "versions": {name: sent.version for name, sent in selection.sessions.items()},
    }
    return json.dumps(description, indent=2)
