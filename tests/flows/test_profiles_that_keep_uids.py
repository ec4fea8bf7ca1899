"""Profiles that are not of PS3.15 keep UIDs and hash PatientID: tables and verifier know it."""

from __future__ import annotations

import csv
from pathlib import Path

from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import judged
from tests.flows.conftest import Site
from tests.places import write_secret
from tests.synthetic import save_series


def test_a_release_for_research_is_clean_beside_its_source(
    one_server: None, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    write_secret(tmp_path / "vault")
    save_series(site.source / "p1", 2)
    site.run(profile="research", level="low")

    [table] = (tmp_path / "vault" / "instances").glob("*.csv")
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [row["sop_uid"] == row["released_sop_uid"] for row in rows] == [True, True]
    assert all((site.release / row["released_path"]).is_file() for row in rows)

    options = VerifyOptions(release=site.release, vault=tmp_path / "vault", source=site.source)
    report, _ = judged(options)
    assert report.findings == []
