"""A served vault: a real Prefect server, a real process worker, and short ways to ask them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deidflow.cli.run import summary_of_run
from deidflow.release.layout import Layout
from deidflow.settings.load import load_settings
from tests.commands import clean_environment
from tests.places import write_secret
from tests.ports import free_port
from tests.synthetic import save_series

DEIDFLOW = str(Path(sys.executable).with_name("deidflow"))


def make_cohort(source: Path, subjects: int = 3, slices: int = 6) -> None:
    """Subjects with one study of two series each, names in folders, files and headers."""
    for number in range(subjects):
        uid = f"1.2.{number + 1}"
        names = {"PatientID": f"PID-{number}0000", "PatientName": f"Person{number}^Xaver"}
        for series in (1, 2):
            uids = {
                "StudyInstanceUID": uid,
                "SeriesInstanceUID": f"{uid}.{series}",
                "SeriesNumber": series,
            }
            save_series(source / f"Xaver {number}", slices, **names, **uids)


LONG = 240.0
"""Seconds after which something will not come any more, on a machine that is busy too."""
OVER = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
ASKING = 0.3
"""Seconds between questions to a server, which costs it more than looking for a file."""


def wait_until(truth: Callable[[], Any], seconds: float, what: str, every: float = 0.02) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := truth():
            return found
        time.sleep(every)
    raise AssertionError(f"no {what} within {seconds} s")


class Api:
    """The parts of Prefect's API that the tests ask."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=f"{address}/api", trust_env=False, timeout=90.0)

    def answer(self, path: str, body: Any) -> httpx.Response:
        """The server asks to come back later when its database is busy."""
        return wait_until(
            lambda: (found := self.client.post(path, json=body)).status_code != 503 and found,
            LONG,
            "answer",
            ASKING,
        )

    def post(self, path: str, **body: Any) -> Any:
        return self.answer(path, body).raise_for_status().json()

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (
            self.client.get(f"/deployments/name/{name}/{name}").raise_for_status().json()
        )
        return found

    def ask(self, name: str, **parameters: Any) -> httpx.Response:
        """Ask for a run of a deployment, as its form does."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return self.answer(f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)

    def start(self, name: str, **parameters: Any) -> str:
        return str(self.ask(name, **parameters).raise_for_status().json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/flow_runs/{run_id}").raise_for_status().json()
        return found

    def runs(self) -> list[dict[str, Any]]:
        return list(self.post("/flow_runs/filter"))

    def ended(self, run_id: str, seconds: float = LONG) -> dict[str, Any]:
        """The run once it has ended."""
        wait_until(
            lambda: self.run(run_id)["state_type"] in OVER, seconds, "end of the run", ASKING
        )
        return self.run(run_id)

    def tasks(self, run_id: str, count: int) -> dict[str, str]:
        """Name and state of every task of an ended run, once the server has stored the end of as
        many: it does so later."""
        rows = wait_until(lambda: self._ended_tasks(run_id, count), LONG, f"{count} tasks", ASKING)
        return {task["name"]: task["state_name"] for task in rows}

    def _ended_tasks(self, run_id: str, count: int) -> list[dict[str, Any]]:
        rows = self.post("/task_runs/filter", flow_runs={"id": {"any_": [run_id]}})
        ended = [task for task in rows if task["state_type"] in OVER]
        return list(rows) if len(ended) >= count else []

    def lines(self, run_id: str, start: str, count: int) -> set[str]:
        """Log lines of an ended run with a start, once as many are stored: they come in batches."""
        told = wait_until(lambda: self._lines(run_id, start, count), LONG, f"{count} lines", ASKING)
        return set(told)

    def _lines(self, run_id: str, start: str, count: int) -> list[str]:
        wanted = {"flow_run_id": {"any_": [run_id]}, "level": {"ge_": 0}}
        told = [line["message"] for line in self.post("/logs/filter", logs=wanted)]
        lines = [line for line in told if line.startswith(start)]
        return lines if len(lines) >= count else []

    def cancel(self, run_id: str) -> None:
        state = {"type": "CANCELLING", "name": "Cancelling"}
        self.post(f"/flow_runs/{run_id}/set_state", state=state, force=False)


class Served:
    """`deidflow serve` over a vault of its own."""

    def __init__(self, root: Path, process: subprocess.Popen[str], address: str) -> None:
        self.root, self.process, self.address = root, process, address
        self.release, self.vault = root / "release", root / "vault"
        self.api = Api(address)


@contextmanager
def serving(root: Path, settings: str, *options: str, **environment: str) -> Iterator[Served]:
    """Serve the source below `root` with more settings, in YAML, until the context ends."""
    lines = [f"{place}: {root / place}" for place in ("source", "release", "vault")]
    (root / "site.yaml").write_text("\n".join([*lines, settings]))
    port = free_port()
    command = [
        DEIDFLOW,
        "serve",
        "--config",
        str(root / "site.yaml"),
        "--port",
        str(port),
        *options,
    ]
    clean = {name: value for name, value in clean_environment().items() if name != "PREFECT_HOME"}
    quick = {"PREFECT_WORKER_QUERY_SECONDS": "1"}
    with (root / "console").open("w") as console, subprocess.Popen(
        command, env=clean | quick | environment, stdout=subprocess.PIPE, stderr=console, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "Prefect UI: http://" in said, (root / "console").read_text()
            yield Served(root, process, said.split()[2])
        finally:
            process.terminate()
            process.wait(timeout=LONG)


def processes_of(root: Path) -> dict[int, str]:
    """Processes that name a folder in their arguments or environment, with their arguments."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            said = line + (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if str(root).encode() in said and int(entry.name) != os.getpid():
            found[int(entry.name)] = line.replace(b"\0", b" ").decode()
    return found


