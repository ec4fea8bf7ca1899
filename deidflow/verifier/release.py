"""A whole release read once, file by file, in order of names."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deidflow.verifier.attributes import AttributeCheck
from deidflow.verifier.claims import Claims
from deidflow.verifier.content import ContentCheck
from deidflow.verifier.findings import Check, Mark, Report
from deidflow.verifier.labels import face_marks, patient_marks, series_marks
from deidflow.verifier.markers import Markers, lies_of
from deidflow.verifier.masks import MaskedSeries, MaskImage, image_marks, mask_marks
from deidflow.verifier.nifti import Nifti, NotNifti, nifti_marks, read_nifti
from deidflow.verifier.observers import Observer, Seen
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.reader import NotDicom
from deidflow.verifier.repeats import SeriesReader
from deidflow.verifier.sidecars import (
    dataset_marks,
    gradient_marks,
    sidecar_marks,
    states_of,
    subject_marks,
    summary_marks,
    text_marks,
)
from deidflow.verifier.structure import structure_of
from deidflow.verifier.tree import (
    MANIFEST,
    PAGE,
    TOP_FILES,
    Entry,
    Manifest,
    entries_below,
    name_marks,
    page_text,
    shown_name,
)
from deidflow.verifier.values import day_of

_STUDY_DATE, _PATIENT_NAME, _PATIENT_ID = 0x00080020, 0x00100010, 0x00100020
_DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima"))
_DEPTH = 5
"""Parts of the path of an instance in a release of ours."""


@dataclass
class SeriesImages:
    """What was read of the NIfTI files of the series folder at hand."""

    folder: str = ""
    images: dict[str, Nifti] = field(default_factory=dict)
    """Defaced images by suffix (`_e1`)."""
    masked: MaskedSeries = field(default_factory=MaskedSeries)


@dataclass
class ReleaseCheck:
    """Reads the files of one release."""

    options: VerifyOptions
    claims: Claims
    observers: Sequence[Observer] = ()
    report: Report = field(default_factory=Report)
    _checks: dict[frozenset[str], AttributeCheck] = field(default_factory=dict)
    _content_checks: dict[frozenset[str], ContentCheck] = field(default_factory=dict)
    _states: dict[str, dict[str, str]] = field(default_factory=dict)
    """States of series by session folder."""
    _series: SeriesImages = field(default_factory=SeriesImages)
    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    """Sessions, series and instances met, by subject."""
    _reader: SeriesReader = field(default_factory=SeriesReader)

    def run(self) -> Report:
        """Read every file; the report holds what was found."""
        manifest = Manifest.read(self.options.release)
        if self.claims.is_ours:
            self._check_manifest(manifest)
        for entry in entries_below(self.options.release):
            if self._is_selected(entry):
                self._check(entry, manifest)
        self._finish(manifest)
        return self.report

    def _is_selected(self, entry: Entry) -> bool:
        subjects = self.options.subjects
        return not subjects or entry.name in TOP_FILES or entry.parts[0] in subjects

    def _check_manifest(self, manifest: Manifest | None) -> None:
        if manifest is None:
            self.report.add(MANIFEST, [Mark(Check.CHECKSUM, "table", "is missing")])
        elif not manifest.is_plain:
            self.report.add(MANIFEST, [Mark(Check.CHECKSUM, "table", "has odd or repeated lines")])

    def _finish(self, manifest: Manifest | None) -> None:
        self._enter_series("")
        for name in manifest.missing() if manifest is not None else ():
            if not self.options.subjects or name.partition("/")[0] in self.options.subjects:
                self.report.add(name, [Mark(Check.CHECKSUM, "file", "is in the table and missing")])
        if self.claims.is_ours:
            table = self.options.release / "subjects.tsv"
            content = table.read_bytes() if table.is_file() else b""
            counts = {} if self.options.subjects else self._counts
            self.report.add("subjects.tsv", subject_marks(content, counts))
        for observer in self.observers:
            self.report.findings += observer.end()
        self._note_strange_words()

    def _note_strange_words(self) -> None:
        """Say where another tool left words that may be a name; a level makes them findings."""
        counts: Counter[str] = Counter()
        for check in self._checks.values():
            counts.update(check.strange)
        if counts:
            names = ", ".join(sorted(counts))
            self.report.note(
                "words that are not of acquisition, which may be a name, are in: "
                f"{names}; --level low or high makes them findings"
            )

    # one file

    def _check(self, entry: Entry, manifest: Manifest | None) -> None:
        is_ours = self.claims.is_ours
        roots = self.options.uid_roots
        shown = shown_name(entry.name, is_ours=is_ours, roots=roots)
        self.report.add(shown, name_marks(entry, is_ours=is_ours, roots=roots))
        if not entry.is_regular:
            return
        content = entry.path.read_bytes()
        if manifest is not None:
            self.report.add(shown, manifest.marks(entry.name, content))
        self.report.add(shown, dict.fromkeys(self._content_marks(entry, shown, content)))

    def _content_marks(self, entry: Entry, shown: str, content: bytes) -> Iterator[Mark]:
        suffix = entry.path.suffix.lower()

        if content[128:132] == b"DICM" or suffix in _DICOM_SUFFIXES:
            self.report.files["DICOM"] += 1
            yield from self._instance(
                entry,
                shown,
                content,
            )
        elif entry.name.lower().endswith((".nii", ".nii.gz")):
            self.report.files["NIfTI"] += 1
            yield from self._nifti(entry, content)
        elif entry.name == "dataset.json" and self.claims.is_described:
            yield from dataset_marks(content)
        elif suffix == ".json":
            self.report.files["JSON"] += 1
            yield from self._json(entry, content)
        elif suffix in (".bval", ".bvec"):
            self.report.files["gradients"] += 1
            yield from gradient_marks(content)
        elif entry.name != MANIFEST:
            self.report.files["other"] += 1
            is_page = entry.name == PAGE and self.claims.is_ours
            yield from text_marks(page_text(content) if is_page else content)

    def _json(self, entry: Entry, content: bytes) -> Iterator[Mark]:
        if self.claims.is_ours and entry.path.name == "session.json":
            self._states["/".join(entry.parts[:2])] = states_of(content)
            self._count(entry, "sessions")
            return summary_marks(content)
        more = self.options.vocabulary
        return sidecar_marks(content, is_ours=self.claims.is_ours, more=more)

    def _count(self, entry: Entry, what: str) -> None:
        self._counts.setdefault(entry.parts[0], Counter())[what] += 1

    # NIfTI

    def _nifti(self, entry: Entry, content: bytes) -> Iterator[Mark]:
        try:
            nifti = read_nifti(content)
            yield from nifti_marks(nifti)
            if self._is_in_series(entry, depth=_DEPTH - 1):
                yield from self._series_image(entry, nifti)
        except (NotNifti, struct.error, ValueError):
            yield Mark(Check.NIFTI, "content", "is not a NIfTI file that can be read")

    def _series_image(self, entry: Entry, nifti: Nifti) -> Iterator[Mark]:
        states = self._states.get("/".join(entry.parts[:2]), {})
        yield from series_marks(entry.parts, states, self.claims)
        folder = "/".join(entry.parts[:3])
        self._enter_series(folder)
        stem = entry.parts[3].partition(".")[0]

        if stem.startswith("defaced_mask"):
            yield from mask_marks(nifti)
            if not self.claims.masks_released:
                yield Mark(Check.MASK, "mask", "is there, though the release says that none is")
            image = self._series.images.pop(stem.removeprefix("defaced_mask"), None)
            if image is None:
                yield Mark(Check.MASK, "mask", "has no image")
            else:
                yield from image_marks(image, nifti, blank=not self.claims.faces_replaced)
            mask = MaskImage.of(nifti)
            if mask is not None:
                self._series.masked.masks.append(mask)
        elif stem.startswith("defaced"):
            self._series.images[stem.removeprefix("defaced")] = nifti

    def _is_in_series(self, entry: Entry, depth: int) -> bool:
        return self.claims.is_ours and len(entry.parts) == depth

    # DICOM

    def _instance(self, entry: Entry, shown: str, content: bytes) -> Iterator[Mark]:
        try:
            instance = self._reader.read(content)
        except NotDicom:
            yield Mark(Check.STRUCTURE, "preamble", "lacks the DICM mark; the file is not read")
            return
        yield from structure_of(instance, is_ours=self.claims.is_ours)
        markers = Markers.of(instance)
        check = self._attribute_check(markers)
        check.study_day = day_of(instance.text(_STUDY_DATE))
        yield from check.marks_of(instance)
        yield from self._content_check(check.codes).marks_of(instance)
        yield from lies_of(markers, self.claims, has_private=instance.has_private)

        is_in_series = self._is_in_series(entry, _DEPTH)
        if is_in_series:
            self._enter_series("/".join(entry.parts[:3]))
        masks = tuple(self._series.masked.masks) if is_in_series else ()
        seen = Seen(entry, shown, instance, markers, masks)
        if is_in_series:
            yield from self._in_release(seen)
        for observer in self.observers:
            yield from observer.look(seen)

    def _attribute_check(self, markers: Markers) -> AttributeCheck:
        """The judge of files with these codes; single files have a say where no level is given."""
        codes = self.claims.promise.codes
        if not self.claims.fixed and markers.codes:
            codes = markers.codes
        if codes not in self._checks:
            roots, words = self.options.uid_roots, self.options.vocabulary
            self._checks[codes] = AttributeCheck(self.claims, codes, roots, words)
        return self._checks[codes]

    def _content_check(self, codes: frozenset[str]) -> ContentCheck:
        """The judge of structured content in files with these codes."""
        if codes not in self._content_checks:
            words = self.options.vocabulary
            self._content_checks[codes] = ContentCheck(self.claims, codes, words)
        return self._content_checks[codes]

    def _in_release(self, seen: Seen) -> Iterator[Mark]:
        """Checks of an instance that lies in a release of ours."""
        parts, instance = seen.entry.parts, seen.instance
        subject, session, series = parts[:3]
        self._count(seen.entry, "instances")
        self._counts[subject][f"series {session}/{series}"] = 1

        states = self._states.get(f"{subject}/{session}", {})
        yield from series_marks(
            parts,
            states,
            self.claims,
        )
        yield from face_marks(parts, seen.markers)
        number, name = instance.text(_PATIENT_ID), instance.text(_PATIENT_NAME)
        yield from patient_marks(parts, name, number, self.claims)
        if parts[3] == "defaced_dicom":
            yield from self._masked_pixels(seen)

    def _masked_pixels(self, seen: Seen) -> Iterator[Mark]:
        masked = self._series.masked
        if not masked.masks and not self.claims.masks_released:
            self.report.files["defaced instances whose masks are not released"] += 1
            return
        if not masked.masks:
            yield Mark(Check.MASK, "mask", "is missing or differs from volume to volume")
            return
        if self.claims.faces_replaced and seen.markers.is_refaced:
            self.report.files["instances with an average face"] += 1
            return
        plane = seen.plane
        if plane is None:
            self.report.files["instances without a plane of their own"] += 1
        else:
            masked.planes.append(plane)

    def _enter_series(self, folder: str) -> None:
        """Judge the masked series that was read before, and start with the next."""
        if self._series.folder == folder:
            return
        for name in self._series.masked.shown_faces():
            self.report.add(
                name, [Mark(Check.MASK, "PixelData", "shows something inside the mask")]
            )
        self._series = SeriesImages(folder)
