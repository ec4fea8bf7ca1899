"""A small release of two patients with its vault and source, to plant defects in."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from deidflow.header.load_profile import load_profile
from deidflow.header.markers import mark_defaced
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.dataset import write_dataset
from deidflow.release.instances import InstanceRow, write_instances
from deidflow.release.layout import Layout
from deidflow.release.tables import write_subjects
from deidflow.store.files import names_below, sha256_of
from deidflow.verifier.findings import Check, Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import verify
from tests.headers import anonymizer
from tests.synthetic import mr_instance, save

SHIFT = -100
SLICES = 3
PATIENTS = {
    "P001": ("Zimmerquast^Adelheid", "PID-77120", "1.2.3.4.5"),
    "P002": ("Ottenhuber^Korbinian", "PID-88231", "1.2.3.4.6"),
}
MASKED, WHOLE = "003-MR", "004-MR"
Row = tuple[Check, str]
"""Check and attribute of a finding."""


@dataclass(frozen=True)
class MiniRelease:
    """A release, and what it was made of."""

    release: Path
    vault: Path
    source: Path

    @property
    def first(self) -> Path:
        """The first instance of the first patient's series that keeps its pixels."""
        return self.instance("P001", WHOLE)

    def instance(self, subject: str, series: str, number: int = 1) -> Path:
        """An instance of a series."""
        folder = "defaced_dicom" if series == MASKED else "dicom"
        return self.release / subject / "M00" / series / folder / f"slice_{number:03d}.dcm"

    def image(self, series: str, name: str) -> Path:
        """A file beside the instances of the first patient."""
        return self.release / "P001" / "M00" / series / name

    def change(self, plant: Callable[[Dataset], object], path: Path | None = None) -> None:
        """Change the data set of an instance, and its checksum."""
        path = path or self.first
        header = pydicom.dcmread(path)
        plant(header)
        header.save_as(path, enforce_file_format=True)
        self.seal()

    def rewrite(self, path: Path, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of a file, and its checksum."""
        path.write_bytes(change(path.read_bytes()))
        self.seal()

    def seal(self) -> None:
        """Write the table of checksums anew."""
        names = [name for name in names_below(self.release) if name != "manifest.sha256"]
        lines = [f"{sha256_of(self.release / name)}  {name}\n" for name in names]
        (self.release / "manifest.sha256").write_text("".join(lines))

    def verify(self, *, with_source: bool = False, **options: Any) -> Report:
        """The report on the release."""
        if with_source:
            options |= {"vault": self.vault, "source": self.source}
        return verify(VerifyOptions(self.release, **options))

    def found(self, **options: Any) -> set[Row]:
        """Check and attribute of all findings."""
        findings = self.verify(**options).findings
        return {(finding.check, finding.attribute) for finding in findings}


def _source_header(subject: str, series: str, number: int) -> Dataset:
    name, patient_id, study = PATIENTS[subject]
    series_uid = f"{study}.{int(series[:3])}"
    header = mr_instance(
        PatientName=name,
        PatientID=patient_id,
        StudyInstanceUID=study,
        SeriesInstanceUID=series_uid,
        SOPInstanceUID=f"{series_uid}.{number}",
        FrameOfReferenceUID=f"{study}.9",
        SeriesNumber=int(series[:3]),
        InstanceNumber=number,
        ImagePositionPatient=["0", "0", str(number)],
        StudyDescription="Brain",
        SeriesDescription="T1 MPRAGE SAG",
        ImageType=["ORIGINAL", "PRIMARY", "M"],
        PatientAge="060Y",
    )
    reference = Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = f"{series_uid}.1"
    header.SourceImageSequence = [reference]
    header.PixelData = (np.arange(64, dtype="<u2") + 64 * number).tobytes()
    header["PixelData"].VR = "OW"
    return header


def _removed() -> np.ndarray[Any, Any]:
    """The mask of every plane: the two first rows."""
    mask = np.zeros((8, 8), bool)
    mask[:2] = True
    return mask


def _release_header(source: Dataset, subject: str, series: str, level: str) -> Dataset:
    name, patient_id, _ = PATIENTS[subject]
    pairs = (("name", name), ("id", patient_id))
    cleaner = anonymizer(
        level,
        pseudonym=subject,
        shift_days=SHIFT,
        scrubber=Scrubber.of(pairs),
        uids=UidMap(subject.encode() * 8),
    )
    header = cleaner.clean(source)
    pixels = np.frombuffer(source.PixelData, "<u2").reshape(8, 8).copy()
    if series == MASKED:
        mark_defaced(header, enhanced=False)
        pixels[_removed()] = 0
    header.PixelData = pixels.tobytes()
    header["PixelData"].VR = "OW"
    return header


def _write_nifti(path: Path, voxels: np.ndarray[Any, Any]) -> None:
    """Voxels (rows, columns, slices) as dcm2niix lays them: columns, rows upwards, slices."""
    turned = np.flip(voxels.transpose(1, 0, 2), axis=1)
    affine = np.array([[-1.0, 0, 0, 0], [0, 1, 0, -7], [0, 0, 1, 1], [0, 0, 0, 1]])
    content = nibabel.Nifti1Image(turned, affine).to_bytes()
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        packed.write(content)


def _write_series(mini: MiniRelease, subject: str, series: str, level: str) -> list[InstanceRow]:
    rows, planes = [], []
    for number in range(1, SLICES + 1):
        source = _source_header(subject, series, number)
        path = save(source, mini.source / subject / f"{series}-{number}.dcm")
        target = mini.instance(subject, series, number)
        header = _release_header(source, subject, series, level)
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        target.parent.mkdir(parents=True, exist_ok=True)
        header.save_as(target, enforce_file_format=True)
        planes.append(np.frombuffer(header.PixelData, "<i2").reshape(8, 8))
        rows.append(
            InstanceRow(
                source_path=str(path.relative_to(mini.source)),
                sop_uid=source.SOPInstanceUID,
                released_sop_uid=header.SOPInstanceUID,
                subject=subject,
                session="M00",
                series=series,
                released_path=str(target.relative_to(mini.release)),
                verdict="released",
            )
        )
    folder = target.parents[1]
    stem = "defaced" if series == MASKED else "image"
    _write_nifti(folder / f"{stem}.nii.gz", np.stack(planes, axis=-1))
    sidecar = {"Modality": "MR", "SeriesDescription": "T1 MPRAGE SAG", "EchoTime": 0.003}
    (folder / f"{stem}.json").write_text(json.dumps(sidecar))
    if series == MASKED:
        kept = np.repeat(~_removed()[..., None], SLICES, axis=-1).astype(np.uint8)
        _write_nifti(folder / "defaced_mask.nii.gz", kept)
    return rows


def _write_order(layout: Layout, mini: MiniRelease, subject: str, level: str) -> None:
    name, patient_id, _ = PATIENTS[subject]
    series = []
    for label in (MASKED, WHOLE) if level == "high" else (WHOLE,):
        paths = (f"{subject}/{label}-{number}.dcm" for number in range(1, SLICES + 1))
        files = tuple(FileOrder(path, "") for path in paths)
        series.append(SeriesOrder(label, "MR", False, True, files))
    session = SessionOrder("M00", "2022-05-10T23:50:00", tuple(series))
    order = WorkOrder(
        pseudonym=subject,
        source=str(mini.source),
        uid_key="",
        shift_days=SHIFT,
        identifiers=(("name", name), ("id", patient_id), ("birth", "19600412")),
        sessions=(session,),
    )
    layout.subject(subject).mkdir(parents=True)
    order.write(layout.order(subject))


def _write_masks(layout: Layout, subject: str) -> None:
    folder = layout.session_work(subject, "M00") / "masks"
    folder.mkdir(parents=True)
    packed = {f"slice_{number:03d}.dcm": np.packbits(_removed()) for number in range(1, SLICES + 1)}
    np.savez_compressed(folder / f"{MASKED}.npz", **packed)


def make_release(folder: Path, level: str) -> MiniRelease:
    """Make a release of two patients; at level high each has a series whose face was removed."""
    mini = MiniRelease(folder / "release", folder / "vault", folder / "source")
    layout = Layout(mini.release, mini.vault, "default", level)
    state = {MASKED: "defaced", WHOLE: "not a head" if level == "high" else "released"}
    rows: list[InstanceRow] = []
    for subject in PATIENTS:
        summary = []
        for series in (MASKED, WHOLE) if level == "high" else (WHOLE,):
            rows += _write_series(mini, subject, series, level)
            summary.append(
                {
                    "series": series,
                    "modality": "MR",
                    "state": state[series],
                    "instances": SLICES,
                    "incomplete": False,
                }
            )
        content = {"session": "M00", "series": summary}
        (mini.release / subject / "M00" / "session.json").write_text(json.dumps(content))
        _write_order(layout, mini, subject, level)
        if level == "high":
            _write_masks(layout, subject)
    write_dataset(
        layout, load_profile(level), "0" * 16, {"dcm2niix": "1.0.20260724"}, level == "high"
    )
    write_subjects(layout)
    (mini.release / "changes.tsv").write_text("subject\tsession\tversion\tseries\tchange\n")
    write_instances(layout.instances_table, rows, mini.release)
    mini.seal()
    return mini


@pytest.fixture(scope="session")
def clean_releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A clean release of each level, made once."""
    folders = {}
    for level in ("low", "high"):
        folders[level] = tmp_path_factory.mktemp(level)
        make_release(folders[level], level)
    return folders


def _copied(folder: Path, target: Path) -> MiniRelease:
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return MiniRelease(target / "release", target / "vault", target / "source")


@pytest.fixture
def low(clean_releases: dict[str, Path], tmp_path: Path) -> MiniRelease:
    """A clean release of level low, to plant a defect in."""
    return _copied(clean_releases["low"], tmp_path)


@pytest.fixture
def high(clean_releases: dict[str, Path], tmp_path: Path) -> MiniRelease:
    """A clean release of level high, to plant a defect in."""
    return _copied(clean_releases["high"], tmp_path)
