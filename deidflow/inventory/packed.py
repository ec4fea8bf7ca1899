"""Entries as they are kept: what the files of a series have in common is kept once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from deidflow.dicom.attributes import IDENTIFIERS
from deidflow.dicom.demographics import Demographics
from deidflow.dicom.instance import Instance
from deidflow.dicom.inventory import Entry, read_files
from deidflow.resources import resources_digest
from deidflow.store.code import code_digest
from deidflow.verdicts import Reason, Verdict

_OWN = (
    "sop_uid",
    "instance_number",
    "position",
    "series_time",
    "acquisition_date",
    "acquisition_time",
    "content_date",
    "content_time",
    "acquisition_datetime",
    "trigger_time",
)
"""Facts that mostly differ from file to file; all others are mostly those of the series."""
_SHARED = tuple(name for name in Instance._fields if name not in _OWN)
_own_of: Callable[[Any], tuple[Any, ...]] = itemgetter(*map(Instance._fields.index, _OWN))
_shared_of: Callable[[Any], tuple[Any, ...]] = itemgetter(*map(Instance._fields.index, _SHARED))
_in_order: Callable[[Any], tuple[Any, ...]] = itemgetter(
    *map((*_OWN, *_SHARED).index, Instance._fields)
)
_DIGEST_BYTES = 16
_MOST_HEADERS = 256
"""Headers that are remembered at once."""


class Header(NamedTuple):
    """Facts that files have in common, as text, and the hash by which it is found."""

    digest: bytes
    text: str


class PackedEntry(NamedTuple):
    """An entry as a row."""

    path: str
    sha256: str
    verdict: str | None
    reason: str | None
    absent: str
    """Files that a DICOMDIR lists and that do not exist, as JSON; empty for none."""
    header: bytes | None
    """Hash of the header; None for a file without an instance."""
    own: str | None
    """The facts of this file alone, as JSON."""


@lru_cache(maxsize=1)
def reader_version() -> str:
    """What an entry depends on beside the file: the reader's code, which attributes identify."""
    reading = code_digest(read_files.__module__)
    packing = code_digest(__name__)
    codes = f"{reading}{packing}"
    hashed = hashlib.sha256(codes.encode())
    code = hashed.hexdigest()
    attributes = resources_digest((IDENTIFIERS,))
    return f"{code[:12]}-{attributes[:12]}"


class Packer:
    """Makes rows of entries."""

    def __init__(self) -> None:
        self._headers: dict[tuple[Any, ...], Header] = {}

    def pack(self, entry: Entry) -> tuple[PackedEntry, Header | None]:
        """An entry as a row, and its header."""
        header = None
        own = None
        if entry.instance is not None:
            header = self._header(entry.instance)
            facts = _own_of(entry.instance)
            own = json.dumps(facts)
        row = PackedEntry(
            path=entry.path,
            sha256=entry.sha256,
            verdict=entry.verdict and entry.verdict.value,
            reason=entry.reason and entry.reason.value,
            absent=json.dumps(entry.absent) if entry.absent else "",
            header=header and header.digest,
            own=own,
        )
        return row, header

    def _header(self, instance: Instance) -> Header:
        shared = _shared_of(instance)
        header = self._headers.get(shared)
        if header is None:
            if len(self._headers) >= _MOST_HEADERS:
                self._headers.clear()
            header = self._headers[shared] = _header(shared)
        return header


def _header(shared: Iterable[Any]) -> Header:
    facts = dict(zip(_SHARED, shared, strict=True))
    text = json.dumps(facts)
    digest = hashlib.blake2b(
        text.encode(),
        digest_size=_DIGEST_BYTES,
    )
    return Header(digest.digest(), text)


def shared_facts(text: str) -> tuple[Any, ...]:
    """The values in the text of a header, for `unpack`."""
    facts = json.loads(text)
    identifiers = map(tuple, facts["identifiers"])
    facts["identifiers"] = tuple(identifiers)
    values = map(facts.__getitem__, _SHARED)
    return tuple(values)


def unpack(row: PackedEntry, shared: tuple[Any, ...] | None) -> Entry:
    """The entry in a row; `shared` are the facts of its header."""
    instance = None
    if row.own is not None and shared is not None:
        own = json.loads(row.own)
        facts = _in_order((*own, *shared))
        instance = Instance._make(facts)

    absent = json.loads(row.absent) if row.absent else ()
    verdict = Verdict(row.verdict) if row.verdict else None
    reason = Reason(row.reason) if row.reason else None
    return Entry(
        path=row.path,
        sha256=row.sha256,
        verdict=verdict,
        reason=reason,
        instance=instance,
        absent=tuple(absent),
    )


def patient_of(text: str) -> tuple[Demographics, str]:
    """Who files are of, and their study UID, by the text of a header that any reader wrote."""
    facts = json.loads(text)

    def said(name: str) -> str:
        value = facts.get(name, "")
        return str(value).strip()

    sex = said("patient_sex")
    demographics = Demographics(
        patient_id=said("patient_id"),
        issuer=said("issuer"),
        name=said("patient_name"),
        birth_date=said("birth_date"),
        sex=sex.upper(),
    )
    study = facts.get("study_uid", "")
    return demographics, str(study)
