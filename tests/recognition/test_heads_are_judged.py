"""Heads are judged before and after their face is cut off, by the software of the extra `faces`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import average_head
from deidflow.recognition import software
from deidflow.recognition.cohort import Control, HeadPair, bent_copy, with_control
from deidflow.recognition.matching import Portraits, match_after, match_before
from deidflow.recognition.tissue import changed_voxels
from deidflow.recognition.volumes import HeadVolume, NotAVolume, binned, read_volume

RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def head() -> HeadVolume:
    """The average head, x to the left, y to the back, z up."""
    image = average_head()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    return binned(HeadVolume(values, RAS_OF_LPS @ affine), 2.0)


def faceless(image: HeadVolume, share: float = 0.35) -> HeadVolume:
    """Without the front of the lower head."""
    values = image.values.copy()
    front = int(values.shape[1] * share)
    values[:, :front, : int(values.shape[2] * 0.55)] = 0
    return HeadVolume(values, image.affine)


def test_a_face_that_is_gone_is_not_like_the_person() -> None:
    pytest.importorskip("radveil")
    pytest.importorskip("dlib")
    from deidflow.recognition.study import Judges, is_as_recognisable, portraits_of

    before = head()
    person = portraits_of(HeadPair("one", before, faceless(before)), Judges())

    assert person is not None
    assert not is_as_recognisable(person)
    unchanged = {name: Portraits(one.before, one.before) for name, one in person.items()}
    assert is_as_recognisable(unchanged)


@pytest.mark.slow
def test_a_head_without_its_face_is_seen_less_and_its_loss_measured() -> None:
    pytest.importorskip("radveil")
    pytest.importorskip("dlib")
    from deidflow.recognition.study import Judges, judge_pair

    judges = Judges()
    before = head()
    result = judge_pair(HeadPair("one", before, faceless(before)), judges)

    seen_before = sum(result.before.front.values())
    assert seen_before >= 8
    assert sum(result.after.front.values()) < seen_before / 2
    assert sum(result.before.back.values()) <= 3

    assert len(result.people) == 1
    assert result.tissue.changed_ml > 100
    assert result.tissue.no_face_ml is not None
    assert 0 < result.tissue.no_face_ml < result.tissue.changed_ml

    with pytest.raises(ValueError, match="different grids"):
        judge_pair(HeadPair("x", before, binned(before, 4.0)), judges)


def test_a_copy_is_bent_and_loses_the_same_face() -> None:
    before = binned(head(), 4.0)
    copy = bent_copy(HeadPair("one", before, faceless(before)), 1)
    again = bent_copy(HeadPair("one", before, faceless(before)), 1)
    assert np.array_equal(copy.before.values, again.before.values)
    assert not np.allclose(copy.before.values, before.values, atol=50)

    kept = copy.before.values == copy.after.values
    assert 0.7 < kept.mean() < 0.99


def test_controls_show_the_back_and_what_is_left_without_a_fill() -> None:
    before = binned(head(), 4.0)
    refaced = HeadVolume(np.where(faceless(before).values == 0, 77, before.values), before.affine)
    pair = HeadPair("one", before, refaced)

    behind = with_control(pair, Control.BEHIND).after.values
    assert np.array_equal(np.flip(behind, 1), before.values)
    left = with_control(pair, Control.MASK_KNOWN).after.values
    changed = changed_voxels(before, refaced)
    assert changed.sum() > 1000
    assert (left[changed] == before.values.min()).all()
    assert np.array_equal(left[~changed], refaced.values[~changed])


def people(alike: float, count: int = 8) -> list[Portraits]:
    """Random persons; how much of each is left in the probes."""
    generator = np.random.default_rng(1)
    made = []
    for _ in range(count):
        face = generator.normal(size=128)
        views = [unit(face + generator.normal(0, 0.3, 128)) for _ in range(3)]
        noise = generator.normal(size=(3, 128))
        probes = [unit(alike * face + one) for one in noise]
        made.append(Portraits(views, probes))
    return made


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_rates_tell_a_face_that_is_left_from_one_that_is_gone() -> None:
    left = match_after(people(alike=1.0))
    assert (left.people, left.probes, left.rank1) == (8, 24, 24)
    assert left.auc > 0.99
    assert left.genuine > left.impostor + 0.5
    assert left.rank1_p < 0.01 and left.auc_p < 0.01
    assert left.auc_interval[0] > 0.9

    gone = match_after(people(alike=0.0))
    assert gone.rank1 <= gone.rank1_by_luck < 12
    assert abs(gone.auc - 0.5) < 0.2
    assert gone.rank1_p > 0.05 and gone.auc_p > 0.05
    lowest, highest = gone.auc_interval
    assert lowest < 0.5 < highest < lowest + 0.5
    assert gone.rank1_by_chance == 3
    assert match_before(people(alike=0.0)).rank1 == 24


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "find_spec", lambda name: None)
    with pytest.raises(software.EnvironmentFault, match=r"radveil.*deidflow\[faces\]"):
        software.require_faces()


def test_what_is_no_volume_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    path.write_bytes(b"no image")
    with pytest.raises(NotAVolume, match="not a NIfTI"):
        read_volume(path)
