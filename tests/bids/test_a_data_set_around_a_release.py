"""`output.layout: bids`: a run keeps a BIDS data set around its release."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from deidflow.bids.around import Around, write_around
from deidflow.bids.check import invalid_paths
from deidflow.bids.root import check_root
from deidflow.errors import UsageError
from deidflow.run.dry_run import make_plan
from deidflow.settings.load import load_plan_settings
from tests.commands import command_here
from tests.places import tree_digest, write_secret
from tests.synthetic import save_series


@pytest.fixture
def root(tmp_path: Path, release: Path) -> Path:
    """A data set with the release in its sourcedata, not yet written."""
    root = tmp_path / "bids"
    root.mkdir()
    release.rename(root / "sourcedata")
    return root


def refresh(root: Path) -> Around:
    vault = root.parent / "vault"
    vault.mkdir(exist_ok=True)
    return write_around(root, root / "sourcedata", vault / "bids.json", root / ".scratch")


def times(root: Path) -> dict[str, int]:
    """When each image of the data set was written."""
    paths = root.glob("sub-*/**/*.nii.gz")
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in paths}


def test_images_are_named_beside_their_release(root: Path) -> None:
    before = tree_digest(root / "sourcedata")

    around = refresh(root)

    assert around.images == len(times(root)) == 11
    assert (root / "unnamed.tsv").read_text().count("\n") == len(around.unnamed) + 1
    assert around.invalid == invalid_paths(root) == ()
    assert tree_digest(root / "sourcedata") == before


def test_only_sessions_that_changed_are_written_again(root: Path) -> None:
    refresh(root)
    before = times(root)
    sidecar = root / "sourcedata" / "P001" / "M06" / "001-CT" / "image.json"
    sidecar.write_text(json.dumps({"Modality": "CT", "SliceThickness": 5}))

    refresh(root)

    after = times(root)
    changed = {place for place, time in after.items() if before[place] != time}
    assert changed == {"sub-P001/ses-M06/ct/sub-P001_ses-M06_ct.nii.gz"}


def test_a_session_that_left_the_release_leaves_the_data_set(root: Path) -> None:
    refresh(root)
    shutil.rmtree(root / "sourcedata" / "P_002")

    refresh(root)

    assert not (root / "sub-P002").exists()
    assert "P002" not in (root / "participants.tsv").read_text()


def test_a_file_that_somebody_deleted_comes_back(root: Path) -> None:
    refresh(root)
    before = tree_digest(root)
    next(root.glob("sub-P001/ses-M00/dwi/*.bval")).unlink()

    refresh(root)

    assert tree_digest(root) == before


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("ours")

    with pytest.raises(UsageError, match="no BIDS data set"):
        check_root(tmp_path, tmp_path / "sourcedata")


def test_a_run_leaves_the_names_that_the_plan_showed(one_server: None, tmp_path: Path) -> None:
    source, release, vault = (tmp_path / name for name in ("source", "bids", "vault"))
    save_series(source / "a", 3, SeriesDescription="MPRAGE sag")
    write_secret(vault)
    site = tmp_path / "site.yaml"
    site.write_text("output: {layout: bids}\nlevel: low\n")
    plan = make_plan(load_plan_settings({"source": source}, site), with_names=True)

    places = (source, release, "--vault", vault, "--config", site)
    result = command_here("run", *places)

    assert result.returncode == 0, result.stderr
    assert [Path(place).name for place in times(release)] == [
        Path(row.name).name for row in plan.names
    ]
    assert list(times(release)) == ["sub-P001/ses-M00/anat/sub-P001_ses-M00_T1w.nii.gz"]
    assert (release / "sourcedata" / "P001" / "M00").is_dir()
    status = command_here("status", release, "--vault", vault)
    assert "P001" in status.stdout, status.stderr
