"""Each hostile archive or member gets its own verdict, and costs nobody else anything."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deidflow.archives.bounds import Bounds
from deidflow.archives.member import is_traversal
from deidflow.archives.members import is_tar
from deidflow.archives.unpack import Unpacked, forget_unpacked, unpack_archives
from deidflow.dicom.inventory import read_file
from deidflow.verdicts import Reason, Verdict
from tests.headers import inventory
from tests.places import tree_digest
from tests.synthetic import as_file, mr_instance

DICOM = as_file(mr_instance())
Source = Callable[[str, bytes], None]


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = method
            archive.writestr(info, content)
    return stream.getvalue()


def tarred(*members: tuple[str, bytes], packed: str = "", kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{packed}") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[..., Unpacked]:
    """Unpack archives that lie in a source under these names."""

    def run(bounds: Bounds | None = None, **archives: bytes) -> Unpacked:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, content in archives.items():
            (source / name).write_bytes(content)
        before = tree_digest(source)
        unpacked = unpack_archives(source, inventory(source), tmp_path / "work", bounds)
        assert tree_digest(source) == before
        return unpacked

    return run


def reasons(unpacked: Unpacked) -> dict[str, Reason | None]:
    return {entry.path: entry.reason for entry in unpacked.entries}


@pytest.mark.parametrize(
    "content",
    [
        zipped(("Zimmerquast/1", DICOM)),
        zipped(("a", DICOM), method=zipfile.ZIP_STORED),
        tarred(("a", DICOM)),
        tarred(("a", DICOM), packed="gz"),
        gzip.compress(DICOM),
    ],
)
def test_a_member_is_read_as_a_file(
    tmp_path: Path, unpack: Callable[..., Unpacked], content: bytes
) -> None:
    unpacked = unpack(arc=content)
    (file,) = unpacked.files

    assert file.locator == "arc!/00001"
    assert file.path.read_bytes() == DICOM
    assert file.path.is_relative_to(tmp_path / "work")
    assert file.path.stat().st_mode & 0o077 == 0
    assert read_file(file.path.parent, file.path.name).instance is not None
    assert reasons(unpacked) == {"arc": Reason.ARCHIVE_UNPACKED}


def test_names_of_members_reach_no_path(tmp_path: Path, unpack: Callable[..., Unpacked]) -> None:
    unpack(a=zipped(("Zimmerquast.dcm", DICOM)), b=tarred(("Zimmerquast", DICOM)))

    names = [path.name for path in tmp_path.rglob("*")]
    assert not any("Zimmer" in name for name in names)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:\\x", "..\\x", "C:x"])
def test_a_name_that_leads_out_is_quarantined(
    tmp_path: Path, unpack: Callable[..., Unpacked], name: str
) -> None:
    unpacked = unpack(
        a=zipped((name, DICOM), ("good", DICOM)), b=tarred((name, DICOM), ("good", DICOM))
    )

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_PATH
    assert reasons(unpacked)["b!/00001"] is Reason.ARCHIVE_PATH
    assert {file.locator for file in unpacked.files} == {"a!/00002", "b!/00002"}
    assert not (tmp_path / "x").exists()


def test_names_that_stay_inside_are_no_traversal() -> None:
    assert not any(map(is_traversal, ("a/b", "a..b/c", "...", "./a")))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar_are_skipped(
    unpack: Callable[..., Unpacked], kind: bytes
) -> None:
    unpacked = unpack(a=tarred(("x", b""), kind=kind))

    assert not unpacked.files
    assert unpacked.entries[1].verdict is Verdict.SKIPPED
    assert unpacked.entries[1].reason is Reason.ARCHIVE_NOT_REGULAR


def test_a_link_in_a_zip_is_skipped(unpack: Callable[..., Unpacked]) -> None:
    unpacked = unpack(a=zipped(("x", b"/etc/passwd"), mode=0o120777))

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_NOT_REGULAR


def test_an_encrypted_member_is_quarantined_by_itself(unpack: Callable[..., Unpacked]) -> None:
    content = bytearray(zipped(("x", DICOM), ("y", DICOM)))
    content[6] |= 1
    directory = content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02"))
    content[directory + 8] |= 1
    unpacked = unpack(a=bytes(content))

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_ENCRYPTED
    assert [file.locator for file in unpacked.files] == ["a!/00002"]


def test_a_damaged_member_is_quarantined_by_itself(
    tmp_path: Path, unpack: Callable[..., Unpacked]
) -> None:
    content = bytearray(zipped(("x", DICOM), ("y", DICOM), method=zipfile.ZIP_STORED))
    content[200] ^= 0xFF
    unpacked = unpack(a=bytes(content))

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_BROKEN
    assert [file.locator for file in unpacked.files] == ["a!/00002"]
    assert len(list((tmp_path / "work").rglob("0000*"))) == 1


def test_a_way_of_compression_that_is_not_read_is_called_so(
    unpack: Callable[..., Unpacked],
) -> None:
    content = bytearray(zipped(("x", DICOM), ("y", DICOM)))
    deflate64 = struct.pack("<H", 9)
    content[8:10] = deflate64
    directory = content.find(b"PK\x01\x02")
    content[directory + 10 : directory + 12] = deflate64
    unpacked = unpack(a=bytes(content))

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_METHOD
    assert [file.locator for file in unpacked.files] == ["a!/00002"]


def test_names_in_another_encoding_than_they_say_cost_nothing(
    unpack: Callable[..., Unpacked],
) -> None:
    wrong = zipped(("AAÜAA", DICOM), ("good", DICOM), method=zipfile.ZIP_STORED)
    wrong = wrong.replace("AAÜAA".encode(), b"AA\xff\xfeAA")
    old = zipped(("AAAAAA", DICOM)).replace(b"AAAAAA", b"M\x81ller")
    unpacked = unpack(a=wrong, b=old)

    assert {file.locator for file in unpacked.files} == {"a!/00001", "a!/00002", "b!/00001"}
    assert [file.path.read_bytes() for file in unpacked.files] == [DICOM] * 3


def test_a_chain_of_headers_without_an_end_is_broken(unpack: Callable[..., Unpacked]) -> None:
    link = tarfile.TarInfo("././@LongLink")
    link.type = tarfile.GNUTYPE_LONGNAME
    link.size = 10
    header = link.tobuf(tarfile.GNU_FORMAT) + b"a" * 10 + bytes(502)
    chain = tarred(("x", DICOM)).rstrip(b"\0")
    chain += bytes(-len(chain) % 512) + header * 2000
    unpacked = unpack(a=header * 2000, b=chain)

    assert reasons(unpacked)["a"] is Reason.ARCHIVE_BROKEN
    assert reasons(unpacked)["b!/00002"] is Reason.ARCHIVE_BROKEN
    assert [file.locator for file in unpacked.files] == ["b!/00001"]


@pytest.mark.parametrize(
    "content",
    [
        zipped(("x", DICOM))[:-30],
        b"PK\x03\x04 nothing more",
        b"PK\x05\x06" + bytes(4),
    ],
)
def test_a_zip_without_its_directory_is_quarantined(
    unpack: Callable[..., Unpacked], content: bytes
) -> None:
    (entry,) = unpack(a=content).entries

    assert (entry.verdict, entry.reason) == (Verdict.QUARANTINED, Reason.ARCHIVE_BROKEN)


def test_a_cut_tar_keeps_what_came_before_the_cut(unpack: Callable[..., Unpacked]) -> None:
    whole = tarred(("x", DICOM), ("y", DICOM))
    unpacked = unpack(a=whole[: len(DICOM) + 2048])

    assert [file.locator for file in unpacked.files] == ["a!/00001"]
    assert reasons(unpacked)["a!/00002"] is Reason.ARCHIVE_BROKEN


def test_a_cut_gzip_is_broken(unpack: Callable[..., Unpacked]) -> None:
    unpacked = unpack(a=gzip.compress(DICOM)[:-20], b=gzip.compress(DICOM)[:12])

    assert not unpacked.files
    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_BROKEN
    assert reasons(unpacked)["b!/00001"] is Reason.ARCHIVE_BROKEN


@pytest.mark.parametrize(
    "content",
    [
        zipped(("x", bytes(40 << 20))),
        gzip.compress(bytes(40 << 20)),
        tarred(("x", bytes(40 << 20)), packed="gz"),
        zipped(*((str(number), bytes(1 << 20)) for number in range(40))),
    ],
)
def test_a_bomb_leaves_nothing(
    tmp_path: Path, unpack: Callable[..., Unpacked], content: bytes
) -> None:
    unpacked = unpack(a=content)

    assert not unpacked.files
    assert Reason.ARCHIVE_RATIO in reasons(unpacked).values()
    assert sum(path.stat().st_size for path in (tmp_path / "work").rglob("*")) < 1 << 20


def test_members_beyond_the_limit_cost_the_archive(unpack: Callable[..., Unpacked]) -> None:
    members = [(str(number), DICOM) for number in range(5)]
    unpacked = unpack(Bounds(members=4), a=zipped(*members), b=tarred(*members))

    assert set(reasons(unpacked).values()) == {Reason.ARCHIVE_MEMBERS}
    assert not unpacked.files


def test_a_directory_that_claims_to_be_huge_is_not_read(unpack: Callable[..., Unpacked]) -> None:
    content = bytearray(zipped(("x", DICOM)))
    place = content.rfind(b"PK\x05\x06")
    struct.pack_into("<L", content, place + 12, 0xFFFFFFF0)

    assert set(reasons(unpack(a=bytes(content))).values()) == {Reason.ARCHIVE_MEMBERS}


def test_a_tar_header_that_claims_to_be_huge_is_not_read(unpack: Callable[..., Unpacked]) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    content = info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)

    unpacked = unpack(a=content)
    assert not unpacked.files
    assert Reason.ARCHIVE_BROKEN in reasons(unpacked).values()


def test_a_member_or_an_archive_too_large_is_refused(unpack: Callable[..., Unpacked]) -> None:
    small = unpack(Bounds(member_bytes=100), a=zipped(("x", DICOM), ("y", b"text")))
    full = unpack(Bounds(total_bytes=100), b=zipped(("x", DICOM)))

    assert reasons(small)["a!/00001"] is Reason.ARCHIVE_MEMBER_SIZE
    assert [file.locator for file in small.files] == ["a!/00002"]
    assert reasons(full)["b"] is Reason.ARCHIVE_TOTAL


def test_an_archive_in_an_archive_is_not_opened(unpack: Callable[..., Unpacked]) -> None:
    unpacked = unpack(a=zipped(("x.dcm.gz", gzip.compress(DICOM)), ("y", zipped(("z", DICOM)))))

    assert reasons(unpacked)["a!/00001"] is Reason.ARCHIVE_NESTED
    assert reasons(unpacked)["a!/00002"] is Reason.ARCHIVE_NESTED


def test_other_archives_stay_skipped(unpack: Callable[..., Unpacked]) -> None:
    (entry,) = unpack(a=b"7z\xbc\xaf\x27\x1c" + bytes(600)).entries

    assert (entry.verdict, entry.reason) == (Verdict.SKIPPED, Reason.ARCHIVE)


def test_what_was_unpacked_is_not_unpacked_again(
    tmp_path: Path, unpack: Callable[..., Unpacked]
) -> None:
    first = unpack(a=zipped(("../x", DICOM), ("y", DICOM)))
    stamp = first.files[0].path.stat().st_mtime_ns
    again = unpack()

    assert again == first
    assert again.files[0].path.stat().st_mtime_ns == stamp
    forget_unpacked(tmp_path / "work", again.digests)
    assert first.files[0].path.exists()
    forget_unpacked(tmp_path / "work", ())
    assert not first.files[0].path.exists()


def test_a_half_unpacked_archive_is_unpacked_again(unpack: Callable[..., Unpacked]) -> None:
    first = unpack(a=zipped(("y", DICOM)))
    (first.files[0].path.parent / "members.json").unlink()

    assert unpack().files == first.files


def test_dicom_is_no_tar() -> None:
    assert not is_tar(DICOM[:512])
    assert not is_tar(bytes(512))
