"""Headers cleaned as a run cleans them, and inventories, for tests of these rooms."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from deidflow.dicom.inventory import Entry, read_file
from deidflow.dicom.source_walk import Found, walk
from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.load_profile import load_profile
from deidflow.header.markers import markers
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from tests.synthetic import as_file


def inventory(source: Path) -> list[Entry]:
    """Read every file below a folder, in this process."""
    return [read_file(source, one.path) if isinstance(one, Found) else one for one in walk(source)]


def cleaner(level: str | Profile, explicit_out: bool = True, **changes: Any) -> HeaderCleaner:
    """The header cleaner of a profile for the patient of `mr_instance`."""
    profile = load_profile(level) if isinstance(level, str) else level
    context = {
        "pseudonym": "P001",
        "uids": UidMap(b"k" * 32),
        "shift_days": -100,
        "clock": StudyClock.parse("2022-05-10T23:50:00"),
        "scrubber": Scrubber.of((("name", "Zimmerquast^Adelheid"), ("number", "PID-77120"))),
        "binned": profile.binned,
        "hash_key": b"h" * 32,
        "label": "M00",
    }
    marks = {way: markers(profile, "M00", 3, explicit=way) for way in (True, False)}
    return HeaderCleaner(
        compile_profile(profile), HeaderContext(**{**context, **changes}), marks, explicit_out
    )  # type: ignore[arg-type]


class Anonymizer:
    """Cleans data sets: as a file, bytes in and bytes out."""

    def __init__(self, inner: HeaderCleaner) -> None:
        self.inner = inner

    def clean(self, header: Dataset) -> Dataset:
        """The released header, without pixels."""
        return pydicom.dcmread(io.BytesIO(b"".join(self.inner.header(as_file(header)))))

    def for_series(self, *, bin_trigger_time: bool) -> Anonymizer:
        """The same for a series."""
        return Anonymizer(self.inner.for_series(bin_trigger_time=bin_trigger_time))


def anonymizer(level: str | Profile, **changes: Any) -> Anonymizer:
    """The anonymizer of a profile for the patient of `mr_instance`."""
    return Anonymizer(cleaner(level, **changes))
