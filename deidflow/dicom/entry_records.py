"""Entries of the inventory as the vault keeps them: JSON text that names what read the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from deidflow.dicom.attributes import IDENTIFIERS
from deidflow.dicom.demographics import Demographics
from deidflow.dicom.instance import Instance
from deidflow.dicom.inventory import Entry, read_files
from deidflow.resources import resources_digest
from deidflow.store.code import code_digest
from deidflow.verdicts import Reason, Verdict


@lru_cache(maxsize=1)
def reader_version() -> str:
    """What an entry depends on beside the file: the reader's code, which attributes identify."""
    code = code_digest(read_files.__module__)
    attributes = resources_digest((IDENTIFIERS,))
    return f"{code[:12]}-{attributes[:12]}"


def to_json(entry: Entry) -> str:
    """An entry as text."""
    instance = entry.instance
    row = {
        "path": entry.path,
        "sha256": entry.sha256,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "instance": instance._asdict() if instance else None,
        "absent": entry.absent,
    }
    return json.dumps({"reader": reader_version(), "entry": row})


def from_json(text: str) -> Entry | None:
    """The inverse of `to_json`; None for the text of another reader."""
    record = json.loads(text)
    if record.get("reader") != reader_version():
        return None
    row = record["entry"]
    return Entry(
        path=row["path"],
        sha256=row["sha256"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        reason=Reason(row["reason"]) if row["reason"] else None,
        instance=_instance(row["instance"]) if row["instance"] else None,
        absent=tuple(row["absent"]),
    )


def patient_of(text: str) -> tuple[Demographics, str] | None:
    """Who a file is of, and its study UID, by any reader's text; None where it has no header."""
    row = json.loads(text)["entry"]["instance"]
    if not row:
        return None
    demographics = Demographics(
        patient_id=str(row.get("patient_id", "")).strip(),
        issuer=str(row.get("issuer", "")).strip(),
        name=str(row.get("patient_name", "")).strip(),
        birth_date=str(row.get("birth_date", "")).strip(),
        sex=str(row.get("patient_sex", "")).strip().upper(),
    )
    return demographics, str(row.get("study_uid", ""))


def _instance(row: Mapping[str, Any]) -> Instance:
    pairs = tuple((kind, value) for kind, value in row["identifiers"])
    return Instance(**{**row, "identifiers": pairs})
