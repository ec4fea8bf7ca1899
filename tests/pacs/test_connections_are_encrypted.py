"""TLS both ways: certificates of the site's authority, and nobody else."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deidflow.pacs.receiver import Received, receiving
from deidflow.pacs.send import SendResult, send_release
from deidflow.pacs.spool import Spool
from deidflow.release.layout import Layout
from deidflow.settings.pacs import required_receive
from tests.pacs.archive import digests
from tests.pacs.conftest import Site
from tests.pacs.released import two_subjects


class Authority:
    """Signs certificates for this machine."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self.key, is_authority=True)
        self.path = self._write(f"{name}.pem", self.certificate)

    def tls(self, trusted: Authority | None = None) -> dict[str, str]:
        """The section of a site with a certificate of ours."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = self._write(f"{self.name}-own.pem", self._signed(key, is_authority=False))
        private = self.folder / f"{self.name}-own.key"
        form = serialization.PrivateFormat.PKCS8
        none = serialization.NoEncryption()
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
        authorities = (trusted or self).path
        return {"authorities": str(authorities), "certificate": str(own), "key": str(private)}

    def _signed(self, key: Any, *, is_authority: bool) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} {is_authority}")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            x509.CertificateBuilder(issuer, issuer if is_authority else own, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture
def other(tmp_path: Path) -> Site:
    (tmp_path / "other").mkdir()
    return Site(tmp_path / "other")


@pytest.fixture
def authority(tmp_path: Path, other: Site) -> Iterator[Authority]:
    """Of a site that receives by TLS while the test lasts."""
    one = Authority(tmp_path, "hospital")
    receive = {"port": other.port, "allow": ["DEIDFLOW"], "tls": True}
    settings = other.settings(receive=receive, tls=one.tls())
    asked = required_receive(settings.pacs)
    with receiving(settings.pacs, asked, Spool.of(settings), Received()):
        yield one


def sent(site: Site, port: int, tls: dict[str, str], *, by_tls: bool = True) -> SendResult:
    peer = {"ae_title": "DEIDFLOW", "host": "127.0.0.1", "port": port, "tls": by_tls}
    retry = {"attempts": 1}
    return send_release(site.settings(send={"peer": peer}, tls=tls, retry=retry, timeout_seconds=3))


def test_certificates_of_one_authority(site: Site, other: Site, authority: Authority) -> None:
    files = two_subjects(Layout.of(site.settings()))
    assert sent(site, other.port, authority.tls()).sent == 6
    kept = [path.read_bytes() for path in other.root.rglob(".source*/**/*.dcm")]
    assert digests(kept) == digests(files)


def test_strangers_are_not_let_in(
    site: Site, other: Site, authority: Authority, tmp_path: Path
) -> None:
    two_subjects(Layout.of(site.settings()))
    stranger = Authority(tmp_path, "stranger")
    unsigned = stranger.tls(trusted=authority)
    assert sent(site, other.port, unsigned).sent == 0
    assert sent(site, other.port, authority.tls(), by_tls=False).sent == 0
    assert sent(site, other.port, stranger.tls()).sent == 0, "we do not trust them either"
    assert not list(other.root.rglob("*.dcm"))
