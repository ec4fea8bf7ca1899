"""Published sessions reach an archive once, byte for byte, and nothing else does."""

from __future__ import annotations

import hashlib
import io
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest

from deidflow.errors import ConfigError, EnvironmentFault, ReleaseBusy, UsageError, VaultMismatch
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.sent_table import SentInstance, SentLedger, SentState
from deidflow.pacs.association import ConnectionLost
from deidflow.pacs.retries import with_retries
from deidflow.pacs.send import SendResult, send_release
from deidflow.pacs.web import PASSWORD
from deidflow.pacs.window import WindowUse
from deidflow.release.layout import Layout
from deidflow.settings.pacs import RetrySettings
from deidflow.store.locks import held
from tests.commands import command_here
from tests.pacs.archive import TITLE, WEB, Orthanc, digests, needs_orthanc, study
from tests.pacs.conftest import Site, later_today
from tests.pacs.proxy import Proxy
from tests.pacs.released import release_of, slices, two_subjects
from tests.ports import free_port

pytestmark = needs_orthanc
needs_web = pytest.mark.skipif(not WEB.exists(), reason="Orthanc has no DICOMweb plugin")


def by_dimse(orthanc: Orthanc) -> dict[str, Any]:
    return {"peer": orthanc.peer.model_dump(include={"ae_title", "host", "port"})}


def sent(site: Site, **send: Any) -> SendResult:
    return send_release(site.settings(send=send))


@pytest.fixture
def files(site: Site) -> list[bytes]:
    return two_subjects(Layout.of(site.settings()))


def test_a_release_goes_once(site: Site, orthanc: Orthanc, files: list[bytes]) -> None:
    assert sent(site, **by_dimse(orthanc)).sent == 6
    again = sent(site, **by_dimse(orthanc))
    assert (again.sent, again.already, again.exit_code) == (0, 6, 0)
    assert digests(orthanc.files()) == digests(files)
    assert orthanc.stored() == 6


@needs_web
def test_a_release_goes_once_by_dicomweb(site: Site, orthanc: Orthanc, files: list[bytes]) -> None:
    web = {"peer": {"url": orthanc.url}}
    assert sent(site, **web).sent == 6
    assert sent(site, **web).already == 6
    assert digests(orthanc.files()) == digests(files)
    assert orthanc.stored() == 6


