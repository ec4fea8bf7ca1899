"""`deidflow verify --faces`: is a face left? Judged by software that is not ours.

Every volume of a release is looked at by detectors, from the front and from behind. With the source
one head per subject is also held against its original: recognition over all subjects, tissue, and
the distance of what changed from SynthStrip's brain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.recognition.cohort import HeadPair
from deidflow.recognition.detectors import detections
from deidflow.recognition.study import (
    Judges,
    PairResult,
    is_as_recognisable,
    judge_pair,
    recognition,
)
from deidflow.recognition.views import HeadViews
from deidflow.recognition.volumes import HeadVolume, NotAVolume, on_one_grid, read_volume
from deidflow.verifier.claims import Claims
from deidflow.verifier.face_report import FaceReport, SeenImage
from deidflow.verifier.findings import Check, Finding, Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.tree import Entry, entries_below, shown_name
from deidflow.verifier.vault import VaultView
from deidflow.verifier.volumes import SeriesFiles, may_show_a_head, volumes_of

_GALLERY = 12
"""People in the gallery; made-up ones fill it."""
_NIFTI = (".nii", ".nii.gz")
_SERIES_DEPTH = 4


@dataclass(frozen=True)
class _Candidate:
    """A volume that may show a head."""

    shown: str
    subject: str
    folder: str
    """The series folder of a release of ours; empty elsewhere."""
    path: Path | None
    files: tuple[Path, ...]
    voxel_ml: float


@dataclass
class FaceCheck:
    """Looks at the faces of one release once its files were read."""

    options: VerifyOptions
    claims: Claims
    series: SeriesFiles
    view: VaultView | None
    scratch: Path
    report: Report

    def run(self) -> FaceReport:
        """Judge all volumes; findings go into the report. Raises EnvironmentFault without extra."""
        judges = Judges()
        images = []
        candidates = []
        for candidate, volume in self._volumes():
            images.append(
                SeenImage(
                    candidate.shown,
                    detections(
                        HeadViews(volume),
                        judges.detectors,
                    ),
                )
            )
            candidates.append(candidate)

        heads = list(
            self._heads(
                candidates,
                judges,
            )
        )
        people = [person for head in heads for person in head.people]
        for head in heads:
            if any(
                map(
                    is_as_recognisable,
                    head.people[:1],
                )
            ):
                self._found(head.name)
        if self.view is None:
            self.report.note("faces: nobody is recognised without --vault and --source")
        return FaceReport(
            tuple(images),
            tuple(heads),
            tuple(recognition(people)),
        )

    def _found(self, image: str) -> None:
        problem = "is as easy to recognise as before"
        self.report.findings.append(
            Finding(
                image,
                Check.FACE,
                "face",
                problem,
            )
        )

    # volumes of the release

    def _volumes(self) -> Iterator[tuple[_Candidate, HeadVolume]]:
        yield from self._nifti_volumes()
        if not self.claims.is_ours:
            yield from self._dicom_volumes()

    def _nifti_volumes(self) -> Iterator[tuple[_Candidate, HeadVolume]]:
        for entry in entries_below(self.options.release):
            if not self._is_image(entry):
                continue
            shown = shown_name(
                entry.name,
                is_ours=self.claims.is_ours,
                roots=self.options.uid_roots,
            )
            try:
                volume = read_volume(entry.path)
            except NotAVolume:
                continue
            if may_show_a_head(volume):
                yield (
                    self._candidate(
                        shown,
                        volume,
                        path=entry.path,
                        parts=entry.parts,
                    ),
                    volume,
                )

    def _is_image(self, entry: Entry) -> bool:
        subjects = self.options.subjects
        is_nifti = entry.is_regular and entry.name.lower().endswith(_NIFTI)
        is_mask = entry.path.name.startswith("defaced_mask")
        return is_nifti and not is_mask and (not subjects or entry.parts[0] in subjects)

    def _dicom_volumes(self) -> Iterator[tuple[_Candidate, HeadVolume]]:
        for uid, files in self.series.paths.items():
            volumes = volumes_of(files, self.scratch)
            heads = [volume for volume in volumes if may_show_a_head(volume)]
            for volume in heads[:1]:
                shown = self.series.shown[uid]
                yield (
                    self._candidate(
                        shown,
                        volume,
                        files=tuple(files),
                    ),
                    volume,
                )

    def _candidate(
        self,
        shown: str,
        volume: HeadVolume,
        *,
        path: Path | None = None,
        files: tuple[Path, ...] = (),
        parts: Sequence[str] = (),
    ) -> _Candidate:
        is_in_series = self.claims.is_ours and len(parts) == _SERIES_DEPTH
        return _Candidate(
            shown=shown,
            subject=parts[0] if is_in_series else "",
            folder="/".join(parts[:3]) if is_in_series else "",
            path=path,
            files=files,
            voxel_ml=volume.voxel_ml,
        )

    # heads beside their originals

    def _heads(self, candidates: Sequence[_Candidate], judges: Judges) -> Iterator[PairResult]:
        """The finest head of each subject that has an original on its grid."""
        if self.view is None:
            return

        by_subject: dict[str, list[_Candidate]] = {}
        for candidate in candidates:
            if candidate.subject and candidate.path is not None:
                by_subject.setdefault(
                    candidate.subject,
                    [],
                ).append(candidate)

        copies = (
            -(
                -_GALLERY
                // max(
                    1,
                    len(by_subject),
                )
            )
            - 1
        )
        for rows in by_subject.values():
            rows.sort(key=lambda row: row.voxel_ml)
            pairs = (self._pair(row) for row in rows)
            pair = next((pair for pair in pairs if pair is not None), None)
            if pair is not None:
                yield judge_pair(
                    pair,
                    judges,
                    copies=copies,
                    with_brain=True,
                )

    def _pair(self, candidate: _Candidate) -> HeadPair | None:
        """The released head with its original; None where none is on its grid."""
        if candidate.path is None:
            return None

        after = read_volume(candidate.path)
        for before in volumes_of(
            self._sources(candidate.folder),
            self.scratch,
        ):
            if on_one_grid(
                before,
                after,
            ):
                return HeadPair(
                    candidate.shown,
                    before,
                    after,
                )

        return None

    def _sources(self, folder: str) -> list[Path]:
        """The source files of a series folder."""
        source = self.options.source
        if self.view is None or source is None:
            return []
        rows = self.view.by_released_path.items()
        own = [row for name, row in rows if name.startswith(f"{folder}/")]
        paths = [self.view.source_of(row, source) for row in own]
        return [path for path in paths if path.is_file()]
