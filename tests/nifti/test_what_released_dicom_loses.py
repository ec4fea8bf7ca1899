"""The table in docs/outputs.md is what converting the released DICOM again loses."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest

from deidflow.header.text import Scrubber
from deidflow.nifti.sidecar import rebuild
from tests.commands import command_here
from tests.places import REAL_DATA

SETS = [
    "mr_philips_study/1901_pcasl",
    "mr_philips_study/2101_fmri_2vol",
    "mr_uih_dti_grid",
    "mr_siemens_xa30_study",
]
SETS += ["mr_siemens_mosaic", "mr_ge_epi"]
Lost = dict[str, set[str]]


def documented() -> Lost:
    """Manufacturer -> fields, from the table."""
    text = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text("utf-8")
    rows = [
        line.split("|")[1:3]
        for line in text.split("| Manufacturer |")[1].splitlines()
        if line.startswith("| ")
    ]
    return {name.strip(): {field.strip() for field in fields.split(",")} for name, fields in rows}


@pytest.mark.realdata
def test_the_table_of_what_is_lost_is_true(tmp_path: Path) -> None:
    lost: Lost = {}
    for number, name in enumerate(SETS):
        source, released = tmp_path / "source" / str(number), tmp_path / "released" / str(number)
        shutil.copytree(REAL_DATA / name, source)
        result = command_here(
            "anonymize",
            source,
            released,
            "--level",
            "low",
        )
        assert result.returncode in (0, 4), result.stderr
        before, after = (
            images_of(folder, tmp_path / "nifti" / folder.parent.name)
            for folder in (source, released)
        )
        lost.setdefault(maker_of(source), set()).update(fields(before) - fields(after))
        assert len(list(before.rglob("*.bv*"))) == len(list(after.rglob("*.bv*")))
        assert voxels(before) == voxels(after)

    assert lost == documented()


def images_of(folder: Path, out: Path) -> Path:
    out = out / folder.name
    out.mkdir(parents=True)
    command = [
        dcm2niix.bin_path,
        "-z",
        "n",
        "-ba",
        "y",
        "-x",
        "i",
        "-f",
        "%s_%t",
        "-o",
        str(out),
        str(folder),
    ]
    subprocess.run(
        command,
        capture_output=True,
        check=False,
    )

    return out


def maker_of(folder: Path) -> str:
    paths = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.read_bytes()[128:132] == b"DICM"
    ]
    return str(pydicom.dcmread(paths[0], stop_before_pixels=True).Manufacturer).split()[0].upper()


def fields(folder: Path) -> set[str]:
    """Fields that a sidecar of ours keeps."""
    kept = (
        json.loads(
            rebuild(
                path,
                Scrubber.of([]),
                {},
            )
        )
        for path in folder.glob("*.json")
    )
    return {name for sidecar in kept for name in sidecar}


def voxels(folder: Path) -> list[tuple[float, ...]]:
    """Size, sum of real values and origin of every image, whatever its orientation."""
    found = []
    for path in folder.glob("*.nii"):
        image = nibabel.as_closest_canonical(nibabel.load(path))
        values = np.asanyarray(image.dataobj)
        if values.dtype.names:
            values = values[values.dtype.names[0]]
        total = float(values.sum(dtype=np.float64))
        found.append((values.size, round(total, 3), *np.round(image.affine[:3, 3], 2).tolist()))
    return sorted(found)
