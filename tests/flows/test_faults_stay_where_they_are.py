"""Working processes that die, disks that fill, places that do not answer."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import prefect
import pytest

import tasks.convert
from deidflow.errors import StepFailed
from deidflow.steps.convert import convert_session
from deidflow.store.children import Children
from deidflow.verdicts import Reason
from tests.commands import command_here, command_line
from tests.flows import deaths
from tests.flows.conftest import ALL, Site
from tests.places import tree_digest, write_secret
from tests.synthetic import save_series


class Trap:
    """Lets a step of a subject meet something else than its work, in the real working process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str, subject: str, fate: str) -> None:
        self.met = 0
        real = Children.run

        def run(
            children: Children, log: Path, function: Callable[..., Any], /, *arguments: Any
        ) -> Any:
            is_step = function.__name__ == f"{step}_session"
            if is_step and arguments[0].pseudonym == subject:
                self.met += 1
                function = getattr(deaths, fate)
            return real(children, log, function, *arguments)

        monkeypatch.setattr(Children, "run", run)


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("killed", "the working process died"),
        ("segfault", "the working process died"),
        ("memory", "the working process reached its memory limit"),
        pytest.param(
            "unexpected", "an unexpected error (ValueError)", marks=pytest.mark.last_resort
        ),
    ],
)
def test_a_step_that_dies_costs_one_subject(
    site: Site,
    fate: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = tree_digest(site.release)
    with monkeypatch.context() as context:
        trap = Trap(context, "reconstruct", "P002", fate)
        done = site.run(redo="convert")
    assert (trap.met, site.summary.exit_code) == (1, 5)
    assert "reconstruct" in done["P001"] and "publish" not in done["P002"]
    said = "".join(capfd.readouterr())
    assert f"P002 M00 reconstruct: failed, {words}" in said
    assert "Person1" not in said
    assert tree_digest(site.release) == before, "what was published by the same rules stays"
    assert site.run()["P002"] >= {"reconstruct", "publish"}
    assert tree_digest(site.release) == before


@pytest.mark.parametrize(
    ("fate", "words"), [("full_disk", "no space left on the disk"), ("read_only", "read-only")]
)
def test_what_the_machine_lacks_stops_the_run_with_one_message(
    site: Site, fate: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        Trap(context, "reconstruct", "P001", fate)
        site.run(redo="anonymize", fails=True)
    assert site.summary.exit_code == 3
    assert words in site.summary.error and "Xaver" not in site.summary.error
    assert not [
        path for path in site.root.rglob("*") if path.name.endswith((".scratch", ".part", ".fault"))
    ]
    assert site.run(redo="anonymize") == {"P001": ALL, "P002": ALL}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_full(site: Site, tmp_path: Path) -> None:
    """A real one: the release lies on 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        places = (site.source, place / "release", "--vault", tmp_path / "vault")
        result = command_here("run", *places, "--level", "low")
        assert (result.returncode, "64 MiB are free" in result.stderr) == (3, True), result.stderr
    finally:
        subprocess.run(["umount", place], check=True)


def test_what_can_pass_by_itself_is_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network share that is away for a moment; nothing else is."""
    at_once = tasks.convert.convert.with_options(retry_delay_seconds=[0, 0])
    monkeypatch.setattr(tasks.convert, "convert", at_once)
    real, met = Children.run, {"away": 0, "broken": 0}

    def run(children: Children, log: Path, function: Callable[..., Any], /, *arguments: Any) -> Any:
        if function is convert_session and arguments[0].pseudonym == "P001" and met["away"] < 2:
            met["away"] += 1
            raise StepFailed(Reason.UNREACHABLE)
        if function is convert_session and arguments[0].pseudonym == "P002":
            met["broken"] += 1
            raise StepFailed(Reason.SOURCE_CHANGED)
        return real(children, log, function, *arguments)

    with monkeypatch.context() as context:
        context.setattr(Children, "run", run)
        done = site.run(redo="convert")
    assert "convert" in done["P001"]
    assert (met, site.summary.exit_code) == ({"away": 2, "broken": 1}, 5)


def test_odd_file_names_are_only_names_and_an_odd_series_costs_only_itself(
    one_server: None, tmp_path: Path
) -> None:
    """Line breaks, bytes that are no UTF-8, commas, signs that spreadsheets compute with; cells of
    64 bits."""
    write_secret(tmp_path / "vault")
    save_series(tmp_path / "source", 3)
    odd = {
        "SeriesInstanceUID": "1.2.3.4.5.2",
        "SeriesNumber": 8,
        "Modality": "CT",
        "BitsAllocated": 64,
    }
    save_series(tmp_path / "source", 2, **odd, SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    for name in (b"line\nbreak", b"\xff\xfe.txt", "=1+1,\U0001f9e0.txt".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path / "source") + b"/" + name)).write_text("no image")
    one = Site(tmp_path)
    one.run()
    assert (one.summary.exit_code, sum(one.summary.verdicts.values())) == (4, 8)
    assert (tmp_path / "release" / "P001" / "M00" / "003-MR").is_dir()
    assert b"\xff\xfe.txt" in (tmp_path / "vault" / "quarantine" / "report.csv").read_bytes()
    assert "'=1+1" in (tmp_path / "vault" / "quarantine" / "report.csv").read_text(
        "utf-8", "replace"
    )


class Busy(BaseHTTPRequestHandler):
    """A Prefect server that is there and takes nothing."""

    def do_GET(self) -> None:
        known = self.path.endswith(("/version", "/health"))
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(prefect.__version__ if known else None).encode())

    def do_POST(self) -> None:
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_a_server_that_takes_no_run_is_named(tmp_path: Path) -> None:
    save_series(tmp_path / "source", 1)
    write_secret(tmp_path / "vault")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = {"PREFECT_API_URL": f"http://127.0.0.1:{server.server_port}/api"}
    result = command_line(
        "run", tmp_path / "source", tmp_path / "r", "--vault", tmp_path / "vault", **address
    )
    server.shutdown()
    assert (result.returncode, "refused the run (HTTP 503)" in result.stderr) == (3, True), (
        result.stderr
    )
    assert "Traceback" not in result.stderr
