"""The vault says what became of each file of the source, after every run."""

from __future__ import annotations

import csv
import shutil

import pydicom

from tests.flows.conftest import Site


def table(site: Site) -> list[dict[str, str]]:
    path = site.root / "vault" / "instances" / "default-low.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_vault_says_which_file_became_which(site: Site) -> None:
    (site.source / "study.zip").write_bytes(b"PK\x03\x04")
    site.run()
    released = [row for row in table(site) if row["verdict"] == "released"]
    assert {row["released_path"] for row in released} == {
        path.relative_to(site.release).as_posix() for path in site.release.rglob("*.dcm")
    }
    for row in released:
        before = pydicom.dcmread(site.source / row["source_path"])
        after = pydicom.dcmread(site.release / row["released_path"])
        assert (before.SOPInstanceUID, after.SOPInstanceUID) == (
            row["sop_uid"],
            row["released_sop_uid"],
        )
    [archive] = [row for row in table(site) if row["source_path"] == "study.zip"]
    assert (archive["verdict"], archive["released_path"]) == ("quarantined", "")
    own = site.root / "vault" / "quarantine" / "default-low" / "report.csv"
    assert own.read_bytes() == (site.root / "vault" / "quarantine" / "report.csv").read_bytes()

    shutil.rmtree(site.source / "Xaver 1")
    site.run()
    assert {row["released_path"] for row in table(site) if row["released_path"]} == {
        row["released_path"] for row in released
    }


def test_a_source_of_archives_only_is_no_success(site: Site) -> None:
    shutil.rmtree(site.source)
    site.source.mkdir()
    (site.source / "study.zip").write_bytes(b"PK\x03\x04")
    site.run()
    assert site.summary.exit_code == 4
