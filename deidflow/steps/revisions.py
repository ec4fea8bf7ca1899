"""New instance UIDs for series whose face was removed again with another mask.

Other pixels are another instance: its UID changes with each mask that it is published with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.multival import MultiValue

from deidflow.header.uids import UidMap
from deidflow.steps.results import DefacePlan, DefaceResult, MaskFields
from deidflow.steps.step import StepJob
from deidflow.store.files import digest_of, read_json, write_json_atomic

Revisions = dict[str, dict[str, int]]
"""Session label -> series -> how often it was published with another mask before."""


@dataclass(frozen=True)
class Revision:
    """With which mask a series is published, and how often that changed."""

    key: str
    revision: int


def read_revisions(path: Path) -> dict[str, Revision]:
    """Series -> its revision when the session was published last; empty where it never was."""
    rows = read_json(path) or {}
    revisions = {}
    for series, row in rows.items():
        revisions[series] = Revision(row["key"], row["revision"])
    return revisions


def write_revisions(path: Path, revisions: Mapping[str, Revision]) -> None:
    """Keep the revisions of a session that is published now."""
    rows = {series: asdict(row) for series, row in revisions.items()}
    write_json_atomic(path, rows)


def own_revisions(job: StepJob) -> dict[str, Revision]:
    """The revision of each masked series of the session, as it is built now."""
    if "deface" not in job.outputs:
        return {}
    deface = job.output("deface", DefaceResult)
    published = _published(job, job.label)
    revisions = {}
    for series, plan in deface.result.series.items():
        if isinstance(plan, DefacePlan) and plan.mask is not None:
            key = _mask_key(job, plan.mask)
            revisions[series] = _next(published.get(series), key)
    return revisions


def _mask_key(job: StepJob, mask: MaskFields) -> str:
    """Hash of all that a mask and what is written into it depend on."""
    parts = [asdict(mask), job.template.name, job.settings.deface.fill]
    return digest_of(parts)


def _next(published: Revision | None, key: str) -> Revision:
    """One more than published where the mask is another one."""
    if published is None:
        return Revision(key, 0)
    is_another = published.key != key
    return Revision(key, published.revision + is_another)


def subject_revisions(job: StepJob) -> Revisions:
    """The revisions of all sessions of the subject, which refer to each other."""
    revisions: Revisions = {}
    for label in job.labels:
        is_own = label == job.label
        rows = own_revisions(job) if is_own else _published(job, label)
        counts = {series: row.revision for series, row in rows.items() if row.revision}
        if counts:
            revisions[label] = counts
    return revisions


def _published(job: StepJob, label: str) -> dict[str, Revision]:
    path = job.layout.revisions(job.pseudonym, label)
    return read_revisions(path)


def new_uids(revisions: Revisions, folders: Mapping[str, Path], uids: UidMap) -> dict[str, str]:
    """Instance UID of the headers -> the revised UID; `folders` hold each session's headers."""
    renewed = {}
    for label, series in revisions.items():
        for name, number in series.items():
            folder = folders[label] / name
            for uid in _instance_uids(folder):
                renewed[uid] = uids.revised(uid, number)
    return renewed


def _instance_uids(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.dcm")):
        header = pydicom.dcmread(
            path,
            specific_tags=["SOPInstanceUID"],
        )
        yield str(header.SOPInstanceUID)


def renumber(header: Any, uids: Mapping[str, str]) -> None:
    """Exchange instance UIDs in a header, references in sequences too."""
    if not uids:
        return
    for element in list(header.iterall()):
        if element.VR != "UI":
            continue
        if isinstance(element.value, (list, MultiValue)):
            element.value = _exchanged(element.value, uids)
        else:
            value = str(element.value or "")
            element.value = uids.get(value, value)


def _exchanged(values: Iterable[Any], uids: Mapping[str, str]) -> list[str]:
    texts = [str(value) for value in values]
    return [uids.get(text, text) for text in texts]
