"""Series that were published with another mask get new instance UIDs, and references to them follow."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from deidflow.header.uids import UidMap
from deidflow.steps.revisions import mask_keys, new_uids, renumber, revised
from deidflow.store.files import write_json_atomic
from tests.conftest import mr_instance, save

UIDS = UidMap(b"k" * 32)


def outcome(shift: float) -> dict[str, object]:
    """What the step `deface` found: two masked series and one that is held."""
    series = {
        name: {"state": "defaced", "mask": {"face_affine": [[1, 0, 0, shift]], "margin_mm": margin}}
        for name, margin in (("001-MR", 0.0), ("002-MR", 4.0))
    }
    return {"series": {**series, "003-MR": {"state": "quarantined"}}}


def test_the_revision_counts_other_masks_only(tmp_path: Path) -> None:
    published = tmp_path / "published.json"
    first = revised(mask_keys(outcome(0), "t", None), published)
    assert {name: row["revision"] for name, row in first.items()} == {"001-MR": 0, "002-MR": 0}
    write_json_atomic(published, first)
    assert revised(mask_keys(outcome(0), "t", None), published) == first
    second = revised(mask_keys(outcome(1), "t", None), published)
    assert {row["revision"] for row in second.values()} == {1}
    assert {
        row["revision"]
        for row in revised(mask_keys(outcome(0), "with ears", None), published).values()
    } == {1}
    assert {
        row["revision"] for row in revised(mask_keys(outcome(0), "t", 5.0), published).values()
    } == {1}


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
