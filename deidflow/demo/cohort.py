"""The demo's cohort: three subjects, five sessions, and what goes wrong in real folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deidflow.demo.head import grid_affine, on_grid, warped_head, warped_tomography
from deidflow.demo.series import MadeUpPerson, Visit, write_screenshot, write_series

PEOPLE = (
    MadeUpPerson(
        "PLANTEDMUELLER^Gerlinde",
        "PLNT-880017",
        "19610412",
        "DOKTORPLANT^Ottilie",
        "PLANTED Hospital Eins",
    ),
    MadeUpPerson(
        "PLANTEDNOWAK^Zbigniew",
        "PLNT-880042",
        "19740923",
        "DOKTORPLANT^Ottilie",
        "PLANTED Hospital Eins",
    ),
    MadeUpPerson(
        "PLANTEDTANAKA^Mitsuko",
        "PLNT-880063",
        "19880105",
        "ARZTPLANT^Wendelin",
        "PLANTED Clinic Zwei",
    ),
)
_SAGITTAL = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True)
class Expected:
    """What must come out of the demo: files by verdict, series states by session count, planted values."""

    verdicts: dict[str, int]
    sessions: int
    states: dict[str, int]
    planted: tuple[str, ...]


def make_cohort(folder: Path) -> Expected:
    """Write the cohort below `folder`; names in folder names, shuffled files, a screenshot, a cut file."""
    first, second, third = PEOPLE
    released = 0
    for number, date in ((1, "20230316"), (2, "20230914")):
        visit = Visit(first, number, date)
        released += _sagittal(
            folder / "Mueller Gerlinde" / f"visit {date}", visit, seed=10 + number
        )
    released += _oblique_study(folder / "Nowak_Zbigniew_19740923", Visit(second, 1, "20220607"))
    visit = Visit(third, 1, "20240229")
    home = folder / "tanaka-mitsuko"
    released += _sagittal(home / "MR", visit, seed=31)
    released += _tomography(home / "CT", Visit(third, 2, "20240405"), seed=41)
    write_screenshot(home / "screenshot of Tanaka.dcm", visit, 9)
    _cut_file(home / "MR" / "IM00001", home / "cut.dcm")
    (home / "notes.txt").write_text("Mrs Tanaka called on Tuesday.\n")
    planted = tuple(sorted({value for person in PEOPLE for value in person.planted}))
    verdicts = {"released": released, "quarantined": 2, "skipped": 1}
    return Expected(verdicts, 5, {"defaced": 5, "no face in view": 1}, planted)


def _sagittal(folder: Path, visit: Visit, seed: int) -> int:
    size = (124, 120, 90)
    affine = grid_affine(*_SAGITTAL, (2.0, 2.0, 2.0), size, np.array([0.0, -10.0, -8.0]))
    return write_series(
        folder, visit, 2, "T1 MPRAGE sag", [on_grid(warped_head(seed), size, affine)]
    )


def _oblique_study(folder: Path, visit: Visit) -> int:
    """An oblique axial volume with shuffled names, and a 4-D slab above the eyes."""
    head = warped_head(21)
    angle = np.deg2rad(12.0)
    row, column = np.array([1.0, 0.0, 0.0]), np.array([0.0, np.cos(angle), np.sin(angle)])
    size = (100, 116, 76)
    affine = grid_affine(row, column, (1.9, 1.9, 2.6), size, np.array([0.0, 0.0, -4.0]))
    count = write_series(
        folder / "a", visit, 3, "T1 MPRAGE ax", [on_grid(head, size, affine)], shuffled=True
    )
    slab = (64, 64, 20)
    flat = grid_affine(
        np.array([1.0, 0, 0]),
        np.array([0, 1.0, 0]),
        (3.4, 3.4, 3.0),
        slab,
        np.array([0.0, 6.0, 74.0]),
    )
    volumes = [on_grid(head, slab, flat) for _ in range(3)]
    return count + write_series(folder / "b", visit, 4, "fMRI rest", volumes)


def _tomography(folder: Path, visit: Visit, seed: int) -> int:
    """A pseudo-CT with a headrest."""
    size = (100, 116, 84)
    affine = grid_affine(
        np.array([1.0, 0, 0]),
        np.array([0, 1.0, 0]),
        (2.0, 2.2, 2.5),
        size,
        np.array([0.0, 0, -4.0]),
    )
    volume = on_grid(warped_tomography(seed), size, affine, outside=-1000.0)
    return write_series(folder, visit, 5, "CT head", [volume], tomography=True)


def _cut_file(whole: Path, target: Path) -> None:
    content = whole.read_bytes()
    target.write_bytes(content[: len(content) * 2 // 3])
