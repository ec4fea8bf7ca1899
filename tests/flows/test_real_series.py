"""Real series of several vendors, where they are: defaced at high, bit-identical outside the mask."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pytest

from deidflow.run.outcome import read_outcome
from tests.commands import command_here
from tests.places import REAL_DATA, give_template

pytestmark = [pytest.mark.realdata, pytest.mark.usefixtures("one_server")]
SETS = ["mr_siemens_xa30_study", "ct_ge_head_tilt_vargap", "ct_philips_chest"]
SETS += ["us_burnedin", "sc_cookies", "ct_philips_dose_sc"]
LONG = (
    [
        "mr_siemens_mosaic",
        "mr_uih_t1_sag_j2k",
        "mr_uih_dti_grid",
        "mr_ge_melon_deidentified",
    ]
    if os.environ.get("DEIDFLOW_TEST_ALL")
    else []
)


@pytest.fixture(scope="module")
def released(
    one_server: None, tmp_path_factory: pytest.TempPathFactory, template_file: Path
) -> Path:
    root = tmp_path_factory.mktemp("real")
    (root / "source").mkdir()
    for name in SETS + LONG:
        (root / "source" / name).symlink_to(REAL_DATA / name)
    shutil.copytree(root / "source", root / "copy")
    (root / "vault").mkdir(mode=0o700)
    give_template(root / "vault", template_file)
    result = command_here("run", root / "copy", root / "release", "--vault", root / "vault")
    assert result.returncode == 4, result.stdout + result.stderr
    return root


def outcomes(root: Path) -> dict[str, str]:
    """Series with the number of its instances -> state, over all subjects."""
    found = {}
    for path in (root / "vault" / "work" / "default-high").glob("P*/outcome.json"):
        for session in read_outcome(path).values():
            found |= {
                f"{name} {row.instances}": str(row.state) for name, row in session.series.items()
            }
    return found


def test_each_series_has_its_outcome(released: Path) -> None:
    found = outcomes(released)
    assert {
        found[name] for name in ("005-MR 1", "007-MR 4", "008-MR 2", "009-MR 1", "014-MR 1")
    } == {"defaced"}
    assert found["002-CT 28"] == "defaced"
    assert found["30026-CT 14"] == "not a head"
    if LONG:
        assert {found[name] for name in ("003-MR 2", "004-MR 2")} == {"quarantined"}
        assert found["002-MR 160"] == "defaced"
        assert found["006-MR 17"] == "no face in view"
        assert found["010-MR 25"] == "quarantined"
    table = (released / "vault" / "quarantine" / "report.csv").read_text()
    for name in ("us_burnedin", "sc_cookies", "ct_philips_dose_sc"):
        assert name in table


def test_released_dicom_converts_to_the_released_nifti(released: Path, tmp_path: Path) -> None:
    """Stored values and affine in world orientation, and the number of images, whatever their
    names."""
    import dcm2niix

    compared = 0
    for series in sorted((released / "release").glob("P*/M*/*")):
        if not series.is_dir():
            continue
        out = tmp_path / series.parent.parent.name / series.name
        out.mkdir(parents=True)
        dicom, stem = series / "defaced_dicom", "defaced"
        if not dicom.is_dir():
            dicom, stem = series / "dicom", "image"
        command = [dcm2niix.bin, "-z", "n", "-f", "x", "-o", out, dicom]
        subprocess.run(list(map(str, command)), capture_output=True, check=True)
        compared += 1
        ours = {
            path.name: by_content(path)
            for path in series.glob(f"{stem}*.nii.gz")
            if "mask" not in path.name
        }
        again = [
            by_content(path)
            for path in out.glob("*.nii")
            if "_Eq" not in path.name and "_Tilt" not in path.name
        ]
        assert sorted(ours.values()) == sorted(again), series.name
    assert compared >= 7


def by_content(path: Path) -> tuple[str, ...]:
    image = nibabel.as_closest_canonical(nibabel.load(path))
    values = np.asarray(
        image.dataobj.get_unscaled() if hasattr(image.dataobj, "get_unscaled") else image.dataobj
    )
    return (
        hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest(),
        str(np.round(image.affine, 3).tolist()),
    )
