"""New instance UIDs for series that are published again with other pixels removed.

Other pixels are another instance: its UID changes with each mask that it is published with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.multival import MultiValue

from deidflow.burned.rectangles import Rectangle
from deidflow.header.uids import UidMap
from deidflow.steps.results import (
    DefacePlan,
    DefaceResult,
    InspectedSeries,
    InspectResult,
    MaskFields,
)
from deidflow.steps.step import StepJob
from deidflow.store.files import digest_of, read_json, write_json_atomic

_WHOLE = ""
"""The key of a series that keeps all its pixels."""
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
    """The revision of each series with changed pixels, as it is built now."""
    published = _published(job, job.label)
    blanked = _blanked(job)
    revisions = {}
    for series, mask in _masks(job).items():
        key = _mask_key(job, mask, blanked.pop(series, ()))
        revisions[series] = _next(published.get(series), key)

    for series, rectangles in blanked.items():
        before = published.get(series) or _whole_before(job)
        key = digest_of([asdict(rectangle) for rectangle in rectangles]) if rectangles else _WHOLE
        if rectangles or series in published:
            revisions[series] = _next(before, key)
    return revisions


def _masks(job: StepJob) -> dict[str, MaskFields]:
    """The mask of each series whose face is removed."""
    if "deface" not in job.outputs:
        return {}
    masks = {}
    for series, plan in job.output("deface", DefaceResult).result.series.items():
        if isinstance(plan, DefacePlan) and plan.mask is not None:
            masks[series] = plan.mask
    return masks


def _blanked(job: StepJob) -> dict[str, tuple[Rectangle, ...]]:
    """All rectangles of each series that was read, in the order of its instances."""
    if "inspect" not in job.outputs:
        return {}
    rectangles = {}
    for series, row in job.output("inspect", InspectResult).result.series.items():
        if isinstance(row, InspectedSeries):
            of_all = itertools.chain.from_iterable(row.rectangles)
            rectangles[series] = tuple(of_all)
    return rectangles


def _whole_before(job: StepJob) -> Revision | None:
    """What a series without a row was published with: all its pixels, if at all."""
    path = job.layout.revisions(job.pseudonym, job.label)
    return Revision(_WHOLE, 0) if path.exists() else None


def _mask_key(job: StepJob, mask: MaskFields, rectangles: Sequence[Rectangle]) -> str:
    """Hash of all that a mask and what is written into it depend on."""
    parts: list[Any] = [asdict(mask), job.template.name, job.settings.deface.fill]
    if rectangles:
        parts.append([asdict(rectangle) for rectangle in rectangles])
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
