"""`deidflow verify --faces`: is a face left, by software that is not ours?"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import nibabel
import pytest
import SimpleITK as sitk

from deidflow.cli.verify import verify as command
from deidflow.demo.head import average_head
from deidflow.errors import EnvironmentFault
from deidflow.recognition import software
from deidflow.verifier.claims import Description
from deidflow.verifier.findings import Check
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import vault_view, verify
from deidflow.verifier.volumes import volumes_of
from tests.commands import DemoRun
from tests.verifier.conftest import MiniRelease


def test_a_face_is_seen_in_an_image_of_another_tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("radveil")
    pytest.importorskip("dlib")
    head = sitk.BinShrink(average_head(), [2, 2, 2])
    sitk.WriteImage(head, str(tmp_path / "head.nii.gz"))
    sitk.WriteImage(head[:, :, :20], str(tmp_path / "slab.nii.gz"))

    command(tmp_path, faces=True, json_=True)

    faces = json.loads(capsys.readouterr().out)["faces"]
    assert [row["image"] for row in faces["images"]] == ["head.nii.gz"]
    assert sum(faces["images"][0]["front"].values()) >= 8
    assert sum(faces["images"][0]["back"].values()) <= 3
    assert faces["heads"] == faces["recognition"] == []


def test_without_the_extra_nothing_is_read(
    low: MiniRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentFault, match=r"deidflow\[faces\]"):
        low.verify(faces=True)


@pytest.mark.slow
def test_a_head_that_was_not_defaced_is_recognised(demo_run: DemoRun, tmp_path: Path) -> None:
    pytest.importorskip("radveil")
    pytest.importorskip("dlib")
    release = tmp_path / "release"
    shutil.copytree(demo_run.release, release)
    options = VerifyOptions(release, vault=demo_run.vault, source=demo_run.source, faces=True)

    clean = verify(options)
    assert clean.faces is not None
    assert clean.findings == []
    assert clean.faces.heads
    for head in clean.faces.heads:
        assert head.brain is not None
        assert head.brain.changed_voxels * 0.01 < head.brain.brain_ml

    first = clean.faces.heads[0].name
    give_face_back(demo_run, release, first)
    found = {(finding.file, finding.check) for finding in verify(options).findings}
    assert (first, Check.FACE) in found


def give_face_back(run: DemoRun, release: Path, image: str) -> None:
    """Put the voxels of the original into a released image."""
    path = release / image
    after = nibabel.load(path)
    view = vault_view(VerifyOptions(release, vault=run.vault), Description.read(release))
    folder = image.rpartition("/")[0]
    rows = [row for name, row in view.by_released_path.items() if name.startswith(f"{folder}/")]
    originals = volumes_of([run.source / row.source_path for row in rows], release.parent)

    before = next(volume for volume in originals if volume.values.shape == after.shape)
    values = before.values.astype(after.get_data_dtype())
    content = nibabel.Nifti1Image(values, after.affine, after.header).to_bytes()
    path.write_bytes(gzip.compress(content, mtime=0))
