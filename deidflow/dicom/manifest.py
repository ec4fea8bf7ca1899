"""What a manifest says of the files that it names: whose they are, of which visit, and what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from deidflow.dicom.instance import Instance
from deidflow.dicom.raw_data import RawKind, raw_classes

_ARCHIVE_END = "!"
"""Ends the folder in which the locators of an archive's members lie."""


class Category(StrEnum):
    """The keys of NiftyPET's description of a raw PET/MR study (`datain`), and modalities."""

    MU_MAP = "mumapDCM"
    T1 = "T1DCM"
    T2 = "T2DCM"
    UTE1 = "UTE1"
    UTE2 = "UTE2"
    LIST_DICOM = "lm_dcm"
    LIST_IMA = "lm_ima"
    LIST_RAW = "lm_bf"
    NORM_DICOM = "nrm_dcm"
    NORM_IMA = "nrm_ima"
    NORM_RAW = "nrm_bf"
    MR = "MR"
    CT = "CT"
    PT = "PT"

    @property
    def raw_kind(self) -> RawKind | None:
        """The kind of raw data; None for images."""
        if self.startswith("lm_"):
            return RawKind.LIST
        if self.startswith("nrm_"):
            return RawKind.NORM
        return None

    def fits(self, instance: Instance) -> bool:
        """Whether an instance can be what the category says."""
        is_raw = instance.sop_class in raw_classes()
        if is_raw or self.raw_kind is not None:
            return is_raw and self.raw_kind is not None
        modality = instance.modality.upper()
        return modality in _MODALITIES[self]


_MODALITIES = {
    Category.MU_MAP: frozenset(("MR", "CT", "PT")),
    Category.T1: frozenset(("MR",)),
    Category.T2: frozenset(("MR",)),
    Category.UTE1: frozenset(("MR",)),
    Category.UTE2: frozenset(("MR",)),
    Category.MR: frozenset(("MR",)),
    Category.CT: frozenset(("CT",)),
    Category.PT: frozenset(("PT",)),
}
"""Modalities of the images of each category."""


@dataclass(frozen=True)
class ManifestEntry:
    """A file or folder that is named, and what is said of it; empty where nothing is."""

    path: str
    subject: str = ""
    session: str = ""
    category: Category | None = None

    @property
    def says_something(self) -> bool:
        """Whether it says more than that the file is there."""
        return bool(self.subject or self.session or self.category)


@dataclass(frozen=True)
class Manifest:
    """What is said of files and folders, by their paths below the source."""

    entries: Mapping[str, ManifestEntry] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[ManifestEntry]) -> Manifest:
        """The manifest of entries that say something, with paths below the source."""
        telling: dict[str, ManifestEntry] = {}
        for entry in entries:
            if entry.says_something:
                telling[entry.path] = entry
        return cls(telling)

    def of_file(self, path: str) -> ManifestEntry:
        """What is said of a file, or of the member of an archive; an empty entry for nothing."""
        if not self.entries:
            return _NOTHING
        file = PurePosixPath(path)
        for place in (file, *file.parents):
            name = str(place).removesuffix(_ARCHIVE_END)
            entry = self.entries.get(name)
            if entry is not None:
                return entry
        return _NOTHING


_NOTHING = ManifestEntry("")
NO_MANIFEST = Manifest()
