"""The whole pipeline through the command line, on the demo's cohort; what came out is looked at
from outside."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from deidflow.demo.people import PEOPLE
from tests.commands import DemoRun, command_here, command_line
from tests.places import tree_digest

PLANTED = [value.lower().encode() for person in PEOPLE for value in person.planted]
NAMES_IN_FOLDERS = [b"gerlinde", b"zbigniew", b"mitsuko", b"mueller", b"nowak_", b"tanaka"]


def test_the_demo_says_that_all_came_out_as_planned(demo_run: DemoRun) -> None:
    assert demo_run.result.returncode == 0, demo_run.result.stdout + demo_run.result.stderr
    assert "All came out as planned" in demo_run.result.stdout
    assert "493 files found" in demo_run.result.stdout


def test_sessions_are_labelled_by_months(demo_run: DemoRun) -> None:
    sessions = sorted(f"{path.parent.name}/{path.name}" for path in demo_run.release.glob("P*/*"))
    assert Counter(name.split("/")[1] for name in sessions) == {"M00": 3, "M01": 1, "M06": 1}


def defaced_series(demo_run: DemoRun) -> list[Path]:
    return sorted(demo_run.release.glob("P*/M*/*-*"))


def test_each_series_has_dicom_nifti_mask_and_sidecar(demo_run: DemoRun) -> None:
    assert len(defaced_series(demo_run)) == 6
    for series in defaced_series(demo_run):
        names = {path.name for path in series.iterdir()}
        assert names == {"defaced_dicom", "defaced.nii.gz", "defaced_mask.nii.gz", "defaced.json"}
        slices = sorted(path.name for path in (series / "defaced_dicom").iterdir())
        assert slices == [f"slice_{number:03d}.dcm" for number in range(1, len(slices) + 1)]


def test_slices_are_in_spatial_order(demo_run: DemoRun) -> None:
    for series in defaced_series(demo_run):
        heights = []
        for path in sorted((series / "defaced_dicom").iterdir()):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            directions = np.array(header.ImageOrientationPatient, float)
            normal = np.cross(directions[:3], directions[3:])
            heights.append(float(np.array(header.ImagePositionPatient, float) @ normal))
        assert heights == sorted(heights)


def place(header: pydicom.Dataset) -> tuple[object, ...]:
    return (
        header.SeriesNumber,
        header.InstanceNumber,
        tuple(header.ImagePositionPatient),
        header.Rows,
    )


def test_every_stored_value_outside_the_mask_is_the_scanners(demo_run: DemoRun) -> None:
    """Matched by geometry and pixels, compared with the source; the mask is read from its NIfTI."""
    sources = [pydicom.dcmread(path) for path in demo_run.source.rglob("IM*")]
    for series in defaced_series(demo_run):
        mask = nibabel.load(series / "defaced_mask.nii.gz")
        kept, to_index = np.asarray(mask.dataobj), np.linalg.inv(mask.affine)
        assert set(np.unique(kept)) <= {0, 1}
        for path in sorted((series / "defaced_dicom").iterdir())[::7]:
            released = pydicom.dcmread(path)
            candidates = [one for one in sources if place(one) == place(released)]
            changed = min(
                (one.pixel_array != released.pixel_array for one in candidates),
                key=lambda one: one.sum(),
            )
            rows, columns = np.nonzero(changed)
            assert not kept_at(released, rows, columns, kept, to_index).any()


def kept_at(
    header: pydicom.Dataset,
    rows: np.ndarray,
    columns: np.ndarray,
    kept: np.ndarray,
    to_index: np.ndarray,
) -> np.ndarray:
    directions = np.array(header.ImageOrientationPatient, float)
    spacing = np.array(header.PixelSpacing, float)
    points = np.array(header.ImagePositionPatient, float) + np.outer(
        columns * spacing[1], directions[:3]
    )
    points = points + np.outer(rows * spacing[0], directions[3:])
    ras = np.c_[points * [-1, -1, 1], np.ones(len(points))]
    i, j, k = np.rint(ras @ to_index.T[:, :3]).astype(int).T
    values = kept[..., 0] if kept.ndim == 4 else kept
    return np.asarray(values[i, j, k])


def test_the_defaced_image_is_what_dcm2niix_makes_of_the_defaced_series(
    demo_run: DemoRun, tmp_path: Path
) -> None:
    import dcm2niix

    for series in defaced_series(demo_run):
        out = tmp_path / series.parent.parent.name / series.parent.name / series.name
        out.mkdir(parents=True)
        command = [dcm2niix.bin, "-z", "n", "-f", "x", "-o", out, series / "defaced_dicom"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        again, ours = nibabel.load(out / "x.nii"), nibabel.load(series / "defaced.nii.gz")
        assert np.array_equal(np.asarray(again.dataobj), np.asarray(ours.dataobj))
        assert np.array_equal(again.affine, ours.affine)
        assert again.get_data_dtype() == ours.get_data_dtype()


def test_headers_are_deidentified_and_marked(demo_run: DemoRun) -> None:
    for series in defaced_series(demo_run):
        header = pydicom.dcmread(next(iter((series / "defaced_dicom").iterdir())))
        assert header.PatientID == series.parent.parent.name
        assert (header.PatientIdentityRemoved, header.RecognizableVisualFeatures) == ("YES", "NO")
        assert (header.StudyDate, header.StudyTime) == ("19000101", "000000")
        assert header.PatientWeight == 70
        assert not any(tag.is_private for tag in header.keys())


def everything_outside_the_vault(demo_run: DemoRun) -> dict[str, bytes]:
    content = tree_digest(demo_run.release)
    content["console"] = (demo_run.result.stdout + demo_run.result.stderr).encode()
    return content | {
        f"prefect/{name}": data for name, data in tree_digest(demo_run.vault / "prefect").items()
    }


def test_no_planted_identifier_in_release_console_or_prefect(demo_run: DemoRun) -> None:
    for name, content in everything_outside_the_vault(demo_run).items():
        opened = gzip.decompress(content) if name.endswith(".gz") else content
        lowered = opened.lower() + name.lower().encode()
        for planted in [*PLANTED, *NAMES_IN_FOLDERS]:
            assert planted not in lowered, f"{planted!r} in {name}"


def asked(demo_run: DemoRun, question: str) -> list[tuple[str, ...]]:
    """Rows of Prefect's database."""
    with closing(sqlite3.connect(demo_run.vault / "prefect" / "prefect.db")) as database:
        return database.execute(question).fetchall()


