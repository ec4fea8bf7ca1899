"""`deidflow serve`: the nightly run, one subject again, and what the server is told."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deidflow.errors import UsageError
from deidflow.settings.load import load_settings
from deidflow.store.locks import held
from flows.hosting.offered_flows import _check_subjects
from tests.commands import clean_environment, command_here, command_line
from tests.flows.conftest import (
    ASKING,
    DEIDFLOW,
    LONG,
    Served,
    forkservers_of,
    freeze,
    make_cohort,
    processes_of,
    serving,
    wait_until,
)
from tests.places import tree_digest
from tests.synthetic import save_series

CANCELLED = "cancelled; run again to carry on"


class Listener:
    """A webhook of a site, on loopback."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/deidflow"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    make_cohort(root / "source")
    broken = next((root / "source" / "Xaver 1").glob("*-1.dcm"))
    (root / "source" / "Xaver 1" / "cut Xaver.dcm").write_bytes(broken.read_bytes()[:700])
    with serving(root, f"level: low\nnotify: {{webhook: '{listener.address}'}}\n") as one:
        yield one


@pytest.fixture(scope="module")
def first_night(served: Served) -> str:
    run_id = served.api.start("nightly")
    assert served.api.ended(run_id)["state_name"] == "Quarantined"
    return run_id


STEPS = ("anonymize", "convert", "reconstruct", "verify", "publish")


def test_a_nightly_run_reads_like_the_pipeline(served: Served, first_night: str) -> None:
    run = served.api.run(first_night)
    assert run["parameters"] == {}
    assert set(run["tags"]) == {"level:low", "project:default"}
    assert run["name"].startswith("nightly 20")
    assert run["state"]["message"].startswith("3 subjects; 36 files released, 1 files quarantined")
    subjects = ("P001", "P002", "P003")
    expected = {f"{step} {subject} M00" for subject in subjects for step in STEPS}
    expected |= {*subjects, "discover", "report", "notify"}
    tasks = served.api.tasks(first_night, len(expected))
    assert set(tasks) == expected
    assert set(tasks.values()) == {"Completed"}
    lines = served.api.lines(first_night, "P0", len(subjects))
    assert lines == {f"{one}: completed, released" for one in subjects}


