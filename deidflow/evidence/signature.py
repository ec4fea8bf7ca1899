"""An Ed25519 signature (RFC 8032) over files and their hashes; the key is sealed in the vault."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys
from deidflow.release.layout import Layout
from deidflow.store.files import names_below, sha256_of, write_bytes_atomic

MANIFEST = "manifest.sha256"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public-key.pem"
RELEASE_MANIFEST = "release-manifest.sha256"
_UNLISTED = frozenset((MANIFEST, SIGNATURE, PUBLIC_KEY))
_ROW = RowKey("signature", b"ed25519")


@dataclass(frozen=True)
class Checked:
    """What a check of a signed folder found; no problem means that all is as it was signed."""

    problems: tuple[str, ...]
    fingerprint: str
    """SHA-256 of the public key, to be compared with what the holder of the vault says."""


def signing_key(layout: Layout, keys: Keys) -> Ed25519PrivateKey:
    """The vault's key for this project and level, made on first use.

    Raises EnvironmentFault where its sealed file is damaged.
    """
    sealer = Sealer(keys)
    path = layout.signing_key
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        sealed = sealer.seal(
            _ROW,
            {"key": made.private_bytes_raw().hex()},
        )
        write_bytes_atomic(path, sealed)
        return made

    try:
        row = sealer.unseal(_ROW, path.read_bytes())
    except InvalidTag:
        raise EnvironmentFault(
            "the signing key of the vault is damaged; restore it from a backup"
        ) from None
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(row["key"]))


def sign_folder(folder: Path, key: Ed25519PrivateKey) -> None:
    """List every file of a folder with its hash, and sign the list."""
    lines = []
    for name in names_below(folder):
        if name in _UNLISTED:
            continue
        digest = sha256_of(folder / name)
        lines.append(f"{digest}  {name}\n")
    listing = "".join(lines).encode("utf-8")

    write_bytes_atomic(
        folder / MANIFEST,
        listing,
        0o644,
    )
    write_bytes_atomic(
        folder / SIGNATURE,
        key.sign(listing),
        0o644,
    )
    write_bytes_atomic(
        folder / PUBLIC_KEY,
        public_pem(key.public_key()),
        0o644,
    )


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(
        Encoding.PEM,
        PublicFormat.SubjectPublicKeyInfo,
    )


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key, in groups of four digits."""
    digest = hashlib.sha256(key.public_bytes_raw()).hexdigest()
    return " ".join(
        digest[start : start + 4]
        for start in range(
            0,
            32,
            4,
        )
    )


def check_folder(
    folder: Path,
    expected: Ed25519PublicKey | None = None,
    release: Path | None = None,
) -> Checked:
    """Check signature and hashes; with the vault's key also whose it is, with a release also that.

    Raises UsageError where the folder is not signed.
    """
    listing, signature, key = _read(folder)
    problems = []
    try:
        key.verify(signature, listing)
    except InvalidSignature:
        problems.append("the signature does not fit the list of files")
    if expected is not None and expected.public_bytes_raw() != key.public_bytes_raw():
        problems.append("it was signed with another key than that of this vault")
    problems += _changed_files(folder, listing)
    if release is not None:
        problems += _changed_release(folder, release)
    return Checked(tuple(problems), fingerprint_of(key))


def _read(folder: Path) -> tuple[bytes, bytes, Ed25519PublicKey]:
    try:
        listing = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
        key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
    except (OSError, ValueError):
        raise UsageError(
            f"the folder is not signed; expected {MANIFEST}, {SIGNATURE} and {PUBLIC_KEY} in it"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{PUBLIC_KEY} is not an Ed25519 key")
    return listing, signature, key


def _changed_files(folder: Path, listing: bytes) -> list[str]:
    listed = _digests(listing)
    names = set(names_below(folder))
    present = names - _UNLISTED
    problems = []
    for name in sorted(listed.keys() - present):
        problems.append(f"{name} is missing")
    for name in sorted(present - listed.keys()):
        problems.append(f"{name} was added")

    for name in sorted(present & listed.keys()):
        digest = sha256_of(folder / name)
        if digest != listed[name]:
            problems.append(f"{name} was changed")
    return problems


def _digests(listing: bytes) -> dict[str, str]:
    """Names and hashes of a list as `sha256sum` writes it."""
    digests = {}
    text = listing.decode("utf-8", "replace")
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests


def _changed_release(folder: Path, release: Path) -> list[str]:
    """Check that the release's list of files is the signed one, and its files by that list."""
    signed = folder / RELEASE_MANIFEST
    current = release / MANIFEST
    if not signed.exists() or not current.exists():
        return ["the release has no list of files"]
    if signed.read_bytes() != current.read_bytes():
        return ["the release is not as it was when this was signed"]

    problems = []
    for name, digest in _digests(current.read_bytes()).items():
        path = release / name
        if not path.is_file() or sha256_of(path) != digest:
            problems.append(f"the release's {name} is missing or was changed")
    return problems