def test_what_differs_from_the_checksums_stays(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    release = site.root / "release"
    first = slices(release, "P001")[0]
    first.write_bytes(first.read_bytes() + b"x")
    (release / "P002" / "M00" / "001-MR" / "dicom" / "slice_009.dcm").write_bytes(files[0])
    result = sent(site, **by_dimse(orthanc))
    assert [subject for subject, _, _ in result.held] == ["P001", "P002"]
    assert (result.sent, result.exit_code) == (0, 4)
    assert orthanc.instances() == []


def test_objects_without_a_patient_id_are_refused(site: Site, orthanc: Orthanc) -> None:
    files = study(1)
    emptied = [
        content.replace(b"PID-1 ", b"      ").replace(b"PID-1\0", b"\0" * 6) for content in files
    ]
    assert emptied != files
    release_of(Layout.of(site.settings()), {"P001": emptied})
    with pytest.raises(UsageError, match="no PatientID"):
        sent(site, **by_dimse(orthanc))
    assert orthanc.instances() == []


def test_settings_that_empty_patient_ids_send_nothing(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    settings = site.settings(send=by_dimse(orthanc))
    with pytest.raises(UsageError, match="no PatientID"):
        send_release(settings.model_copy(update={"patient_id": "empty"}))
    assert orthanc.instances() == []


def test_other_bytes_under_one_uid_are_said(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    sent(site, **by_dimse(orthanc))
    release_of(Layout.of(site.settings()), {"P001": study(1, PatientSex="M")})
    result = sent(site, **by_dimse(orthanc))
    assert (result.sent, result.changed, result.exit_code) == (0, 3, 4)
    again = send_release(site.settings(send=by_dimse(orthanc)), ("P001",), again=True)
    assert again.sent == 3
    assert digests(orthanc.files()) == digests(study(1, PatientSex="M") + files[3:])


def test_what_is_no_dicom_stays(site: Site, orthanc: Orthanc) -> None:
    release_of(Layout.of(site.settings()), {"P001": [b"no DICOM"], "P002": study(2)})
    result = sent(site, **by_dimse(orthanc))
    assert [(subject, "cannot be read" in why) for subject, _, why in result.held] == [
        ("P001", True)
    ]
    assert (result.sent, result.exit_code) == (3, 4)


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_what_arrived_before_a_kill_is_asked_for(
    site: Site, orthanc: Orthanc, files: list[bytes], way: str
) -> None:
    if way == "web" and not WEB.exists():
        pytest.skip("Orthanc has no DICOMweb plugin")
    send = {"peer": {"url": orthanc.url}} if way == "web" else by_dimse(orthanc)
    settings = site.settings(send=send)
    assert settings.pacs.send is not None
    ledger = SentLedger(
        site.vault,
        Keys(load_secret(site.vault, create=False), "default", "low"),
        settings.pacs.send.peer.name,
    )
    rows = [
        SentInstance(
            str(_read(content).SOPInstanceUID), hashlib.sha256(content).hexdigest(), "P001", "M00"
        )
        for content in files[:3]
    ]
    ledger.note(rows, SentState.SENDING)
    ledger.close()
    for content in files[:2]:
        orthanc.add(content)

    assert send_release(settings).sent == 6
    assert orthanc.stored() == 6, "what had arrived was not sent again"


def test_outside_the_window_sessions_are_left(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    settings = site.settings(send={**by_dimse(orthanc), "window": later_today()})
    result = send_release(settings, window=WindowUse.LEAVE)
    assert (result.left, result.sent, result.exit_code) == (2, 0, 0)
    assert orthanc.instances() == []
    assert send_release(settings, window=WindowUse.IGNORE).sent == 6


def test_a_ledger_that_says_nothing_clear_has_the_archive_asked(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    settings = site.settings(send=by_dimse(orthanc))
    send_release(settings)
    with closing(sqlite3.connect(site.vault / "deidflow.sqlite")) as database, database:
        database.execute("UPDATE sent SET state = 'half' WHERE subject = 'P001'")
    assert send_release(settings).exit_code == 0
    assert orthanc.stored() == 6


def test_a_ledger_that_is_damaged_sends_nothing(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    (site.vault / "deidflow.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(EnvironmentFault, match="restore the vault"):
        send_release(site.settings(send=by_dimse(orthanc)))
    assert orthanc.instances() == []


def test_who_may_not_be_sent(site: Site, orthanc: Orthanc, files: list[bytes]) -> None:
    settings = site.settings(send=by_dimse(orthanc))
    with pytest.raises(UsageError, match="pseudonyms"):
        send_release(settings, ("P009",))
    assert send_release(settings, ("P002",)).sent == 3
    lock = site.vault / "pacs" / "default-low.lock"
    with held(lock, "test"), pytest.raises(ReleaseBusy, match="list of sent instances"):
        send_release(settings)
    (site.root / "release" / "manifest.sha256").unlink()
    with pytest.raises(UsageError, match="no checksums"):
        send_release(settings)


@pytest.mark.parametrize(
    ("package", "url"), [("pynetdicom", ""), ("dicomweb_client.web", "http://a/b")]
)
def test_without_the_extra(
    site: Site, files: list[bytes], monkeypatch: pytest.MonkeyPatch, package: str, url: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    peer = {"url": url} if url else {"ae_title": TITLE, "host": "127.0.0.1"}
    with pytest.raises(ConfigError, match=r"pip install 'deidflow\[pacs\]'"):
        sent(site, peer=peer)


def test_a_release_of_another_vault(site: Site, orthanc: Orthanc, files: list[bytes]) -> None:
    (site.root / "elsewhere").mkdir()
    other = Site(site.root / "elsewhere")
    (other.vault / "secret.key").write_text("fedcba9876543210fedcba9876543210")
    two_subjects(Layout.of(other.settings()))
    shutil.copytree(other.root / "release", site.root / "release", dirs_exist_ok=True)
    with pytest.raises(VaultMismatch):
        sent(site, **by_dimse(orthanc))


def test_tries_start_anew_as_long_as_something_gets_through() -> None:
    retry = RetrySettings(attempts=2, first_seconds=0)
    done = [0]

    def stumble() -> None:
        done[0] += 1
        if done[0] < 5:
            raise ConnectionLost("away")

    with_retries(retry, stumble, lambda: done[0])
    assert done[0] == 5

    def fail() -> None:
        done.append(1)
        raise ConnectionLost("away")

    done.clear()
    with pytest.raises(ConnectionLost):
        with_retries(retry, fail, lambda: 0)
    assert len(done) == 2


def test_one_bad_instance_costs_itself_only(site: Site, orthanc: Orthanc) -> None:
    files = study(1)
    private = study(2, 1, SOPClassUID="1.2.826.0.1.3680043.9.9999.1")
    release_of(Layout.of(site.settings()), {"P001": [*files, *private]})
    result = sent(site, **by_dimse(orthanc))
    assert (result.sent, result.exit_code) == (3, 5)
    assert dict(result.refused) == {"the archive does not take its class or encoding": 1}
    assert digests(orthanc.files()) == digests(files)


def test_text_for_xnat_is_all_that_differs(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    site.write(send={**by_dimse(orthanc), "xnat": {"project": "HEADS-1"}})
    result = command_here("send", "--config", site.config)
    assert result.returncode == 0, result.stderr
    assert "text for XNAT in StudyComments" in result.stdout
    arrived = {header.SOPInstanceUID: header for header in map(_read, orthanc.files())}
    for content in files[:3]:
        released = _read(content)
        copy = arrived[released.SOPInstanceUID]
        assert copy.StudyComments == "Project:HEADS-1 Subject:P001 Session:P001_M00"
        del copy.StudyComments
        assert copy == released


def _read(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def test_a_title_that_the_archive_does_not_know(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    peer = {**by_dimse(orthanc)["peer"], "ae_title": "SOMEBODY"}
    site.write(send={"peer": peer})
    result = command_here("send", "--config", site.config)
    assert result.returncode == 5
    assert "check the titles on both sides" in result.stderr


def test_an_archive_that_is_away_is_tried_again(site: Site, files: list[bytes]) -> None:
    peer = {"ae_title": TITLE, "host": "127.0.0.1", "port": free_port()}
    result = sent(site, peer=peer)
    assert "cannot be reached" in result.lost
    assert (result.sent, result.exit_code) == (0, 5)


@needs_web
def test_a_wrong_password_is_said(
    site: Site, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"AuthenticationEnabled": True, "RegisteredUsers": {"deidflow": "right"}}
    archive = Orthanc(site.root / "locked", site.port, **options)
    archive.client.auth = ("deidflow", "right")
    archive.start()
    try:
        web = {"peer": {"url": archive.url, "user": "deidflow"}}
        monkeypatch.setenv(PASSWORD, "wrong")
        assert "HTTP 401" in next(iter(sent(site, **web).refused))
        monkeypatch.setenv(PASSWORD, "right")
        assert sent(site, **web).sent == 6
    finally:
        archive.kill()


def test_a_connection_that_is_cut_costs_nothing(
    site: Site, orthanc: Orthanc, files: list[bytes]
) -> None:
    proxy = Proxy(orthanc.port, [2500, 200])
    peer = {"ae_title": TITLE, "host": "127.0.0.1", "port": proxy.port}
    result = sent(site, peer=peer)
    proxy.server.close()
    assert (result.sent, result.lost) == (6, "")
    assert digests(orthanc.files()) == digests(files)
    assert orthanc.stored() == 6


@contextmanager
def sending(site: Site) -> Iterator[subprocess.Popen[str]]:
    command = [Path(sys.executable).with_name("deidflow"), "send", "--config", site.config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


def test_nothing_twice_after_kills(site: Site, orthanc: Orthanc) -> None:
    files = study(1, 100)
    release_of(Layout.of(site.settings()), {"P001": files})
    site.write(send=by_dimse(orthanc), retry={"attempts": 8, "first_seconds": 0.2})
    with sending(site) as process:
        _until(lambda: orthanc.stored() >= 10)
        process.send_signal(signal.SIGKILL)
    with sending(site) as process:
        _until(lambda: orthanc.stored() >= 40)
        orthanc.kill()
        orthanc.start()
        assert process.wait(timeout=60) == 0
    assert digests(orthanc.files()) == digests(files)
    assert orthanc.stored() == len(files)


def _until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.03)
