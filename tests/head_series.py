"""Series of heads and trunks as files, and what the step `deface` decides on a session of one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from deidflow.face.grids import shrink
from deidflow.face.volume import image_of
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.measures import Measures
from deidflow.settings.face import DefaceSettings, GateSettings, ScopeRule
from deidflow.steps.deface import deface_session
from deidflow.steps.results import ConvertResult, DefacePlan, Held
from tests.face.conftest import tomography
from tests.jobs import output, step_job
from tests.synthetic import mr_instance, save

CT = "1.2.840.10008.5.1.4.1.1.2"
TRUNK = {
    "BodyPartExamined": "CHEST",
    "SeriesDescription": "Thorax 3 mm",
    "StudyDescription": "",
    "ProtocolName": "",
}


def trunk() -> sitk.Image:
    """An elliptic trunk of 34 by 22 cm."""
    _, y, x = np.mgrid[:12, :70, :100]
    inside = ((x - 50) / 42) ** 2 + ((y - 35) / 27) ** 2 < 1
    return image_of(
        np.where(inside, 40.0, -1000.0).astype(np.float32),
        np.hstack([np.eye(3) * 4, np.zeros((3, 1))]),
    )


def coarse_head() -> sitk.Image:
    """A pseudo-CT of a head, 4 mm."""
    return shrink(tomography(), 4.0)


def write(folder: Path, name: str, volume: sitk.Image, **header: Any) -> SeriesOrder:
    """A CT series of a volume."""
    files = []
    values = (np.clip(sitk.GetArrayFromImage(volume), -1024, 3071) + 1024).astype("<u2")
    columns, rows, _ = volume.GetSpacing()
    for index, one in enumerate(values):
        place = [f"{value:.4f}" for value in volume.TransformIndexToPhysicalPoint((0, 0, index))]
        image = mr_instance(
            SOPClassUID=CT, Modality="CT", Rows=one.shape[0], Columns=one.shape[1], InstanceNumber=index + 1,
            SOPInstanceUID=f"1.2.{len(name)}.{index}", ImagePositionPatient=place, RescaleIntercept="-1024",
            RescaleSlope="1", PixelSpacing=[f"{rows}", f"{columns}"], ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            PixelData=one.tobytes(), **header,
        )  # fmt: skip
        path = save(image, folder / name / f"{index}.dcm")
        files.append(
            FileOrder(f"{name}/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest())
        )
    return SeriesOrder(name, "CT", False, False, tuple(files))


def outcome(
    folder: Path,
    template: Path,
    series: SeriesOrder,
    level: str = "high",
    *rules: ScopeRule,
    measures: Mapping[str, Measures] | None = None,
    gate: GateSettings | None = None,
) -> DefacePlan | Held:
    """What the step decides on a session of one series."""
    order = WorkOrder("P001", str(folder), "", 0, (), (SessionOrder("M00", "", (series,)),))
    job = step_job(
        folder,
        order,
        level=level,
        template=template,
        outputs={"convert": output(folder, ConvertResult({}))},
        measures=measures,
        deface=DefaceSettings(scope=rules, gate=gate or GateSettings()),
    )
    return deface_session(job).series[series.name]