def forkservers_of(root: Path) -> list[int]:
    """The process of a run that starts its working processes."""
    return [
        number
        for number, line in processes_of(root).items()
        if "multiprocessing.forkserver" in line
    ]


def freeze(root: Path, pseudonym: str) -> None:
    """Let a run hang in the middle of a subject: nothing starts its next working process."""
    records = root / "vault" / "work" / "default-low" / pseudonym / "M00" / "records"
    wait_until(
        lambda: records.is_dir() and any(records.iterdir()), LONG, "first step of the subject"
    )
    for number in forkservers_of(root):
        os.kill(number, signal.SIGSTOP)


Steps = dict[str, set[str]]
"""Subject -> the steps that were done, not cached."""
ALL = {"anonymize", "convert", "reconstruct", "verify", "publish"}


class Site:
    """A source, its vault and its release, run again and again in this process."""

    def __init__(self, root: Path) -> None:
        self.root, self.source, self.release = root, root / "source", root / "release"
        self.work = root / "vault" / "work" / "default-low"

    def run(self, *, fails: bool = False, **changes: Any) -> Steps:
        """Run with other settings; what was done for each subject."""
        places = {name: self.root / name for name in ("source", "release", "vault")}
        given = {"level": "low", "burned_in": {"read": "never"}, **changes}
        self.summary = summary_of_run(load_settings({**places, **given}, environment={}))
        assert bool(self.summary.error) == fails, self.summary
        return {
            row.subject: {step for step, state in row.steps.items() if state == "done"}
            for row in self.summary.sessions
        }

    @property
    def layout(self) -> Layout:
        """Every path of the runs."""
        return Layout(self.release, self.root / "vault", "default", "low")

    def file(self, subject: int, number: int = 1) -> Path:
        """A file of the second subject's first series."""
        return next((self.source / f"Xaver {subject}").glob(f"*.1-{number}.dcm"))

    def published(self, pseudonym: str) -> Path:
        return next((self.release / pseudonym / "M00").glob("*-MR"))


TRACES = (b"Person1", b"PID-10000", b"Xaver 1", b"1.2.2.1")


def traces(folder: Path) -> set[bytes]:
    """What is left of the second patient of `new_site` in any file or name below a folder."""
    found = set()
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        named = str(path.relative_to(folder)).encode()
        found |= {trace for trace in TRACES if trace in content or trace in named}
    return found


def new_site(root: Path) -> Site:
    """Two subjects with one series each, before the first run."""
    site = Site(root)
    write_secret(root / "vault")
    for number in (0, 1):
        names = {"PatientID": f"PID-{number}0000", "PatientName": f"Person{number}^Xaver"}
        uid = f"1.2.{number + 1}"
        uids = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.1"}
        save_series(site.source / f"Xaver {number}", 3, **names, **uids)
    return site


@pytest.fixture(scope="session")
def first(one_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site after its first run."""
    root = tmp_path_factory.mktemp("first")
    make_cohort(root / "source", subjects=2, slices=3)
    write_secret(root / "vault")
    assert Site(root).run() == {"P001": ALL, "P002": ALL}
    return root


@pytest.fixture
def site(first: Path, tmp_path: Path) -> Site:
    """A copy of it, with its dates; inodes are new, so that files are read again, and found
    unchanged."""
    shutil.copytree(first, tmp_path / "site", symlinks=True)
    one = Site(tmp_path / "site")
    staging = first.parent / ".release.deidflow"
    if staging.exists():
        shutil.copytree(staging, tmp_path / "site" / ".release.deidflow")
    return one
