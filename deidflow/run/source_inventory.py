"""The inventory of a source: what is known from earlier runs, and what children read anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deidflow.archives.opened import OpenedInventory
from deidflow.archives.unpack import forget_members
from deidflow.consent.admission import Admission
from deidflow.dicom.entry_records import from_json, to_json
from deidflow.dicom.inventory import Entry, failed, read_files, read_heads
from deidflow.dicom.source_walk import Found, is_named, walk
from deidflow.errors import StepFailed
from deidflow.identity.vault import Vault
from deidflow.store.children import Children
from deidflow.verdicts import UNRECORDED, Reason

_BATCH = 2_000
Read = Callable[[str, Sequence[str]], Iterator[Entry]]
"""Reads files below a folder."""
Fresh = tuple[str, tuple[int, int, int, int], str]


def take_inventory(
    source: Path,
    vault: Vault,
    children: Children,
    log: Path,
    *,
    strict: bool,
    admission: Admission,
    named: Sequence[str] = (),
) -> list[Entry]:
    """Every file below the source, or of what of it is `named`.

    Read anew where it is new, was touched, or is read by other code.

    Where somebody can be refused, heads are read first; of a patient who is, no more is read and
    nothing kept.
    """
    known = {} if strict else vault.known_files(source)
    entries: list[Entry] = []
    unread: dict[str, Found] = {}
    for file in walk(source, named):
        if isinstance(file, Entry):
            entries.append(file)
            continue

        signature, text = known.pop(file.path, (None, ""))
        entry = from_json(text) if signature == file.signature else None
        if entry is not None:
            entries.append(entry)
        else:
            unread[file.path] = file

    refused: dict[str, Entry] = {}
    if admission.is_asked:
        heads = read_in_children(source, list(unread), children, log, read_heads)
        refused = admission.refused([*entries, *heads])
        entries = [entry for entry in entries if entry.path not in refused]

    admitted = [path for path in unread if path not in refused]
    fresh = list(read_in_children(source, admitted, children, log))
    rows = [_row(unread[entry.path], entry) for entry in fresh]
    gone = [path for path in known if is_named(path, named)]
    vault.remember_files(source, rows, [*gone, *refused])
    return sorted(
        [*entries, *fresh, *refused.values()],
        key=lambda entry: entry.path,
    )


def _row(file: Found, entry: Entry) -> Fresh:
    return file.path, file.signature, to_json(entry)


def read_in_children(
    source: Path,
    paths: Sequence[str],
    children: Children,
    log: Path,
    read: Read = read_files,
) -> Iterator[Entry]:
    """Read files in child processes; one that kills its reader costs itself only."""
    waiting = list(paths)
    while waiting:
        batch = waiting[:_BATCH]
        done = 0
        try:
            for entry in children.stream(
                log,
                read,
                str(source),
                batch,
            ):
                done += 1
                yield entry
        except StepFailed as error:
            if error.reason is Reason.STOPPED:
                raise
            if done < len(batch):
                starved = error.reason is Reason.OUT_OF_MEMORY
                reason = Reason.OUT_OF_MEMORY if starved else Reason.READER_DIED
                yield failed(batch[done], reason)
                done += 1
        waiting = waiting[done:]


def admitted_entries(
    opened: OpenedInventory, admission: Admission, source: Path, vault: Vault
) -> list[Entry]:
    """The entries, where two patients outside and inside an archive may claim one consent.

    What was unpacked of refused patients is deleted.
    """
    if not admission.is_asked:
        return list(opened.entries)

    refused = admission.refused(opened.entries)
    for path in refused:
        place = opened.places.get(path, source / path)
        vault.remember_files(place.parent, (), [place.name])
    entries = [refused.get(entry.path, entry) for entry in opened.entries]
    unrecorded = [entry.path for entry in entries if entry.reason in UNRECORDED]
    forget_members(opened.places[path] for path in unrecorded if path in opened.places)
    return entries
