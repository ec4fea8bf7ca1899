"""`deidflow withdraw`: a person leaves every release of a vault, the vault, and all later runs."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from deidflow.errors import ReleaseBusy, UsageError
from deidflow.identity.persons import Person
from deidflow.identity.registry import open_registry
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.sent_table import SentInstance, SentLedger, SentState
from deidflow.identity.vault import Vault
from deidflow.store.locks import held
from deidflow.withdrawal.person import find_person
from deidflow.withdrawal.releases import layouts_of
from deidflow.withdrawal.withdraw import withdraw_person
from tests.commands import command_here
from tests.flows.conftest import new_site, traces
from tests.places import write_secret
from tests.synthetic import save_series


def withdrawn_by_command(vault: Path, person: str) -> subprocess.CompletedProcess[str]:
    """The command, with the person on standard input."""
    return command_here("withdraw", "-", "--vault", vault, "--yes", stdin=f"{person}\n")


def bundle_by_command(release: Path, *options: object) -> subprocess.CompletedProcess[str]:
    vault = release.parent / "vault"
    secret = {"DEIDFLOW_BUNDLE_PASSWORD": "a long enough password"}
    return command_here("bundle", release, "--vault", vault, *options, **secret)


def note_as_sent(vault: Path, release: Path) -> None:
    """Everybody's first session was sent to an archive."""
    keys = Keys(load_secret(vault, create=False), "default", "low")
    ledger = SentLedger(vault, keys, "ARCHIVE@pacs:104")
    subjects = sorted(folder.name for folder in release.glob("P*"))
    sent = [SentInstance(f"2.25.{subject[1:]}", "0", subject, "M00") for subject in subjects]
    ledger.note(sent, SentState.SENT)
    ledger.close()


def test_a_person_leaves_releases_vault_and_later_runs(one_server: None, tmp_path: Path) -> None:
    site = new_site(tmp_path)
    (site.source / "Xaver 1" / "Person1.txt").write_text("a letter")
    site.run()
    other = tmp_path / "release-b"
    site.run(project="b", release=other)
    assert traces(tmp_path / "vault")

    command_here("anonymize", site.source, tmp_path / "before", "--vault", tmp_path / "vault")
    place = tmp_path / "for-b.zip"
    bundled = bundle_by_command(other, "--to", "Uni B", "--out", place)
    assert bundled.returncode == 0, bundled.stderr

    note_as_sent(tmp_path / "vault", site.release)

    result = withdrawn_by_command(tmp_path / "vault", "Xaver Person1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("taken out: ") == 2
    assert result.stdout.count("erased from the vault: ") == 3, "with what anonymize knew"
    assert "tell Uni B: they have P00" in result.stdout
    assert result.stdout.count("tell ARCHIVE@pacs:104: P00") == 1
    assert (
        bundle_by_command(
            other, "--to", "uni b", "--since", "last", "--out", tmp_path / "2.zip"
        ).stdout.count("1 withdrawn")
        == 1
    )
    assert not traces(tmp_path / "vault")
    assert [len(list(place.glob("P00*/M00"))) for place in (site.release, other)] == [1, 1]
    assert "removed" in (site.release / "changes.tsv").read_text()
    checked = subprocess.run(
        ["sha256sum", "-c", "--quiet", "manifest.sha256"], cwd=other, check=False
    )
    assert checked.returncode == 0
    assert withdrawn_by_command(tmp_path / "vault", "Xaver Person1").returncode == 8

    uids = {"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1"}
    save_series(site.source / "new", 1, PatientID="PID-3", PatientName="Novak^Ada", **uids)
    uids = {"StudyInstanceUID": "1.2.8", "SeriesInstanceUID": "1.2.8.1"}
    save_series(site.source / "later", 1, PatientID="PID-10000", PatientName="", **uids)
    again = command_here("anonymize", site.source, tmp_path / "out", "--vault", tmp_path / "vault")
    assert "5 excluded: its patient has withdrawn consent" in again.stdout + again.stderr
    [kept] = site.release.glob("P00*")
    assert set(site.run()) == {kept.name, "P003"}
    assert ("excluded", "consent-withdrawn", 5) in site.summary.reasons
    assert not traces(tmp_path / "vault") | traces(site.release)


def test_nothing_changes_before_it_is_clear_who_and_where(one_server: None, tmp_path: Path) -> None:
    site = new_site(tmp_path)
    site.run()
    with open_registry(tmp_path / "vault") as registry:
        rows = find_person(registry, "PID-10000", None, None)
        layouts = layouts_of(registry, rows, [], forget_missing=False)
        with held(site.layout.work_lock, "run"), pytest.raises(ReleaseBusy):
            withdraw_person(registry, rows, layouts)

        moved = site.release.rename(tmp_path / "moved")
        with pytest.raises(UsageError, match="name the new one with --release"):
            layouts_of(registry, rows, [], forget_missing=False)
        with pytest.raises(UsageError, match="not a release in which the person can be"):
            layouts_of(registry, rows, [moved, site.source], forget_missing=False)
        assert {
            layout.release for layout in layouts_of(registry, rows, [moved], forget_missing=False)
        } == {moved}
    keys = Keys(load_secret(tmp_path / "vault", create=False), "default", "low")
    with closing(Vault(tmp_path / "vault", keys)) as vault:
        assert not vault.withdrawn()


def test_one_name_of_two_persons_is_refused(tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    keys = Keys(load_secret(tmp_path / "vault", create=False), "default", "low")
    with closing(Vault(tmp_path / "vault", keys)) as vault:
        for number, birth in (("1", "19600412"), ("2", "19710203"), ("3", "19600412")):
            known = {"patient_id": number, "patient_name": "Doe^Jo", "birth_date": birth}
            person = Person(f"id||{number}", known, frozenset(), {})
            vault.identify([person])
    with open_registry(tmp_path / "vault") as registry:
        with pytest.raises(UsageError, match="several persons are meant"):
            find_person(registry, "Jo Doe", None, None)
        [row] = find_person(registry, "2", None, None)
        assert row.patient_id == "2"
        assert {row.patient_id for row in find_person(registry, "1", None, None)} == {"1", "3"}
