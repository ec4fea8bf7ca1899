"""Check one staged session against its source: leaks, counts, UIDs, stored values outside the mask."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom

from deidflow.checks.leaks import LeakSearch
from deidflow.checks.reader import used_bits


@dataclass(frozen=True)
class Finding:
    """Something that must not be: where, what, how often. Holds no value that was found."""

    place: str
    what: str
    count: int


@dataclass(frozen=True)
class ExpectedSeries:
    """What a staged series must be: its sources in any order, its masks (None: all pixels are kept).

    `scratch` is a private folder for decoding.
    """

    name: str
    sources: tuple[Path, ...]
    masks: Path | None
    scratch: Path


DIFFER = "stored values differ outside the mask"
_DEFACED = re.compile(r"defaced_dicom/slice_\d+\.dcm|defaced(_mask)?\w*\.nii\.gz|defaced\w*\.(json|bval|bvec)")
_WHOLE = re.compile(r"dicom/slice_\d+\.dcm|image\w*\.(nii\.gz|json|bval|bvec)")


def check_names(root: Path, expected: Sequence[ExpectedSeries]) -> list[Finding]:
    """Findings for files that do not belong into a session with these series."""
    allowed = {one.name: _DEFACED if one.masks else _WHOLE for one in expected}
    findings = []
    for path in (one for one in root.rglob("*") if not one.is_dir()):
        series, _, rest = path.relative_to(root).as_posix().partition("/")
        fits = series in allowed and allowed[series].fullmatch(rest) is not None
        if not fits and (series, rest) != ("session.json", ""):
            findings.append(Finding(series, "a file that does not belong here", 1))
    return findings


def check_leaks(root: Path, search: LeakSearch) -> list[Finding]:
    """Search every file below `root`."""
    found: list[Finding] = []
    for path in sorted(one for one in root.rglob("*") if one.is_file()):
        name = path.relative_to(root).as_posix()
        found += [Finding(name, f"leak: {kind}", count) for kind, count in search.file(path, name).items()]
    return found


def check_series(folder: Path, expected: ExpectedSeries) -> list[Finding]:
    """Compare a staged series with its sources, matched by what is in them, not by name."""
    staged = sorted((folder / ("defaced_dicom" if expected.masks else "dicom")).glob("*.dcm"))
    if len(staged) != len(expected.sources):
        return [Finding(expected.name, "instances missing or added", abs(len(staged) - len(expected.sources)))]
    masks = dict(np.load(expected.masks)) if expected.masks else {}
    findings = _compare(expected, staged, masks)
    if expected.masks:
        findings += _mask_image(folder, expected.name, masks)
    return findings


def _compare(expected: ExpectedSeries, staged: Sequence[Path], masks: Mapping[str, Any]) -> list[Finding]:
    sources: dict[tuple[Any, ...], list[Path]] = {}
    for path in expected.sources:
        sources.setdefault(_identity(pydicom.dcmread(path, stop_before_pixels=True)), []).append(path)
    counts: Counter[str] = Counter()
    for path in staged:
        released = pydicom.dcmread(path)
        matches = sources.get(_identity(released), [])
        counts["file meta does not fit the instance"] += int(
            released.file_meta.MediaStorageSOPInstanceUID != released.SOPInstanceUID or any(released.preamble)
        )
        if not matches:
            counts["instance without a source"] += 1
        elif not any(_equal(released, source, masks.get(path.name), expected.scratch) for source in matches):
            counts[DIFFER] += 1
    return [Finding(expected.name, what, count) for what, count in counts.items() if count]


def _identity(header: Any) -> tuple[Any, ...]:
    """What the de-identification leaves as it is and tells instances of a series apart."""
    position = header.get("ImagePositionPatient") or ()
    keywords = (
        "InstanceNumber",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "EchoNumbers",
        "TemporalPositionIdentifier",
    )
    return (*(str(header.get(keyword)) for keyword in keywords), tuple(float(value) for value in position))


def _equal(released: Any, source_path: Path, packed: Any, scratch: Path) -> bool:
    source = pydicom.dcmread(source_path)
    before, after = used_bits(source, scratch), used_bits(released, scratch)
    if before.shape != after.shape:
        return False
    if packed is None:
        return bool(np.array_equal(before, after))
    removed = np.unpackbits(packed, count=int(np.prod(before.shape[:3]))).reshape(before.shape[:3]).astype(bool)
    filled = all(_is_constant(frame[mask]) for frame, mask in zip(after, removed, strict=True))
    return filled and bool(np.array_equal(before[~removed], after[~removed]))


def _is_constant(values: Any) -> bool:
    """Whether all removed pixels of a frame hold one value, so that nothing can be seen in them."""
    return bool((values == values[:1]).all())


def _mask_image(folder: Path, name: str, masks: Mapping[str, Any]) -> list[Finding]:
    """The mask's NIfTI must remove as many voxels as the DICOM masks, beside what tiles leave empty."""
    in_dicom = sum(int(np.unpackbits(packed).sum()) for packed in masks.values())
    in_nifti = 0
    for path in sorted(folder.glob("defaced_mask*.nii.gz")):
        with gzip.open(path) as stream:
            values = np.asarray(nibabel.Nifti1Image.from_bytes(stream.read()).dataobj)
        in_nifti += int((values == 0).sum())
    return [] if in_dicom == in_nifti else [Finding(name, "mask of NIfTI and DICOM differ", abs(in_dicom - in_nifti))]
