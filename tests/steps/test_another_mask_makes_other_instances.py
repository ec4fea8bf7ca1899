"""Series that were published with another mask get new instance UIDs, and references to them
follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.states import SeriesState
from deidflow.steps.results import DefacePlan, DefaceResult, Held, MaskFields
from deidflow.steps.revisions import new_uids, own_revisions, renumber, write_revisions
from deidflow.verdicts import Reason
from tests.jobs import output, step_job
from tests.synthetic import mr_instance, save

UIDS = UidMap(b"k" * 32)


def mask(shift: float, margin: float) -> MaskFields:
    """Where the fields of a mask are; the head moves with `shift`."""
    affine = [[1.0, 0.0, 0.0, shift]]
    return MaskFields("brain.npz", "", "", affine, affine, margin, 5.0)


def revisions(root: Path, shift: float, *, template: str = "t", fill: float | None = None) -> Any:
    """The revisions of two masked series; a third one is held."""
    series = {
        "001-MR": DefacePlan(SeriesState.DEFACED, "own", mask(shift, 0.0)),
        "002-MR": DefacePlan(SeriesState.DEFACED, "own", mask(shift, 4.0)),
        "003-MR": Held(Reason.NOT_CARRIED),
    }
    deface = output(root, DefaceResult(None, (), series))
    order = WorkOrder("P001", "", "", 0, (), (SessionOrder("M00", "", ()),))
    job = step_job(
        root,
        order,
        template=Path(template),
        outputs={"deface": deface},
        deface=DefaceSettings(fill=fill),
    )
    return own_revisions(job), job.layout.revisions("P001", "M00")


def numbers(root: Path, shift: float, **changes: Any) -> list[int]:
    """The revision of each masked series."""
    rows, _ = revisions(root, shift, **changes)
    return [row.revision for row in rows.values()]


def test_the_revision_counts_other_masks_only(tmp_path: Path) -> None:
    first, published = revisions(tmp_path, 0)
    assert {name: row.revision for name, row in first.items()} == {"001-MR": 0, "002-MR": 0}

    write_revisions(published, first)
    assert revisions(tmp_path, 0)[0] == first
    assert numbers(tmp_path, 1) == [1, 1]
    assert numbers(tmp_path, 0, template="with ears") == [1, 1]
    assert numbers(tmp_path, 0, fill=5.0) == [1, 1]


def test_references_follow(tmp_path: Path) -> None:
    header = mr_instance(SOPInstanceUID=UIDS("1.2.3"))
    save(header, tmp_path / "001-MR" / "000001.dcm")
    changed = new_uids({"M00": {"001-MR": 1}}, {"M00": tmp_path}, UIDS)
    assert list(changed) == [UIDS("1.2.3")] and changed[UIDS("1.2.3")].startswith("2.25.")
    item = Dataset()
    item.ReferencedSOPInstanceUID = UIDS("1.2.3")
    other = mr_instance(SOPInstanceUID="2.25.7", ReferencedImageSequence=[item])
    renumber(other, changed)
    assert other.ReferencedImageSequence[0].ReferencedSOPInstanceUID == changed[UIDS("1.2.3")]
    assert other.SOPInstanceUID == "2.25.7"
    assert new_uids({"M00": {"001-MR": 2}}, {"M00": tmp_path}, UIDS) != changed
