"""The demo's cohort: three subjects, five sessions, and what goes wrong in real folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deidflow.demo.head import grid_affine, on_grid, warped_head, warped_tomography
from deidflow.demo.people import PEOPLE, Visit
from deidflow.demo.series import write_screenshot, write_series
from deidflow.face.affine import Array

_X = np.array([1.0, 0.0, 0.0])
_Y = np.array([0.0, 1.0, 0.0])
_DOWN = np.array([0.0, 0.0, -1.0])
_OBLIQUE_DEGREES = 12.0


@dataclass(frozen=True)
class Expected:
    """What must come out of the demo: files by verdict, series by state, planted values."""

    verdicts: dict[str, int]
    sessions: int
    states: dict[str, int]
    planted: tuple[str, ...]


def make_cohort(folder: Path) -> Expected:
    """Write the cohort below `folder`.

    It has names in folder names, shuffled files, a screenshot and a cut file.
    """
    mueller, nowak, tanaka = PEOPLE
    first_visit = Visit(mueller, 1, "20230316")
    second_visit = Visit(mueller, 2, "20230914")
    nowak_visit = Visit(nowak, 1, "20220607")
    mr_visit = Visit(tanaka, 1, "20240229")
    ct_visit = Visit(tanaka, 2, "20240405")

    home = folder / "Mueller Gerlinde"
    released = _sagittal(
        home / "visit 20230316",
        first_visit,
        seed=11,
    )
    released += _sagittal(
        home / "visit 20230914",
        second_visit,
        seed=12,
    )
    released += _oblique_study(
        folder / "Nowak_Zbigniew_19740923",
        nowak_visit,
    )

    home = folder / "tanaka-mitsuko"
    released += _sagittal(home / "MR", mr_visit, seed=31)
    released += _tomography(
        home / "CT",
        ct_visit,
        seed=41,
    )
    write_screenshot(
        home / "screenshot of Tanaka.dcm",
        mr_visit,
        9,
    )
    _cut_file(
        home / "MR" / "IM00001",
        home / "cut.dcm",
    )
    notes = home / "notes.txt"
    notes.write_text("Mrs Tanaka called on Tuesday.\n")
    return _expected(released)


def _expected(released: int) -> Expected:
    planted: set[str] = set()
    for person in PEOPLE:
        planted.update(person.planted)
    return Expected(
        verdicts={
            "released": released,
            "quarantined": 2,
            "skipped": 1,
        },
        sessions=5,
        states={
            "defaced": 5,
            "no face in view": 1,
        },
        planted=tuple(sorted(planted)),
    )


def _sagittal(folder: Path, visit: Visit, seed: int) -> int:
    size = (124, 120, 90)
    affine = grid_affine(
        row=_Y,
        column=_DOWN,
        spacing=(2.0, 2.0, 2.0),
        size=size,
        centre=_point(y=-10.0, z=-8.0),
    )

    volume = on_grid(warped_head(seed), size, affine)
    return write_series(
        folder=folder,
        visit=visit,
        number=2,
        description="T1 MPRAGE sag",
        volumes=[volume],
    )


def _oblique_study(folder: Path, visit: Visit) -> int:
    """An oblique axial volume with shuffled names, and a 4-D slab above the eyes."""
    head = warped_head(21)
    angle = np.deg2rad(_OBLIQUE_DEGREES)
    size = (100, 116, 76)
    affine = grid_affine(
        row=_X,
        column=np.array([0.0, np.cos(angle), np.sin(angle)]),
        spacing=(1.9, 1.9, 2.6),
        size=size,
        centre=_point(z=-4.0),
    )
    count = write_series(
        folder=folder / "a",
        visit=visit,
        number=3,
        description="T1 MPRAGE ax",
        volumes=[on_grid(head, size, affine)],
        shuffled=True,
    )

    slab = (64, 64, 20)
    slab_affine = grid_affine(
        row=_X,
        column=_Y,
        spacing=(3.4, 3.4, 3.0),
        size=slab,
        centre=_point(y=6.0, z=74.0),
    )
    volumes = [on_grid(head, slab, slab_affine) for _ in range(3)]
    return count + write_series(
        folder=folder / "b",
        visit=visit,
        number=4,
        description="fMRI rest",
        volumes=volumes,
    )


def _tomography(folder: Path, visit: Visit, seed: int) -> int:
    """A pseudo-CT with a headrest."""
    size = (100, 116, 84)
    affine = grid_affine(
        row=_X,
        column=_Y,
        spacing=(2.0, 2.2, 2.5),
        size=size,
        centre=_point(z=-4.0),
    )

    volume = on_grid(
        warped_tomography(seed),
        size=size,
        affine=affine,
        outside=-1000.0,
    )
    return write_series(
        folder=folder,
        visit=visit,
        number=5,
        description="CT head",
        volumes=[volume],
        tomography=True,
    )


def _point(*, y: float = 0.0, z: float = 0.0) -> Array:
    """A point of the middle plane, in LPS mm."""
    return np.array([0.0, y, z])


def _cut_file(whole: Path, target: Path) -> None:
    """Two thirds of a file."""
    content = whole.read_bytes()
    size = len(content) * 2 // 3
    target.write_bytes(content[:size])
