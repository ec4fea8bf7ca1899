"""`deidflow serve` with archives: studies come, are released and sent, all of it seen in the UI."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml

from tests.flows.conftest import Served, serving, wait_until
from tests.pacs.archive import TITLE, Orthanc, needs_orthanc, study
from tests.ports import free_port
from tests.synthetic import MR

pytest.importorskip("pynetdicom")
pytestmark = [needs_orthanc, pytest.mark.slow]


def pacs_of(archive: Orthanc, port: int, table: Path) -> str:
    peer = {"ae_title": TITLE, "host": "127.0.0.1", "port": archive.port}
    receive = {"port": port, "allow": ["SCANNER"], "quiet_minutes": 0.01}
    fetch = {"peer": peer, "list": str(table)}
    section = {"receive": receive, "fetch": fetch, "send": {"peer": peer, "window": "00:00-23:59"}}
    return yaml.safe_dump({"level": "low", "pacs": section})


def scan(port: int, files: list[bytes], folder: Path) -> None:
    from pynetdicom import AE

    entity = AE(ae_title="SCANNER")
    entity.add_requested_context(MR, ["1.2.840.10008.1.2.1"])
    association = entity.associate("127.0.0.1", port, ae_title="DEIDFLOW")
    assert association.is_established
    for number, content in enumerate(files):
        path = folder / f"{number}.dcm"
        path.write_bytes(content)
        assert association.send_c_store(pydicom.dcmread(path)).Status == 0
    association.release()


def ended(served: Served, name: str, count: int = 1) -> list[dict[str, Any]]:
    """The ended runs of a flow, by the start of their names, once there are as many."""

    def found() -> list[dict[str, Any]]:
        time.sleep(0.5)
        over = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        runs = [run for run in served.api.runs() if run["name"].startswith(name)]
        return [run for run in runs if run["state_type"] in over]

    wait_until(lambda: len(found()) >= count, 120, f"end of {name}")
    return found()


def test_studies_come_are_released_and_sent(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "made").mkdir()
    table = tmp_path / "studies.csv"
    table.write_text("accession\nACC2\n")
    port = free_port()
    archive = Orthanc(tmp_path / "orthanc", port).start()
    for content in study(2):
        archive.add(content)
    try:
        with serving(tmp_path, pacs_of(archive, port, table)) as served:
            wait_until(lambda: list(tmp_path.glob(".source*/receiver.lock")), 60, "receiver")
            wait_until(lambda: _listens(port), 60, "open port")
            scan(port, study(1), tmp_path / "made")
            first = ended(served, "studies that came")
            assert first[0]["state_name"] == "Completed", first[0]["state"]

            fetched = served.api.ended(served.api.start("fetch"))
            assert fetched["state"]["message"] == "studies fetched: 1"
            ended(served, "studies that came", 2)
            schedules = served.api.deployment("send")["schedules"]
            assert [row["schedule"]["cron"] for row in schedules] == ["0 0 * * *"]
            assert served.api.deployment("fetch")["schedules"] == []
            sent = served.api.ended(served.api.start("send"))
            assert sent["state"]["message"] == "instances sent: 6"

            receiving = [run for run in served.api.runs() if run["name"].startswith("receive")]
            assert [run["state_name"] for run in receiving] == ["Running"]
            served.api.cancel(receiving[0]["id"])
            assert served.api.ended(receiving[0]["id"])["state_name"] == "Cancelled"
            told = str(served.api.runs()) + str(served.api.post("/artifacts/filter"))
            told += str(served.api.post("/logs/filter", logs={"level": {"ge_": 0}}))
        assert "instances sent" in told and "stored" in told
        assert not [word for word in ("ACC2", "PID-1", "1.2.3.1", "Zimmerquast") if word in told]
        assert len(archive.instances()) == 3 + 6
    finally:
        archive.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
