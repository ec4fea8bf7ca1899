"""Where Prefect's server cannot start, the run says so and the server's log says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.commands import clean_environment
from tests.flows.conftest import DEIDFLOW
from tests.synthetic import save_series


def test_the_log_says_why(tmp_path: Path) -> None:
    save_series(tmp_path / "source", 1)
    nowhere = f"sqlite+aiosqlite:///{tmp_path}/gone/prefect.db"
    places = [tmp_path / "source", tmp_path / "release", "--vault", tmp_path / "vault"]
    home = tmp_path / "prefect"
    environment = clean_environment() | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": nowhere,
    }
    environment.pop("PREFECT_API_URL", None)
    ended = subprocess.run(
        [DEIDFLOW, "run", *places],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 3
    assert "see server.log" in ended.stderr
    log = (home / "server.log").read_text()
    assert "unable to open database file" in log
    assert "Application startup failed" in log
