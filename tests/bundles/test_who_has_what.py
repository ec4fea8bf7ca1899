"""Bundles: what goes to whom, and what an outsider with a common program gets out of them."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pyzipper

from deidflow.bundles.archive import new_archive
from deidflow.bundles.bundle import Bundle, make_bundle
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.release.tables import write_checksums
from deidflow.release.withdrawal import release_manifests, withdraw_sessions
from deidflow.store.files import sha256_of
from tests.commands import command_here
from tests.synthetic_release import MadeRelease, make_release

PASSWORD = "correct horse battery"  # noqa: S105  opens nothing else


@pytest.fixture
def made(tmp_path: Path) -> MadeRelease:
    release = make_release(tmp_path)
    published = release.layout.published("P001", "M00")
    shutil.copytree(published, release.layout.published("P003", "M00"))
    shutil.copytree(published, release.layout.published("P004", "M06"))
    renew(release)
    return release


@pytest.fixture
def vault(made: MadeRelease) -> Iterator[Vault]:
    keys = Keys(load_secret(made.layout.vault, create=False), "default", "high")
    with closing(Vault(made.layout.vault, keys)) as opened:
        yield opened


def renew(made: MadeRelease) -> None:
    write_checksums(made.layout, release_manifests(made.layout))


def bundled(
    made: MadeRelease, vault: Vault, name: str, *, to: str = "Ada", since: bool = False
) -> Bundle:
    path = made.layout.release.parent / name
    return make_bundle(made.layout, vault, to, path, PASSWORD, only_changes=since)


def unpacked(bundle: Bundle, folder: Path) -> dict[str, bytes]:
    """Unpack as a recipient does, over an earlier copy."""
    with pyzipper.AESZipFile(bundle.path) as archive:
        archive.setpassword(PASSWORD.encode())
        number = f"bundle/{bundle.record.number:03d}"
        for name in archive.read(f"{number}/delete.txt").decode().splitlines():
            shutil.rmtree(folder / name)
        archive.extractall(folder)
        return {name.partition("/")[0]: archive.read(name) for name in archive.namelist()}


def is_as_listed(folder: Path, table: str = "manifest.sha256") -> bool:
    command = ["sha256sum", "-c", "--quiet", "--strict", table]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_a_copy_follows_the_release_bundle_by_bundle(
    made: MadeRelease, vault: Vault, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    unpacked(bundled(made, vault, "1.zip"), copy)
    assert is_as_listed(copy)
    assert is_as_listed(copy, "bundle/001/files.sha256")
    with pytest.raises(UsageError, match="nothing has changed"):
        bundled(made, vault, "none.zip", since=True)

    shutil.copytree(made.layout.published("P001", "M00"), made.layout.published("P001", "M12"))
    shutil.rmtree(made.layout.published("P003", "M00") / "001-MR")
    renew(made)
    assert withdraw_sessions(made.layout, [("P004", "M06")])

    second = bundled(made, vault, "2.zip", to="ADA", since=True)
    top = unpacked(second, copy)
    assert (second.selection.new, second.selection.changed) == (("P001/M12",), ("P003/M00",))
    assert second.selection.withdrawn == ("P004/M06",)
    assert set(top) >= {"P001", "P003", "dataset.json"}
    assert is_as_listed(copy)
    assert {path.parent.name for path in copy.glob("P*/M*")} == {"P001", "P003"}
    told = json.loads((copy / "bundle/002/bundle.json").read_text())
    assert told["withdrawn"] == ["P004/M06"]

    assert is_as_listed(tmp_path, "2.zip.sha256")
    records = vault.bundles()
    assert [record.recipient for record in records] == ["Ada", "ADA"]
    assert records[1].sha256 == sha256_of(second.path)
    assert set(records[1].sessions) == {"P001/M00", "P001/M12", "P003/M00"}
    with pytest.raises(UsageError, match="nothing was bundled for this recipient"):
        bundled(made, vault, "3.zip", to="Eve", since=True)


def test_only_the_password_opens_it(made: MadeRelease, vault: Vault, tmp_path: Path) -> None:
    bundle = bundled(made, vault, "1.zip")
    with pyzipper.AESZipFile(bundle.path) as archive:
        assert all(entry.flag_bits & 1 for entry in archive.infolist())
        archive.setpassword(b"another password!")
        with pytest.raises(RuntimeError, match="password"):
            archive.read("dataset.json")
    assert b"deidflow release" not in bundle.path.read_bytes()
    program = shutil.which("7zz") or shutil.which("7z")
    if program is None:
        pytest.skip("no 7-Zip here")
    command = [program, "x", f"-p{PASSWORD}", f"-o{tmp_path / 'seven'}", bundle.path]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert is_as_listed(tmp_path / "seven")


def test_a_release_that_is_not_as_listed_is_not_sent(made: MadeRelease, vault: Vault) -> None:
    image = next(made.layout.release.rglob("defaced.nii.gz"))
    image.write_bytes(image.read_bytes() + b"\0")
    with pytest.raises(EnvironmentFault, match="not what manifest"):
        bundled(made, vault, "1.zip")
    assert not list(made.layout.release.parent.glob("*zip*"))
    assert not list(made.layout.release.parent.glob(".*.part"))
    assert not vault.bundles()


def test_large_files_do_not_fill_memory(tmp_path: Path) -> None:
    large = tmp_path / "large.gz"
    with large.open("wb") as stream:
        stream.truncate(120 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with new_archive(tmp_path / "1.zip", PASSWORD) as archive:
        archive.add_file("large.gz", large, sha256_of(large))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50 << 10


def test_another_vault_is_refused(made: MadeRelease) -> None:
    result = command_here("bundle", *made.arguments, "--to", "Ada")
    assert (result.returncode, "made with another vault" in result.stderr) == (2, True)