def cpu_seconds(process: int) -> float:
    """What a process has used so far, by proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_server_with_nothing_to_do_rests(served: Served, first_night: str) -> None:
    [server] = [
        number for number, line in processes_of(served.root).items() if "server start" in line
    ]
    before = cpu_seconds(server)
    time.sleep(3)
    assert cpu_seconds(server) - before < 1.5


def test_the_run_leaves_tables_and_a_bar(served: Served, first_night: str) -> None:
    artifacts = served.api.post("/artifacts/filter", flow_runs={"id": {"any_": [first_night]}})
    found = {one["key"]: one for one in artifacts}
    assert set(found) == {"subjects", "sessions", "verdicts"}
    assert found["subjects"]["data"] == 100.0
    assert found["subjects"]["description"] == "3 of 3 subjects: 3 completed"
    assert found["verdicts"]["description"] == "37 files: 36 released, 1 quarantined"
    assert found["sessions"]["description"] == "3 sessions: 3 worked on, 0 failed"
    row = json.loads(found["sessions"]["data"])[0]
    assert (row["subject"], row["session"], row["publish"], row["deface"]) == (
        "P001",
        "M00",
        "done",
        "-",
    )


def test_the_site_is_told_with_pseudonyms_and_counts_only(
    first_night: str, listener: Listener
) -> None:
    message = listener.messages[0]
    assert message["files"]["quarantined"] == 1
    assert (message["exit_code"], message["failed"]) == (4, [])
    assert set(message) == {
        "run",
        "project",
        "level",
        "exit_code",
        "files",
        "failed",
        "quarantined",
    }


def test_the_form_takes_lists_and_pseudonyms_only(served: Served) -> None:
    schema = served.api.deployment("reprocess-subject")["parameter_openapi_schema"]["properties"]
    assert schema["pseudonym"]["pattern"] == "^P[0-9]{3,4}$"
    assert schema["redo_from"]["enum"] == [
        "anonymize",
        "convert",
        "inspect",
        "deface",
        "reconstruct",
        "verify",
        "publish",
    ]
    assert schema["level"]["enum"] == ["low", "high"]
    assert len(schema["reason"]["enum"]) > 2
    before = len(served.api.runs())
    for wrong in ({"pseudonym": "Zimmerquast"}, {"pseudonym": "P001", "reason": "Frau Zimmerquast asked"},
                  {"pseudonym": "P001", "redo_from": "/data/x"}, {"pseudonym": "P001", "path": "/data"}):  # fmt: skip
        assert served.api.ask("reprocess-subject", **wrong).status_code in (409, 422), wrong
    assert len(served.api.runs()) == before


def test_one_subject_again_from_a_step_on(served: Served, first_night: str) -> None:
    before = tree_digest(served.release)
    run_id = served.api.start(
        "reprocess-subject", pseudonym="P002", redo_from="reconstruct", level="low"
    )
    ended = served.api.ended(run_id)
    assert ended["name"] == "P002 from reconstruct"
    tasks = served.api.tasks(run_id, len({"P002", "discover", "report", *STEPS}))
    assert {name for name in tasks if name.startswith("P")} == {"P002"}
    assert tasks["reconstruct P002 M00"] == tasks["publish P002 M00"] == "Completed"
    assert tasks["anonymize P002 M00"] == tasks["convert P002 M00"] == "Cached"
    assert tree_digest(served.release) == before


def test_a_pseudonym_belongs_to_a_level(served: Served, first_night: str) -> None:
    asked = {"subjects": ("P002",), "level": "high"}
    settings = load_settings(asked, served.root / "site.yaml", environment={})
    with pytest.raises(UsageError, match="no subject has this pseudonym at this level"):
        _check_subjects(settings)


def test_the_release_is_verified_from_the_ui(served: Served, first_night: str) -> None:
    for wrong in ({"subject": "Zimmerquast"}, {"withdraw": "yes please"}, {"path": "/data"}):
        assert served.api.ask("verify-release", **wrong).status_code in (409, 422), wrong

    clean = served.api.ended(served.api.start("verify-release"))
    assert (clean["name"], clean["state"]["name"]) == ("verify release", "Completed")
    assert clean["state"]["message"] == "clean"

    page = served.release / "P002" / "M00" / "session.json"
    content = page.read_text()
    page.write_text(content + " ")
    run_id = served.api.start("verify-release", subject="P002")
    found = served.api.ended(run_id)
    page.write_text(content)
    assert (found["name"], found["state"]["name"]) == ("verify P002", "Found")
    assert found["state"]["message"] == "checksum: SHA-256 (1)"
    artifacts = served.api.post("/artifacts/filter", flow_runs={"id": {"any_": [run_id]}})
    assert json.loads(artifacts[0]["data"])[0]["check"] == "checksum"


def test_while_another_run_is_at_work(served: Served, first_night: str) -> None:
    """The command line is refused, a nightly run is cancelled, one subject again waits."""
    with held(served.root / ".release.deidflow" / "lock", "release"):
        night = served.api.start("nightly")
        again = served.api.start(
            "reprocess-subject", pseudonym="P001", redo_from="verify", level="low"
        )
        state = served.api.ended(night)["state"]
        assert (state["name"], "another run is at work" in state["message"]) == ("Cancelled", True)
        wait_until(
            lambda: served.api.run(again)["state_name"] == "Running", LONG, "waiting run", ASKING
        )
        assert command_here("run", "--config", served.root / "site.yaml").returncode == 7
        assert served.api.run(again)["state_name"] == "Running"
    assert served.api.ended(again)["state_type"] == "COMPLETED"


@pytest.mark.slow
def test_two_workers_on_one_release(served: Served, first_night: str) -> None:
    before = tree_digest(served.release)
    command = next(line for line in processes_of(served.root).values() if " worker start " in line)
    environment = dict(
        entry.split("=", 1)
        for number, line in processes_of(served.root).items() if " worker start " in line
        for entry in (Path("/proc") / str(number) / "environ").read_text().split("\0") if "=" in entry
    )  # fmt: skip
    second = subprocess.Popen(command.split(), env=environment, stdout=subprocess.DEVNULL)
    try:
        again = {"pseudonym": "P001", "redo_from": "anonymize", "level": "low"}
        ids = [served.api.start("nightly"), served.api.start("reprocess-subject", **again)]
        states = [served.api.ended(one)["state_name"] for one in ids]
    finally:
        second.kill()
        second.wait()
    assert states[0] in ("Quarantined", "Cancelled")
    assert states[1] == "Quarantined"
    assert tree_digest(served.release) == before


def test_a_cancelled_run_stops_soon_and_the_next_carries_on_on_the_same_server(
    served: Served, first_night: str
) -> None:
    uids = {"StudyInstanceUID": "1.2.77", "SeriesInstanceUID": "1.2.77.1"}
    save_series(
        served.root / "source" / "late Xaver",
        40,
        PatientID="LATE-1",
        PatientName="Late^Xaver",
        **uids,
    )
    run_id = served.api.start("nightly")
    freeze(served.root, "P004")
    served.api.cancel(run_id)
    wait_until(lambda: not forkservers_of(served.root), 90, "end of the working processes")
    ended = served.api.ended(run_id)
    assert (ended["state_type"], ended["state"]["message"]) == ("CANCELLED", CANCELLED)
    assert (
        f"the last run did not finish: {CANCELLED}"
        in command_here("status", served.release, "--vault", served.root / "vault").stdout
    )
    assert not [
        path for path in served.root.rglob("*") if path.name.endswith((".scratch", ".part"))
    ]
    result = command_line("run", "--config", served.root / "site.yaml", PREFECT_HOME="")
    assert result.returncode == 4, result.stderr
    assert "P001: cached, nothing to do" in result.stderr
    assert (served.release / "P004" / "M00" / "session.json").exists()
    assert any(run["name"].startswith("run ") for run in served.api.runs())


@pytest.mark.slow
def test_a_run_of_the_command_line_is_cancelled_in_the_ui(served: Served, first_night: str) -> None:
    uids = {"StudyInstanceUID": "1.2.78", "SeriesInstanceUID": "1.2.78.1"}
    save_series(
        served.root / "source" / "later Xaver",
        40,
        PatientID="LATE-2",
        PatientName="Late^Xaver",
        **uids,
    )
    command = [DEIDFLOW, "run", "--config", str(served.root / "site.yaml")]
    clean = {name: value for name, value in clean_environment().items() if name != "PREFECT_HOME"}
    with subprocess.Popen(
        command, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        freeze(served.root, "P005")
        run = next(one for one in served.api.runs() if one["state_name"] == "Running")
        asked = time.monotonic()
        served.api.cancel(run["id"])
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, CANCELLED in said) == (130, True), said
    assert time.monotonic() - asked < 10
    ended = served.api.ended(run["id"], 5)
    assert (ended["state_name"], ended["state"]["message"]) == ("Cancelled", CANCELLED)


def opened(data: bytes) -> bytes:
    """Data, and behind it whatever base64 is in it, opened."""
    parts = [data]
    for found in re.findall(rb"[A-Za-z0-9+/]{12,}", data):
        parts += [
            binascii.a2b_base64(found[lead : len(found) - (len(found) - lead) % 4])
            for lead in range(4)
        ]
    return b"\0".join(parts)


def test_no_identifier_reaches_prefect_the_console_or_the_site(
    served: Served, listener: Listener
) -> None:
    """Last in this file: after runs that were quarantined, refused, cancelled and killed."""
    kept = {
        name: data
        for name, data in tree_digest(served.vault / "prefect").items()
        if not name.startswith("ui/")
    }
    assert {"prefect.db", "prefect.db-wal", "server.log", "worker.log"} <= set(kept)
    kept["console"] = (served.root / "console").read_bytes()
    kept["webhook"] = json.dumps(listener.messages).encode()
    kept["api"] = json.dumps(
        [served.api.post(f"/{what}/filter") for what in ("logs", "artifacts", "events")]
    ).encode()
    words = [
        "Xaver",
        "Person0",
        "Person1",
        "PID-00000",
        "PID-10000",
        "LATE-1",
        "Late^",
        "1.2.77",
        str(served.root),
    ]
    forms = {
        form: word
        for word in words
        for form in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode())
    }
    for name, data in kept.items():
        readable = opened(data)
        assert [word for form, word in forms.items() if form in readable] == [], name
    assert b"Xaver" in opened(b"x " + base64.b64encode(b"for Xaver there") + b" y"), (
        "the search opens base64"
    )
