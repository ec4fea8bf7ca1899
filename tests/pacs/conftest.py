"""Sites with an archive beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from deidflow.settings.load import load_settings
from deidflow.settings.run import RunSettings
from tests.pacs.archive import Orthanc
from tests.places import write_secret
from tests.ports import free_port

pytest.importorskip("pynetdicom")


class Site:
    """Folders and a configuration file."""

    def __init__(self, root: Path) -> None:
        self.root, self.config, self.port = root, root / "site.yaml", free_port()
        self.source, self.vault = root / "source", root / "vault"
        (root / "source").mkdir()
        write_secret(self.vault)

    def write(self, level: str = "low", **pacs: Any) -> Path:
        places = {name: str(self.root / name) for name in ("source", "release", "vault")}
        receive = {"port": self.port, "allow": ["SCANNER"], "quiet_minutes": 0.01}
        retry = {"attempts": 3, "first_seconds": 0.1}
        section = {"receive": receive, "retry": retry, "timeout_seconds": 10, **pacs}
        given = {"level": level, "pacs": section, "burned_in": {"read": "never"}}
        self.config.write_text(yaml.safe_dump({**places, **given}))
        return self.config

    def settings(self, **pacs: Any) -> RunSettings:
        return load_settings({}, self.write(**pacs), environment={})

    def handed_on(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.source.rglob("*.dcm"))]


def later_today() -> str:
    """A window that is closed now."""
    now = datetime.now()
    start, end = now + timedelta(hours=3), now + timedelta(hours=4)
    return f"{start:%H:%M}-{end:%H:%M}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def orthanc(site: Site) -> Iterator[Orthanc]:
    archive = Orthanc(site.root / "orthanc", site.port).start()
    yield archive
    archive.kill()
