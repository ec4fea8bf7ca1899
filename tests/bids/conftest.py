"""A small release as a run leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

SIDECARS: dict[str, dict[str, Any]] = {
    "P001/M00/002-MR/defaced": {"SeriesDescription": "MPRAGE sag"},
    "P001/M00/003-MR/defaced": {"SeriesDescription": "MPRAGE sag"},
    "P001/M00/004-MR/defaced": {"SeriesDescription": "T2 FLAIR tra"},
    "P001/M00/005-MR/defaced_e1": {"SeriesDescription": "func task rest", "EchoTime": 0.012},
    "P001/M00/005-MR/defaced_e2": {"SeriesDescription": "func task rest", "EchoTime": 0.03},
    "P001/M00/006-MR/defaced_e1": {"SeriesDescription": "gre field mapping"},
    "P001/M00/006-MR/defaced_e2": {"SeriesDescription": "gre field mapping"},
    "P001/M00/007-MR/defaced_e2_ph": {
        "SeriesDescription": "gre field mapping",
        "ImageType": ["ORIGINAL", "PRIMARY", "P"],
        "EchoTime1": 0.00492,
        "EchoTime2": 0.00738,
    },
    "P001/M00/008-MR/defaced": {"SeriesDescription": "dti 64"},
    "P001/M00/009-MR/defaced": {"SeriesDescription": "strange thing"},
    "P001/M00/010-MR/defaced": {"SeriesDescription": "AAHead Scout"},
    "P001/M06/001-CT/image": {"Modality": "CT"},
    "P_002/M00/001-PT/image": {"Modality": "PT"},
    "P_002/M00/002-MR/image": {
        "SeriesDescription": "odd words",
        "BidsGuess": ["anat", "_acq-tfl3_run-4_T1w"],
    },
}


def write_image(
    stem: Path, sidecar: dict[str, Any], volumes: int = 1, volume_time: float = 2.0
) -> None:
    """A NIfTI image with its sidecar, and the DICOM folder beside it."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    shape = (4, 4, 4, volumes) if volumes > 1 else (4, 4, 4)
    image = nibabel.Nifti1Image(np.zeros(shape, "<i2"), np.diag((-1.0, 1.0, 1.0, 1.0)))
    image.header.set_xyzt_units("mm", "sec")
    if volumes > 1:
        image.header.set_zooms((1.0, 1.0, 1.0, volume_time))
    nibabel.save(image, f"{stem}.nii.gz")
    if stem.name.startswith("defaced"):
        output = stem.name.removeprefix("defaced")
        nibabel.save(image, stem.with_name(f"defaced_mask{output}.nii.gz"))
    method = {"DeidentificationMethod": "deidflow, profile high"}
    content = {"Modality": "MR", "RepetitionTime": 2.0, **method, **sidecar}
    stem.with_name(f"{stem.name}.json").write_text(json.dumps(content))
    dicom = stem.parent / ("defaced_dicom" if stem.name.startswith("defaced") else "dicom")
    dicom.mkdir(exist_ok=True)
    (dicom / "slice_001.dcm").write_bytes(b"dicom")


def write_top_file(release: Path) -> None:
    """What a run says of its release."""
    description = {"name": "deidflow release", "project": "default", "level": "high"}
    (release / "dataset.json").write_text(json.dumps(description | {"faces": "removed"}))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release of two subjects."""
    root = tmp_path / "release"
    for place, sidecar in SIDECARS.items():
        is_series = "rest" in str(sidecar) or "dti" in str(sidecar)
        write_image(root / place, sidecar, volumes=3 if is_series else 1)
    gradients = root / "P001/M00/008-MR"
    (gradients / "defaced.bval").write_text("0 1000 1000\n")
    (gradients / "defaced.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    write_top_file(root)
    return root
