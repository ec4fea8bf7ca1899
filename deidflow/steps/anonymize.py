"""Anonymize: the headers of a session, each as a small file without pixels, kept in the vault's work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset

from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.contacts import Attribute, contacts, keeps_private_text
from deidflow.header.profile import Profile
from deidflow.header.uids import IMPLEMENTATION_CLASS, IMPLEMENTATION_NAME
from deidflow.identity.cleaner import cleaner_for
from deidflow.identity.workorder import SeriesOrder, WorkOrder, read_order
from deidflow.steps.common import SeriesResult, each_series, read_content


def anonymize_session(
    order_path: str, label: str, scratch: str, profile: Profile
) -> dict[str, Any]:
    """Write `<series>/<number>.dcm`, the de-identified header of every instance of a session."""
    order = read_order(Path(order_path))
    session = order.session(label)
    cleaner = cleaner_for(order, session, profile, explicit_out=True, overlay_bits_cleared=True)

    def work(series: SeriesOrder) -> SeriesResult:
        return _series(order, series, cleaner, Path(scratch) / series.name)

    return {"series": each_series(session, work)}


def _series(
    order: WorkOrder, series: SeriesOrder, cleaner: HeaderCleaner, folder: Path
) -> SeriesResult:
    folder.mkdir()
    fitted = cleaner.for_series(bin_trigger_time=series.bin_trigger_time)
    searched, found = keeps_private_text(cleaner.rules), Counter[Attribute]()
    for number, file in enumerate(series.files, 1):
        header = b"".join(fitted.header(read_content(order, file)))
        (folder / header_name(number)).write_bytes(header)
        found.update(contacts(header) if searched else ())
    rows = [[*attribute, count] for attribute, count in sorted(found.items())]
    return {"state": "anonymized", "instances": len(series.files), "contacts": rows}


def header_name(number: int) -> str:
    """The header file of the instance with this number in its work order."""
    return f"{number:06d}.dcm"


def file_meta(header: Dataset, syntax: str) -> FileMetaDataset:
    """File meta information made of the released header only (PS3.10 section 7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return meta
