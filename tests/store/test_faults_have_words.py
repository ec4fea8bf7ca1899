"""Exceptions become errors in words: faults of the machine stop the run, others cost a subject."""

from __future__ import annotations

import binascii
import errno
import pickle
import sqlite3
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from deidflow.errors import EnvironmentFault, StepFailed, UsageError
from deidflow.store.faults import check_space, explanation, fault_of, reason_of
from deidflow.verdicts import Reason
from tests.places import mounted

NAME = "Zimmerquast^Adelheid"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "too many open files"),
        (errno.ENFILE, "too many open files on this machine"),
        (errno.EAGAIN, "no more processes"),
        (errno.EXDEV, "more than one file system"),
        (errno.ENOLCK, "no locks"),
        (errno.EOPNOTSUPP, "lacks something"),
    ],
)
def test_what_the_machine_lacks_stops_the_run(number: int, words: str) -> None:
    fault = fault_of(OSError(number, "as the system says it", NAME))

    assert isinstance(fault, EnvironmentFault)
    assert words in str(fault)
    assert NAME not in str(fault)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOENT, Reason.SOURCE_CHANGED),
        (errno.EACCES, Reason.NO_PERMISSION),
        (errno.EPERM, Reason.NO_PERMISSION),
        (errno.ENAMETOOLONG, Reason.NAME_TOO_LONG),
        (errno.ENOMEM, Reason.OUT_OF_MEMORY),
        (errno.ESTALE, Reason.UNREACHABLE),
        (errno.EIO, Reason.UNREACHABLE),
        (errno.ELOOP, Reason.REFUSED_BY_SYSTEM),
    ],
)
def test_what_concerns_one_file_costs_its_subject(number: int, reason: Reason) -> None:
    fault = fault_of(OSError(number, "as the system says it", NAME))

    assert isinstance(fault, StepFailed)
    assert fault.reason is reason
    assert NAME not in str(fault)


def test_a_refusal_without_words_of_its_own_names_the_error() -> None:
    fault = fault_of(OSError(errno.ELOOP, "loop"))

    assert str(fault).endswith("(ELOOP)")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (RuntimeError("std::bad_alloc"), Reason.OUT_OF_MEMORY),
        (RuntimeError("Failed to allocate memory for image"), Reason.OUT_OF_MEMORY),
        (RuntimeError("ITK ERROR: no convergence"), Reason.LIBRARY_FAILED),
        (RecursionError(), Reason.TOO_DEEP),
        (subprocess.TimeoutExpired("tool", 3), Reason.TOOL_FAILED),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), Reason.UNDECODABLE),
        (zlib.error("bad"), Reason.UNDECODABLE),
        (EOFError(), Reason.UNDECODABLE),
        (struct.error("short"), Reason.UNDECODABLE),
        (binascii.Error("pad"), Reason.UNDECODABLE),
        (OSError("not a gzipped file"), Reason.UNDECODABLE),
        pytest.param(KeyError(NAME), Reason.UNEXPECTED, marks=pytest.mark.last_resort),
    ],
)
def test_exceptions_of_libraries_have_reasons(error: BaseException, reason: Reason) -> None:
    assert reason_of(error) is reason


def test_an_error_of_ours_stays_as_it_is() -> None:
    error = UsageError("name a folder")

    assert fault_of(error) is error


def test_a_read_only_database_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite"
    sqlite3.connect(path).execute("create table subjects (pseudonym text)").connection.close()
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    with pytest.raises(sqlite3.Error) as caught:
        database.execute("insert into subjects values ('P001')")
    database.close()
    fault = fault_of(caught.value)
    assert isinstance(fault, EnvironmentFault)
    assert "read-only" in str(fault)


def test_another_error_of_the_database_names_its_code(tmp_path: Path) -> None:
    (tmp_path / "vault.sqlite").write_bytes(b"this is not a database" * 100)
    database = sqlite3.connect(tmp_path / "vault.sqlite")

    with pytest.raises(sqlite3.Error) as caught:
        database.execute("select * from subjects")
    database.close()
    assert "SQLITE_NOTADB" in str(fault_of(caught.value))


@pytest.mark.last_resort
def test_an_unexpected_error_asks_for_a_report_without_its_value() -> None:
    message, code = explanation(KeyError(NAME))

    assert message == "unexpected KeyError; please report it"
    assert code == 1


def test_an_expected_error_has_its_own_exit_code() -> None:
    message, code = explanation(OSError(errno.ENOSPC, "full"))

    assert "no space left" in message
    assert code == EnvironmentFault.exit_code


def test_a_failed_step_survives_the_way_between_processes() -> None:
    error = StepFailed(Reason.UNDECODABLE, "PixelData")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (copy.reason, copy.detail, str(copy)) == (error.reason, error.detail, str(error))


def test_a_disk_with_space_passes_and_keeps_no_probe(tmp_path: Path) -> None:
    check_space(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_space_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="no space left"):
        check_space(tmp_path, needed=1 << 62)

    volume = tmp_path / "volume"
    with mounted(volume, "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        (volume / "full").write_bytes(bytes(3_500_000))
        with pytest.raises(EnvironmentFault, match="no space left"):
            check_space(volume)
