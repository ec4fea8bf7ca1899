"""A staged series beside its source: counts, structure, stored values outside the mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import deflate
import nibabel
import numpy as np

from deidflow.checks.dicom_file import META_CLASS, META_INSTANCE, META_TAGS, File, open_file
from deidflow.checks.facts import Facts, InstanceIdentity
from deidflow.checks.file_search import hits_beside_elements
from deidflow.checks.findings import Defect, Finding, PlacedHits, leaks_of
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.pixels import PackedMask, PixelFile, differ
from deidflow.checks.source import SourceFile

_EVEN_PADDING = 1
"""Bytes that may follow the values, so that their length is even."""
SourcesByIdentity = Mapping[InstanceIdentity, Sequence[SourceFile]]


@dataclass(frozen=True)
class ExpectedSeries:
    """What a staged series must be.

    Its sources in any order, and its masks (None: all pixels are kept): faces, and rectangles that
    were blanked. `scratch` is a private folder for decoding.
    """

    name: str
    sources: tuple[SourceFile, ...]
    masks: Path | None
    scratch: Path
    defaced: bool = True
    """Whether the masks remove a face, and are released as NIfTI too."""
    refaced: bool = False
    """Whether an average face is in the place of what was removed."""
    nifti_masks: Path | None = None
    """Where the NIfTI masks are; None for beside the images."""

    @property
    def is_defaced(self) -> bool:
        """Whether a face is removed."""
        return self.defaced and self.masks is not None


def check_series(folder: Path, expected: ExpectedSeries, search: LeakSearch) -> list[Finding]:
    """Search a staged series and compare it with its sources.

    Instances are matched by what is in them, not by name. Raises an error of reading for a file
    that is broken.
    """
    staged = _staged_instances(folder, expected)
    missing = len(expected.sources) - len(staged)
    if missing:
        finding = _finding(
            expected,
            Defect.WRONG_COUNT,
            abs(missing),
        )
        return [finding]

    masks = _masks_of(expected)
    check = _SeriesCheck(expected, search, masks)
    sources = _by_identity(expected.sources)
    for path in staged:
        check.add_instance(path, sources)

    findings = check.findings()
    if findings or not expected.is_defaced:
        return findings
    return _mask_findings(
        folder,
        expected,
        masks,
    )


def _staged_instances(folder: Path, expected: ExpectedSeries) -> list[Path]:
    name = "defaced_dicom" if expected.is_defaced else "dicom"
    instances = folder / name
    paths = instances.glob("*.dcm")
    return sorted(paths)


def _masks_of(expected: ExpectedSeries) -> dict[str, PackedMask]:
    """Packed masks by the name of the file; none where all pixels are kept."""
    if expected.masks is None:
        return {}
    archive = np.load(expected.masks)
    return dict(archive)


def _finding(expected: ExpectedSeries, defect: Defect, count: int) -> Finding:
    return Finding(
        expected.name,
        defect.value,
        count,
    )


def _by_identity(sources: Iterable[SourceFile]) -> SourcesByIdentity:
    groups: dict[InstanceIdentity, list[SourceFile]] = {}
    for source in sources:
        group = groups.setdefault(source.identity, [])
        group.append(source)
    return groups


@dataclass
class _SeriesCheck:
    """Counts what is wrong with the instances of one series."""

    expected: ExpectedSeries
    search: LeakSearch
    masks: Mapping[str, PackedMask]
    hits: PlacedHits = field(default_factory=Counter)
    defects: Counter[Defect] = field(default_factory=Counter)

    def findings(self) -> list[Finding]:
        """Findings of all instances so far."""
        findings = []
        for defect in Defect:
            count = self.defects[defect]
            if count:
                finding = _finding(self.expected, defect, count)
                findings.append(finding)
        return findings + leaks_of(self.hits)

    def add_instance(self, path: Path, sources: SourcesByIdentity) -> None:
        """Read an instance once: search its values, check its structure, compare its pixels."""
        content = path.read_bytes()
        file = open_file(content)
        facts = self._search_values(file)
        cells = facts.cells(file)
        if not _meta_fits(file, facts):
            self.defects[Defect.WRONG_META] += 1
        padding = cells.padding if cells else 0
        if padding > _EVEN_PADDING:
            self.defects[Defect.TRAILING_BYTES] += 1

        identity = facts.identity
        matches = sources.get(identity, ())
        self._check_pixels(
            released=PixelFile(content, cells, file.pixels is not None),
            matches=matches,
            mask=self.masks.get(path.name),
        )

    def _search_values(self, file: File) -> Facts:
        facts = Facts()
        for element in file.elements():
            hits = self.search.element(element)
            if hits:
                self._add_hits(hits)
            facts.take(element)

        beside = hits_beside_elements(file, self.search)
        self._add_hits(beside)
        return facts

    def _check_pixels(
        self,
        released: PixelFile,
        matches: Sequence[SourceFile],
        mask: PackedMask | None,
    ) -> None:
        """The pixels must be those of one of the sources, but for the mask."""
        if not matches:
            self.defects[Defect.NO_SOURCE] += 1
            return

        scratch = self.expected.scratch
        for match in matches:
            content = match.path.read_bytes()
            source = PixelFile(content, match.cells, match.has_pixels)
            is_other = differ(
                source,
                released,
                mask,
                scratch,
                self.expected.refaced,
                match.blanked,
            )
            if not is_other:
                return
        self.defects[Defect.VALUES_DIFFER] += 1

    def _add_hits(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self.hits[self.expected.name, hit] += 1


def _meta_fits(file: File, facts: Facts) -> bool:
    """Whether preamble and file meta hold what the data set says, and nothing else.

    PS3.10 section 7.1.
    """
    tags = file.meta.keys()
    if any(file.preamble) or not tags <= META_TAGS:
        return False
    sop_class = file.meta_uid(META_CLASS)
    if sop_class != facts.sop_class:
        return False
    sop_instance = file.meta_uid(META_INSTANCE)
    return sop_instance == facts.sop_instance


def _mask_findings(
    folder: Path,
    expected: ExpectedSeries,
    masks: Mapping[str, PackedMask],
) -> list[Finding]:
    """The NIfTI mask must remove as many voxels as the DICOM masks; padding tiles aside."""
    in_dicom = 0
    for packed in masks.values():
        bits = np.unpackbits(packed)
        in_dicom += int(bits.sum())

    in_nifti = 0
    place = expected.nifti_masks or folder
    paths = place.glob("defaced_mask*.nii.gz")
    for path in sorted(paths):
        in_nifti += _removed_voxels(path)

    difference = abs(in_dicom - in_nifti)
    if not difference:
        return []
    finding = _finding(
        expected,
        Defect.MASKS_DIFFER,
        difference,
    )
    return [finding]


def _removed_voxels(path: Path) -> int:
    content = deflate.gzip_decompress(path.read_bytes())
    image = nibabel.Nifti1Image.from_bytes(bytes(content))
    voxels = image.dataobj.get_unscaled()
    kept = np.count_nonzero(voxels)
    removed = voxels.size - kept
    return int(removed)
