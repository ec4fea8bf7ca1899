"""Runs with a consent list: who is not on it leaves no trace, who leaves it leaves the release."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

from deidflow.cli.plan import show_plan
from deidflow.settings.load import load_plan_settings
from deidflow.verifier.conservation import conservation_findings
from deidflow.verifier.vault import VaultView
from tests.flows.conftest import Site, new_site, traces


def consent(site: Site, *numbers: int) -> dict[str, dict[str, str]]:
    """A list of these patients in CSV, as a setting."""
    path = site.root / "consent.csv"
    rows = "".join(f"PID-{number}0000\n" for number in numbers)
    path.write_text(f"PatientID\n{rows}")
    return {"consent": {"list": str(path)}}


def test_who_is_not_on_the_list_leaves_no_trace(one_server: None, tmp_path: Path) -> None:
    site = new_site(tmp_path)
    with zipfile.ZipFile(site.source / "more.zip", "w") as archive:
        for number in (0, 1):
            for path in (site.source / f"Xaver {number}").iterdir():
                archive.write(path, f"again {number}/{path.name}")

    assert set(site.run(**consent(site, 0))) == {"P001"}
    assert site.summary.exit_code == 0
    assert ("excluded", "no-consent", 6) in site.summary.reasons
    assert site.summary.files == 3 + 3 + 1 + 6 == sum(site.summary.verdicts.values())
    assert not traces(tmp_path / "vault") | traces(site.release)

    rows = list(csv.DictReader((tmp_path / "vault" / "quarantine" / "report.csv").open()))
    assert [row["source_path"] for row in rows if row["reason"] == "no-consent"] == [""] * 6
    view = VaultView(site.layout)
    assert not list(conservation_findings(view, site.source, site.release, ()))

    assert set(site.run(**consent(site, 0, 1))) == {"P001", "P002"}


def test_who_leaves_the_list_leaves_the_release(site: Site) -> None:
    assert len(list(site.release.glob("P00*/M00"))) == 2
    site.run(**consent(site, 0))
    [left] = site.release.glob("P00*/M00")
    assert ("excluded", "no-consent", 6) in site.summary.reasons
    assert "removed" in (site.release / "changes.tsv").read_text()
    assert left.parent.name in (site.release / "subjects.tsv").read_text()


def test_an_unclear_list_is_for_somebody_to_correct(one_server: None, tmp_path: Path) -> None:
    site = new_site(tmp_path)
    path = tmp_path / "list.csv"
    path.write_text("id,name\nPID-00000,Somebody Else\n")
    settings = {"consent": {"list": str(path)}}
    site.run(**settings)
    assert site.summary.exit_code == 4
    assert ("quarantined", "consent-ambiguous", 3) in site.summary.reasons
    plan = load_plan_settings({"source": site.source, "level": "low", **settings}, environment={})
    assert show_plan(plan, json_=True) == 4
    assert not traces(site.release)
