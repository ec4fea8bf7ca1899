"""Whoever changes the evidence, or the release that it is about, is found out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deidflow.cli.report import report
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.evidence.signature import check_folder, sign_folder, signing_key
from tests.evidence.conftest import Filed, keys_of


def test_what_was_signed_is_sound(filed: Filed) -> None:
    key = signing_key(filed.layout, keys_of(filed.layout)).public_key()
    checked = check_folder(filed.folder, key, filed.layout.release)

    assert checked.problems == ()
    assert checked.fingerprint == filed.fingerprint


def test_a_changed_file_is_named(filed: Filed) -> None:
    approvals = filed.folder / "approvals.csv"
    approvals.write_text(approvals.read_text().replace("accept", "withhold"))

    assert check_folder(filed.folder).problems == ("approvals.csv was changed",)


def test_a_file_that_is_missing_or_added_is_named(filed: Filed) -> None:
    (filed.folder / "withheld.csv").unlink()
    (filed.folder / "more.txt").write_text("more")

    problems = check_folder(filed.folder).problems
    assert problems == ("withheld.csv is missing", "more.txt was added")


def test_a_list_that_was_made_to_fit_is_not_signed(filed: Filed) -> None:
    listing = filed.folder / "manifest.sha256"
    listing.write_text(listing.read_text().replace("withheld.csv", "withheld.csv ", 1))

    assert "the signature does not fit the list of files" in check_folder(filed.folder).problems


def test_somebody_elses_signature_is_not_the_vaults(filed: Filed) -> None:
    sign_folder(filed.folder, Ed25519PrivateKey.generate())
    key = signing_key(filed.layout, keys_of(filed.layout)).public_key()

    assert check_folder(filed.folder).problems == ()
    assert check_folder(filed.folder, key).problems == (
        "it was signed with another key than that of this vault",
    )


def test_a_changed_release_is_found(filed: Filed) -> None:
    image = filed.layout.published("P001", "M00") / "001-MR" / "defaced.nii.gz"
    image.write_bytes(b"another")

    (problem,) = check_folder(filed.folder, release=filed.layout.release).problems
    assert "P001/M00/001-MR/defaced.nii.gz" in problem


def test_another_release_is_found(filed: Filed) -> None:
    with (filed.layout.release / "manifest.sha256").open("a") as stream:
        stream.write("0" * 64 + "  more\n")

    problems = check_folder(filed.folder, release=filed.layout.release).problems
    assert problems == ("the release is not as it was when this was signed",)


def test_the_key_stays_and_is_sealed(filed: Filed) -> None:
    key = signing_key(filed.layout, keys_of(filed.layout))
    again = signing_key(filed.layout, keys_of(filed.layout))
    sealed = filed.layout.signing_key.read_bytes()

    assert key.private_bytes_raw() == again.private_bytes_raw()
    assert key.private_bytes_raw() not in sealed
    assert key.private_bytes_raw().hex().encode() not in sealed


def test_a_damaged_key_is_no_reason_to_make_another(filed: Filed) -> None:
    path = filed.layout.signing_key
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(EnvironmentFault, match="damaged"):
        signing_key(filed.layout, keys_of(filed.layout))


def test_a_folder_that_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not signed"):
        check_folder(tmp_path)


def test_the_command_ends_with_6_where_something_is_wrong(
    filed: Filed,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(check_signature=filed.folder) == 0
    (filed.folder / "methods.txt").write_text("nothing was done")

    assert report(check_signature=filed.folder) == 6
    assert "methods.txt was changed" in capsys.readouterr().err


def test_the_paragraph_for_a_paper(filed: Filed, capsys: pytest.CaptureFixture[str]) -> None:
    layout = filed.layout
    assert report(layout.release, vault=layout.vault, methods=True) == 0

    printed = capsys.readouterr().out
    assert "2 by registration" in printed
    assert "Of 15 files found, 8 were released (1 subject, 1 session)" in printed


def test_a_release_without_its_vault_has_no_report(filed: Filed) -> None:
    with pytest.raises(UsageError, match="--vault"):
        report(filed.layout.release)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_other_software_can_check_it(filed: Filed) -> None:
    done = subprocess.run(
        [
            *("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem"),
            *("-rawin", "-in", "manifest.sha256", "-sigfile", "manifest.sig"),
        ],
        cwd=filed.folder,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0
