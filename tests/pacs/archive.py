"""A real archive on loopback: Orthanc, started, killed and started again over the same storage."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from deidflow.pacs.instance import data_set_of
from deidflow.settings.pacs import PeerSettings
from tests.ports import free_port
from tests.synthetic import as_file, mr_instance

ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
WEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
needs_orthanc = pytest.mark.skipif(not Path(ORTHANC).exists(), reason="Orthanc is not installed")
TITLE = "ARCHIVE"


class Orthanc:
    """An archive that knows DEIDFLOW at a port."""

    def __init__(self, root: Path, our_port: int, **options: Any) -> None:
        self.root, self.port, self.http = root, free_port(), free_port()
        root.mkdir()
        configuration = {
            "Name": "archive",
            "StorageDirectory": str(root / "storage"),
            "IndexDirectory": str(root / "storage"),
            "DicomAet": TITLE,
            "DicomPort": self.port,
            "DicomCheckCalledAet": True,
            "DicomModalities": {"us": ["DEIDFLOW", "127.0.0.1", our_port]},
            "DicomAlwaysAllowGet": True,
            "HttpPort": self.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "OverwriteInstances": True,
            "SyncStorageArea": False,
            "Plugins": [str(WEB)] if WEB.exists() else [],
            "DicomWeb": {"Enable": True},
            **options,
        }
        (root / "orthanc.json").write_text(json.dumps(configuration))
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.http}", trust_env=False)

    @property
    def peer(self) -> PeerSettings:
        return PeerSettings(ae_title=TITLE, host="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def start(self) -> Orthanc:
        with (self.root / "log").open("ab") as log:
            command = [ORTHANC, str(self.root / "orthanc.json")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(400):
            try:
                self.client.get("/system").raise_for_status()
                return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise RuntimeError((self.root / "log").read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def add(self, content: bytes) -> None:
        self.client.post("/instances", content=content).raise_for_status()

    def instances(self) -> list[str]:
        return list(self.client.get("/instances").json())

    def files(self) -> list[bytes]:
        return [self.client.get(f"/instances/{name}/file").content for name in self.instances()]

    def stored(self) -> int:
        """How often an instance was stored, all told: one that is sent twice counts twice."""
        changes = self.client.get("/changes", params={"limit": 1_000_000}).json()["Changes"]
        return sum(change["ChangeType"] == "NewInstance" for change in changes)


def digests(contents: list[bytes]) -> list[str]:
    """Hashes of data sets, sorted; file meta information is each program's own."""
    return sorted(hashlib.sha256(data_set_of(content)[1]).hexdigest() for content in contents)


def study(number: int, count: int = 3, **changes: Any) -> list[bytes]:
    """The files of a study of one series."""
    uid = f"1.2.3.{number}"
    return [
        as_file(
            mr_instance(
                StudyInstanceUID=uid,
                SeriesInstanceUID=f"{uid}.1",
                SOPInstanceUID=f"{uid}.1.{place}",
                InstanceNumber=place,
                PatientID=f"PID-{number}",
                AccessionNumber=f"ACC{number}",
                **changes,
            )
        )
        for place in range(1, count + 1)
    ]
