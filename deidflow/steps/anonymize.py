"""Anonymize: the headers of a session, each as a small file without pixels, kept in the vault's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from deidflow.errors import Withheld
from deidflow.header.anonymizer import Anonymizer
from deidflow.header.markers import mark
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.header.uids import IMPLEMENTATION_CLASS, IMPLEMENTATION_NAME
from deidflow.identity.workorder import SeriesOrder, WorkOrder, read_order
from deidflow.steps.common import SeriesResult, each_series, header_context, profile_for, read_source
from deidflow.verdicts import Reason

VERSION = "1"


def anonymize_session(order_path: str, label: str, scratch: str, level: str, private: str) -> dict[str, Any]:
    """Write `<series>/<number>.dcm`, the de-identified header of every instance of a session."""
    order = read_order(Path(order_path))
    session = order.session(label)
    profile = profile_for(level, private)
    anonymizer = Anonymizer(compile_profile(profile), header_context(order, session, profile))

    def work(series: SeriesOrder) -> SeriesResult:
        return _series(order, series, anonymizer, profile, Path(scratch) / series.name)

    return {"series": each_series(session, work)}


def _series(
    order: WorkOrder, series: SeriesOrder, anonymizer: Anonymizer, profile: Profile, folder: Path
) -> SeriesResult:
    folder.mkdir()
    fitted = anonymizer.for_series(bin_trigger_time=series.bin_trigger_time)
    for number, file in enumerate(series.files, 1):
        source = read_source(order, file, pixels=False)
        refuse_embedded_overlay(source)
        header = fitted.clean(source)
        mark(header, profile)
        write_header(header, folder / header_name(number))
    return {"state": "anonymized", "instances": len(series.files)}


def refuse_embedded_overlay(source: Any) -> None:
    """Withhold an image whose overlay lies in unused bits of its pixels (retired in PS3.3 C.9.2)."""
    for tag in source.keys():
        if 0x6000 <= tag.group <= 0x60FF and tag.element == 0x0102 and int(source[tag].value or 0) > 0:
            raise Withheld(Reason.EMBEDDED_OVERLAY)


def header_name(number: int) -> str:
    """The header file of the instance with this number in its work order."""
    return f"{number:06d}.dcm"


def write_header(header: Dataset, path: Path) -> None:
    """Write a data set with new file meta and an empty preamble, Explicit VR Little Endian."""
    header.file_meta = file_meta(header, ExplicitVRLittleEndian)
    header.preamble = b"\0" * 128
    header.save_as(path, enforce_file_format=True)


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
