"""Progress: plain lines where nobody looks at a terminal, and a log file on request."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from deidflow.cli.progress import _Bars, shown
from deidflow.errors import EnvironmentFault

LOGGER = logging.getLogger("deidflow.progress")


def log(message: str, pseudonym: str = "", step: str = "") -> None:
    LOGGER.info(message, extra={"pseudonym": pseudonym, "step": step})


def test_lines_go_to_the_console_and_with_their_time_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(tmp_path / "run.log"):
        log("P001: released", "P001", "subject")

    assert capsys.readouterr().err == "P001: released\n"
    line = (tmp_path / "run.log").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ P001: released\n", line)


def test_if_quiet_only_the_log_has_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(tmp_path / "run.log", quiet=True):
        log("P001: released")

    assert capsys.readouterr().err == ""
    assert "P001: released" in (tmp_path / "run.log").read_text()


def test_runs_are_added_to_the_same_log(tmp_path: Path) -> None:
    for number in range(2):
        with shown(tmp_path / "run.log", quiet=True):
            log(f"run {number}")

    assert len((tmp_path / "run.log").read_text().splitlines()) == 2


def test_after_the_run_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    before = list(LOGGER.handlers)
    with pytest.raises(KeyError), shown(None):
        log("within")
        raise KeyError
    log("after")

    assert capsys.readouterr().err == "within\n"
    assert LOGGER.handlers == before


def test_a_log_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="log file cannot be written"), shown(tmp_path):
        pass


@pytest.fixture
def bars() -> _Bars:
    """Bars on a terminal that is a text."""
    console = Console(file=io.StringIO(), force_terminal=True)
    return _Bars(Progress(console=console))


def record(message: str, pseudonym: str = "", step: str = "") -> logging.LogRecord:
    values = {"msg": message, "pseudonym": pseudonym, "step": step}
    return logging.makeLogRecord(values)


def descriptions(bars: _Bars) -> list[str]:
    return [task.description for task in bars._progress.tasks]


def test_each_subject_at_work_has_one_bar(bars: _Bars) -> None:
    bars.emit(record("begins", "P001", "anonymize"))
    bars.emit(record("begins", "P002", "anonymize"))
    bars.emit(record("goes on", "P001", "deface"))

    assert descriptions(bars) == ["P001 deface", "P002 anonymize"]


def test_a_finished_subject_leaves_a_line_and_no_bar(bars: _Bars) -> None:
    bars.emit(record("begins", "P001", "anonymize"))
    bars.emit(record("P001: released", "P001", "subject"))
    bars.emit(record("all done"))

    assert descriptions(bars) == []
    stream = bars._progress.console.file
    assert isinstance(stream, io.StringIO)
    text = stream.getvalue()
    assert "P001: released" in text
    assert "all done" in text
