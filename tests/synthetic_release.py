"""A small finished release with its vault, as a run leaves them: two subjects, three series."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from deidflow.header.load_profile import load_profile
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.dataset import write_dataset
from deidflow.release.layout import Layout
from deidflow.release.tables import (
    FileRow,
    quarantine_lines,
    quarantine_table,
    write_checksums,
    write_subjects,
)
from deidflow.store.files import Manifest, write_bytes_atomic, write_json_atomic
from deidflow.store.record import SCHEMA, Record, StepStore

PATIENT = "Okonkwo^Adaeze"
SOURCE_PATH = "okonkwo_adaeze_1973/visit/IM0001.dcm"
SECRET = b"0123456789abcdef0123456789abcdef"
GOOD_FIGURES = {
    "agreement_mm": 1.598,
    "contrast": 2.1908,
    "head_in_template": 0.996,
    "face_changed": 0.9454,
    "front_pixels": 513.0,
    "own_brain_ml": 1147.76,
    "volume_scale": 1.0959,
}
REFUSED_FIGURES = {**GOOD_FIGURES, "agreement_mm": 24.25}


@dataclass(frozen=True)
class MadeRelease:
    """Where the release and its vault are."""

    layout: Layout

    @property
    def arguments(self) -> tuple[str, ...]:
        """Release and vault, as commands take them."""
        return str(self.layout.release), "--vault", str(self.layout.vault)


def make_release(folder: Path) -> MadeRelease:
    """A release at level high: P001 with a masked and a failed series, P002 in quarantine."""
    layout = Layout(folder / "release", folder / "vault", "default", "high")
    layout.release.mkdir()
    layout.vault.mkdir(mode=0o700)
    (layout.vault / "secret.key").write_bytes(SECRET)
    (layout.vault / "secret.key").chmod(0o600)
    secret = load_secret(layout.vault, create=False)
    Vault(layout.vault, Keys(secret, "default", "high")).close()

    _subject(layout, "P001", {"001-MR": "defaced", "002-MR": "defaced"})
    _subject(layout, "P002", {"001-CT": "quarantined"})
    _summary(layout)
    _top_files(layout)
    return MadeRelease(layout)


def _subject(layout: Layout, pseudonym: str, states: dict[str, str]) -> None:
    series = []
    for name in states:
        files = (FileOrder(SOURCE_PATH, hashlib.sha256(name.encode()).hexdigest()),)
        series.append(SeriesOrder(name, name[4:], False, False, files))
    session_order = SessionOrder("M00", "", tuple(series))
    order = WorkOrder(pseudonym, "", "", 0, (), (session_order,))
    order.write(layout.order(pseudonym))
    rows = {}
    fates: dict[str, Any] = {}
    refused = []
    for name, state in states.items():
        is_held = state == "quarantined"
        rows[name] = {
            "instances": 4,
            "reason": "gate-agreement" if is_held else None,
            "state": state,
            "step": "deface" if is_held else "publish",
            "verdict": "quarantined" if is_held else "released",
        }
        fates[name] = _fate(state)
        if is_held:
            refused.append({"series": name, "figures": REFUSED_FIGURES, "reason": "gate-agreement"})
        _images(layout, pseudonym, name, masked=not is_held, fails=name == "002-MR")
    session = {"series": rows, "failed": "", "findings": [], "doubtful": {}, "contacts": []}
    outcome = {"outcome_schema": 1, "sessions": {"M00": session}}
    write_json_atomic(layout.outcome(pseudonym), outcome)

    work = layout.session_work(pseudonym, "M00")
    store = StepStore(work)
    _record(store, "deface", Manifest(()), {"series": fates, "refused": refused})
    published = layout.published(pseudonym, "M00")
    if published.exists():
        summary = [{"series": name, "state": state, "instances": 4, "modality": name[4:]}
                   for name, state in states.items()]  # fmt: skip
        write_json_atomic(published / "session.json", {"session": "M00", "series": summary}, 0o644)
        _record(store, "reconstruct", Manifest.scan(published), {"series": rows})


def _record(store: StepStore, step: str, manifest: Manifest, result: dict[str, Any]) -> None:
    record = Record(record_schema=SCHEMA, key="key", outputs=manifest.outputs, result=result)
    write_json_atomic(store.record_path(step), record.model_dump(mode="json"))


def _fate(state: str) -> dict[str, Any]:
    if state == "quarantined":
        return {"state": state, "reason": "gate-agreement", "detail": "agreement_mm"}
    return {
        "state": state,
        "how": "reference",
        "figures": GOOD_FIGURES,
        "mask": {"margin_mm": 2.0},
    }


def _images(layout: Layout, pseudonym: str, name: str, *, masked: bool, fails: bool) -> None:
    """A head with a nose; where masking fails, the released image is the source's."""
    head, face = made_head()
    converted = layout.session_work(pseudonym, "M00") / "convert" / name
    converted.mkdir(parents=True)
    save_image(head, converted / "image.nii.gz")
    if not masked:
        return
    folder = layout.published(pseudonym, "M00") / name
    folder.mkdir(parents=True)
    released = head if fails else np.where(face, 0, head)
    save_image(released.astype(np.int16), folder / "defaced.nii.gz")
    save_image((~face).astype(np.uint8), folder / "defaced_mask.nii.gz")


def made_head() -> tuple[np.ndarray, np.ndarray]:
    """Values and face region (x, y, z) in RAS of an ellipsoid head with a nose, 4 mm voxels."""
    x, y, z = np.mgrid[-28:28, -30:34, -30:30].astype(float)
    skull = (x / 18) ** 2 + (y / 23) ** 2 + (z / 26) ** 2 < 1
    nose = (abs(x) < 4) & (y > 15) & (y < 29) & (z > -10) & (z < 2)
    head = np.where(skull | nose, 400, 0)
    head = np.where((x / 14) ** 2 + (y / 18) ** 2 + (z / 20) ** 2 < 1, 600, head)
    face = (y > 12) & (z < 4)
    return head.astype(np.int16), face


def save_image(values: np.ndarray, path: Path) -> None:
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-112, -120, -120)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def _summary(layout: Layout) -> None:
    verdicts = {
        "released": 8,
        "duplicate": 1,
        "skipped": 2,
        "excluded": 0,
        "quarantined": 4,
        "failed": 0,
    }
    reasons = [
        ["duplicate", "identical-copy", 1],
        ["quarantined", "gate-agreement", 4],
        ["skipped", "not-dicom", 2],
    ]
    summary = {"files": 15, "verdicts": verdicts, "reasons": reasons, "absent": 0, "gone": 0}
    write_json_atomic(layout.summary, summary)


def _top_files(layout: Layout) -> None:
    write_dataset(layout, load_profile("high"), "0123456789abcdef", {"dcm2niix": "1.0"}, True)
    write_subjects(layout)
    write_bytes_atomic(layout.release / "changes.tsv", b"subject\n", 0o644)
    manifest = Manifest.scan(layout.published("P001", "M00"))
    write_checksums(layout, {("P001", "M00"): manifest})
    rows = []
    for number in range(4):
        path = SOURCE_PATH.replace("0001", f"000{number}")
        words = "the two registrations do not agree"
        rows.append(
            FileRow(path, "P002", "M00", "001-CT", "quarantined", "deface", "gate-agreement", words)
        )
    rows.append(
        FileRow("notes.txt", "", "", "", "skipped", "discover", "not-dicom", "not a DICOM file")
    )
    with quarantine_table(layout.own_quarantine_table) as table:
        table.write(quarantine_lines(rows))
