"""Commands in this process: what they print, and with which code they end."""

from __future__ import annotations

from pathlib import Path

import pytest

import deidflow
from deidflow.cli.show import NOTHING_SHOWN
from deidflow.cli.vault import NOT_FOUND, UNSOUND
from deidflow.cli.versions import is_verbose_version, version_lines
from tests.commands import command_here
from tests.synthetic import mr_instance, save, save_series


def command(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors of `deidflow`."""
    ended = command_here(*arguments)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault that knows one patient."""
    folder = tmp_path_factory.mktemp("vault")
    save_series(folder / "in", 1)
    deidflow.anonymize(
        folder / "in",
        folder / "out",
        vault=folder / "vault",
        level="low",
        project="trial",
        workers=1,
        quiet=True,
    )
    return folder / "vault"


def test_profiles_are_listed_with_their_titles() -> None:
    code, output, _ = command("profile", "list")

    names = [line.split()[0] for line in output.splitlines()]
    assert code == 0
    assert {"low", "high", "basic"} <= set(names)


def test_a_profile_is_shown_attribute_by_attribute() -> None:
    code, output, _ = command("profile", "show", "high")

    lines = output.splitlines()
    assert code == 0
    assert lines[0].startswith("high: ")
    assert lines[1].startswith("options: ")
    assert "dates: clock" in lines[1]
    assert any(line.split()[1:2] == ["PatientName"] for line in lines[2:])


def test_two_profiles_are_compared() -> None:
    _, same, _ = command("profile", "diff", "low", "low")
    code, output, _ = command("profile", "diff", "low", "high")

    assert (code, same) == (0, "")
    assert all("low: " in line and "high: " in line for line in output.splitlines())


def test_an_unknown_profile_is_one_line_with_a_suggestion() -> None:
    code, output, errors = command("profile", "show", "hihg")

    assert (code, output) == (2, "")
    assert "did you mean 'high'?" in errors
    assert len(errors.splitlines()) == 1


def test_a_profile_of_one_s_own_is_checked(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: high\n")
    code, output, errors = command("profile", "check", own)
    assert (code, errors) == (0, "")
    assert "profile own is valid" in output

    deviation = "{attribute: PatientName, action: retain, reason: everybody consented}"
    own.write_text(f"extends: high\ndeviations: [{deviation}]\n")
    code, output, errors = command("profile", "check", own)
    assert code == 0
    assert errors.splitlines() == [
        "its output is not de-identified by PS3.15",
        "  keeps PatientName",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("extends: high\nprivate: []\nprivate: []\n", "line 3: key 'private'"),
        ("extends: high\noptoins: []\n", "did you mean 'options'"),
        ("extends: high\nclasses: [MRImageStorag]\n", "did you mean 'MRImageStorage'"),
    ],
)
def test_a_wrong_profile_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(content)

    code, _, errors = command("profile", "check", own)
    assert code == 2
    assert message in errors


def test_a_patient_is_looked_up_by_every_name_and_number(vault: Path) -> None:
    for value in ("P001", "PID-77120", "adelheid zimmerquast"):
        code, output, _ = command("vault", "lookup", value, "--vault", vault)
        first, session = output.splitlines()
        assert code == 0
        assert first.startswith("trial low  P001  PID-77120  Zimmerquast^Adelheid  shift ")
        assert session.split() == ["M00", "2022-05-10"]


@pytest.mark.parametrize(
    "arguments", [("P002",), ("P001", "--level", "high"), ("P001", "--project", "other")]
)
def test_nobody_is_found_where_nobody_is_meant(vault: Path, arguments: tuple[str, ...]) -> None:
    code, output, errors = command("vault", "lookup", *arguments, "--vault", vault)

    assert (code, output) == (NOT_FOUND, "")
    assert "nobody in this vault" in errors


def test_all_identities_are_exported_for_their_owner_only(vault: Path, tmp_path: Path) -> None:
    table = tmp_path / "who.csv"
    code, output, _ = command("vault", "export", table, "--vault", vault)

    assert code == 0
    assert output.startswith("1 subjects written")
    assert "Zimmerquast^Adelheid" in table.read_text()
    assert table.stat().st_mode & 0o777 == 0o600


def test_a_vault_is_sound_until_others_may_read_it(vault: Path) -> None:
    code, output, _ = command("vault", "check", "--vault", vault)
    assert (code, output) == (0, "the vault is sound\n")

    vault.chmod(0o755)
    code, output, _ = command("vault", "check", "--vault", vault)
    vault.chmod(0o700)
    assert code == UNSOUND
    assert "sound" not in output


def test_files_that_are_not_dicom_are_counted(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "in" / "scan.dcm")
    (tmp_path / "in" / "notes.txt").write_text("x")

    code, output, errors = command("show", tmp_path / "in")
    assert code == 0
    assert output.splitlines()[0] == "scan.dcm"
    assert errors == "1 files are not readable DICOM files\n"
    code, output, _ = command("show", tmp_path / "in" / "notes.txt")
    assert (code, output) == (NOTHING_SHOWN, "")


def test_show_wants_a_file(tmp_path: Path) -> None:
    assert command("show")[0] == 2
    assert "does not exist" in command("show", tmp_path / "missing")[2]


def test_the_ui_wants_a_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEIDFLOW_VAULT", raising=False)

    code, _, errors = command("ui")
    assert code == 2
    assert "DEIDFLOW_VAULT" in errors


def test_flags_of_anonymize_win_over_its_file(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 2)
    file = tmp_path / "site.yaml"
    file.write_text("level: high\nlayout: mirror\nids: {prefix: S}\n")
    options = ("--config", file, "--level", "low", "--workers", 1, "--shift-dates", "-1")

    code, _, errors = command("anonymize", tmp_path / "in", tmp_path / "out", *options)
    assert code == 0, errors
    names = sorted(path.name for path in (tmp_path / "out" / "S001").iterdir())
    assert names == ["001.dcm", "002.dcm"]


def test_a_plan_of_anonymize_is_printed_not_done(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 1)

    code, output, errors = command(
        "anonymize", tmp_path / "in", tmp_path / "out", "--dry-run", "--workers", 1
    )
    assert code == 0
    assert "000001  PatientName" in output
    assert "would become: 1 released" in errors
    assert not (tmp_path / "out").exists()


def test_contradicting_flags_are_refused_before_anything_is_read() -> None:
    code, _, errors = command("anonymize", "/missing", "/out", "--quiet", "--verbose")

    assert code == 2
    assert "--quiet and --verbose contradict" in errors


def test_an_unknown_command_is_one_line() -> None:
    code, _, errors = command("anonimize", "in", "out")

    assert code == 2
    assert len(errors.splitlines()) == 1


def test_versions_are_asked_for_by_both_flags_and_nothing_else() -> None:
    assert is_verbose_version(["--verbose", "--version"])
    assert not is_verbose_version(["--version"])
    assert not is_verbose_version(["run", "--version", "--verbose"])

    lines = list(version_lines())
    assert not [line for line in lines if line.endswith("not installed")]
