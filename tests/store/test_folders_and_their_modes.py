"""Private folders are private, public ones readable, whatever was there before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deidflow.errors import EnvironmentFault
from deidflow.store.process import LEAST_MEMORY, machine_memory, memory_for, run_tool
from deidflow.store.scratch import make_readable, private_folder, public_folder
from tests.places import mounted


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_private_folder_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "vault"
    assert private_folder(folder, "vault") == folder
    assert mode(folder) == 0o700

    folder.chmod(0o777)
    private_folder(folder, "vault")
    assert mode(folder) == 0o700


def test_a_public_folder_is_readable_despite_a_private_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        public_folder(tmp_path / "release", "release")
    finally:
        os.umask(before)

    assert mode(tmp_path / "release") == 0o755


def test_a_public_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir(mode=0o750)
    folder.chmod(0o2770)

    public_folder(folder, "release")
    assert folder.stat().st_mode & 0o7777 == 0o2770


@pytest.mark.parametrize("make", [private_folder, public_folder])
def test_a_file_in_the_way_is_named_as_what_was_wanted(tmp_path: Path, make: object) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EnvironmentFault, match="the vault cannot be written"):
        make(tmp_path / "file" / "below", "vault")  # type: ignore[operator]


@pytest.mark.parametrize("make", [private_folder, public_folder])
def test_a_read_only_file_system_is_a_fault(tmp_path: Path, make: object) -> None:
    volume = tmp_path / "volume"
    with (
        mounted(volume, "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"),
        pytest.raises(EnvironmentFault, match="cannot be written"),
    ):
        make(volume / "new", "release")  # type: ignore[operator]


def test_a_future_release_is_readable_in_depth(tmp_path: Path) -> None:
    series = tmp_path / "session" / "003-MR"
    series.mkdir(parents=True, mode=0o700)
    (series / "slice_001.dcm").touch(mode=0o600)

    make_readable(tmp_path / "session")
    assert (mode(series), mode(series / "slice_001.dcm")) == (0o755, 0o644)


def test_workers_share_four_fifths_of_the_memory() -> None:
    assert memory_for(10**6) == LEAST_MEMORY
    assert memory_for(1) == max(LEAST_MEMORY, int(0.8 * machine_memory()))


def test_the_output_of_a_tool_is_in_the_log_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "tools.log"
    command = ["sh", "-c", "echo Zimmerquast; echo Adelheid >&2; exit 3"]

    assert run_tool(command, log) == 3
    assert log.read_text() == "Zimmerquast\nAdelheid\n"
    assert capfd.readouterr() == ("", "")


def test_a_tool_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="dcm2niix-missing cannot be started"):
        run_tool([str(tmp_path / "dcm2niix-missing")], tmp_path / "log")