def test_prefect_shows_one_task_a_subject_and_the_steps_inside_it(demo_run: DemoRun) -> None:
    rows = dict(asked(demo_run, "SELECT name, state_name FROM task_run"))
    steps = ["anonymize", "convert", "deface", "reconstruct", "verify", "publish"]
    labels = [(path.parent.name, path.name) for path in demo_run.release.glob("P*/M*")]
    expected = {f"{step} {pseudonym} {label}" for step in steps for pseudonym, label in labels}
    assert set(rows) == expected | {"P001", "P002", "P003", "discover", "report"}
    assert set(rows.values()) == {"Completed"}
    assert [
        set(json.loads(row[0])) for row in asked(demo_run, "SELECT parameters FROM flow_run")
    ] == [{"run_id"}]
    assert asked(demo_run, "SELECT state_name FROM flow_run") == [("Quarantined",)]


def test_the_quarantine_table_names_source_and_reason(demo_run: DemoRun) -> None:
    with (demo_run.vault / "quarantine" / "report.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    found = {Path(row["source_path"]).name: (row["verdict"], row["reason"]) for row in rows}
    assert found == {
        "screenshot of Tanaka.dcm": ("quarantined", "may-carry-text"),
        "cut.dcm": ("quarantined", "truncated"),
        "notes.txt": ("skipped", "not-dicom"),
    }


def test_the_vault_is_private(demo_run: DemoRun) -> None:
    passing = ("-shm", "-wal")
    for path in [
        demo_run.vault,
        *(path for path in demo_run.vault.rglob("*") if not path.name.endswith(passing)),
    ]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert not any(path.stat().st_mode & 0o044 != 0o044 for path in demo_run.release.rglob("*"))


def test_checksums_fit_and_tables_add_up(demo_run: DemoRun) -> None:
    checked = subprocess.run(
        ["sha256sum", "-c", "--quiet", "manifest.sha256"],
        cwd=demo_run.release,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    listed = {
        line.split("  ")[1]
        for line in (demo_run.release / "manifest.sha256").read_text().splitlines()
    }
    assert listed == set(tree_digest(demo_run.release)) - {"manifest.sha256"}
    rows = list(csv.DictReader((demo_run.release / "subjects.tsv").open(), delimiter="\t"))
    assert sum(int(row["instances"]) for row in rows) == 490


def test_status_says_done_without_prefect(demo_run: DemoRun) -> None:
    result = command_here("status", demo_run.release, "--vault", demo_run.vault, "--json")
    found = json.loads(result.stdout)
    assert not found["running"]
    assert len(found["sessions"]) == 5
    for row in found["sessions"]:
        assert row["steps"].pop("inspect") == "-"
        assert set(row["steps"].values()) == {"done"}
    assert sum(row["written"] for row in found["sessions"]) == 490


@pytest.mark.slow
def test_a_second_run_computes_nothing_and_changes_nothing(
    demo_run: DemoRun, tmp_path: Path
) -> None:
    before = tree_digest(demo_run.release)
    work = {
        path: path.stat().st_mtime_ns for path in (demo_run.vault / "work").rglob("records/*.json")
    }
    result = command_line(
        "run",
        demo_run.source,
        demo_run.release,
        "--vault",
        demo_run.vault,
        "--log",
        tmp_path / "log",
        PREFECT_HOME="",
    )
    assert result.returncode == 4, result.stderr
    assert "cached, nothing to do" in result.stderr
    assert "completed" not in result.stderr.replace("discover", "")
    assert tree_digest(demo_run.release) == before
    assert {
        path: path.stat().st_mtime_ns for path in (demo_run.vault / "work").rglob("records/*.json")
    } == work
    assert "P001: cached" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_redo_of_one_step_for_one_subject(demo_run: DemoRun) -> None:
    before = tree_digest(demo_run.release)
    result = command_line(
        "run",
        demo_run.source,
        demo_run.release,
        "--vault",
        demo_run.vault,
        "--redo",
        "verify",
        "--subjects",
        "P002",
    )
    assert result.returncode == 4, result.stderr
    assert "P002 M00 verify: completed" in result.stderr
    assert "P002 M00 reconstruct: cached" in result.stderr
    assert "P001" not in result.stderr
    assert tree_digest(demo_run.release) == before


def test_a_ui_without_a_history_says_so(tmp_path: Path) -> None:
    result = command_here("ui", "--vault", tmp_path)
    assert (result.returncode, "no history" in result.stderr) == (2, True)
