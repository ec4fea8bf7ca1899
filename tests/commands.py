"""The command line, in this process or in one of its own, and the demo as it comes out of it."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path

from deidflow.cli import main
from deidflow.run.outcome import SessionOutcome, read_outcome
from deidflow.settings.run import RunSettings
from tests.unexpected import UNEXPECTED_ERRORS


@lru_cache(maxsize=1)
def prefect_home() -> str:
    """A home of Prefect whose database is set up once for all runs of a test process."""
    folder = tempfile.mkdtemp(prefix="deidflow-test-prefect-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours or of Prefect, but for its home and the server that
    tests share."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DEIDFLOW_", "PREFECT_"))
    }
    # Reading the text in every series takes long: tests that are about it ask for it.
    clean["DEIDFLOW_BURNED_IN"] = "{read: never}"
    shared = {"PREFECT_API_URL": os.environ[SHARED_API]} if SHARED_API in os.environ else {}
    return clean | {"PREFECT_HOME": prefect_home()} | shared


SHARED_API = "DEIDFLOW_TEST_API"


def command_here(
    *arguments: object, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """What `deidflow` does and says, in this process: one of its own takes a second or more to
    load. Runs want `one_server`; Prefect's settings stay those of this process."""
    given = ["deidflow", *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = given, io.StringIO(stdin)
    try:
        with _environment(environment), redirect_stdout(output), redirect_stderr(errors):
            main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv, sys.stdin = before

    said = output.getvalue(), errors.getvalue()
    UNEXPECTED_ERRORS.note_words("".join(said))
    return subprocess.CompletedProcess(given, code, *said)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """The environment of `clean_environment` with these changes, but for what Prefect has read."""
    before = dict(os.environ)
    clean = clean_environment() | changes
    for name in before:
        if name.startswith("DEIDFLOW_"):
            del os.environ[name]
    for name, value in clean.items():
        if not name.startswith("PREFECT_"):
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def command_line(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `deidflow` as a user does, for what a process is about; an empty PREFECT_HOME leaves
    Prefect's files in the vault, as by default."""
    clean = {name: value for name, value in (clean_environment() | environment).items() if value}
    result = subprocess.run(
        [Path(sys.executable).with_name("deidflow"), *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=clean,
        check=False,
        timeout=1200,
    )
    UNEXPECTED_ERRORS.note_words(result.stdout + result.stderr)
    return result


class DemoRun:
    """One run of the demo, shared by the tests that look at what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.release, self.vault = (
            folder / name for name in ("source", "release", "vault")
        )
        self.result = command_line("demo", folder, PREFECT_HOME="")

    def settings(self) -> RunSettings:
        """The settings of the demo's run."""
        return RunSettings(source=self.source, release=self.release, vault=self.vault)

    def outcome(self, pseudonym: str) -> Mapping[str, SessionOutcome]:
        """How a subject's run ended."""
        return read_outcome(self.vault / "work" / "default-high" / pseudonym / "outcome.json")
