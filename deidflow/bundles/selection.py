"""What goes into a bundle: everything, or what is new or changed since the recipient's last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deidflow.errors import EnvironmentFault
from deidflow.identity.bundle_table import SentVersion
from deidflow.release.changes import History
from deidflow.release.layout import SESSION_FOLDER, SUBJECT_FOLDER, Layout
from deidflow.store.files import digest_of, read_json

MANIFEST = "manifest.sha256"
_NOT_SOUND = "run 'deidflow run' again, which writes it anew, then bundle"


@dataclass(frozen=True)
class BundleSelection:
    """The files of a bundle, and what the recipient has to do with the sessions."""

    files: Mapping[str, str]
    """Path below the release -> SHA-256, without the manifest itself."""
    new: tuple[str, ...]
    changed: tuple[str, ...]
    withdrawn: tuple[str, ...]
    sessions: Mapping[str, SentVersion]
    """All that the recipient has afterwards."""

    @property
    def to_delete(self) -> tuple[str, ...]:
        """Folders of an earlier copy that go before this bundle is unpacked."""
        return (*self.changed, *self.withdrawn)


def select(
    layout: Layout, before: Mapping[str, SentVersion], *, only_changes: bool
) -> BundleSelection:
    """What a recipient with these sessions gets; raises EnvironmentFault without a manifest."""
    digests = read_manifest(layout)
    now = _sessions(layout, digests)
    new = [session for session in now if session not in before]
    changed = []
    for session in now.keys() & before.keys():
        if now[session].digest != before[session].digest:
            changed.append(session)

    chosen = {*new, *changed} if only_changes else set(now)
    files = {}
    for path, digest in digests.items():
        session = session_of(path)
        if not session or session in chosen:
            files[path] = digest
    return BundleSelection(
        files=files,
        new=tuple(sorted(new)),
        changed=tuple(sorted(changed)),
        withdrawn=tuple(sorted(before.keys() - now.keys())),
        sessions=now,
    )


def read_manifest(layout: Layout) -> dict[str, str]:
    """Path -> SHA-256 of every file of a release."""
    try:
        lines = (layout.release / MANIFEST).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise EnvironmentFault(f"the release has no {MANIFEST}; {_NOT_SOUND}") from None
    digests = {}
    for line in lines:
        digest, separator, path = line.partition("  ")
        if not separator or ".." in path.split("/"):
            raise EnvironmentFault(f"{MANIFEST} of the release is damaged; {_NOT_SOUND}")
        digests[path] = digest
    return digests


def session_of(path: str) -> str:
    """`P001/M00` for a file of a session; empty for one at the top of a release."""
    subject, _, rest = path.partition("/")
    label = rest.partition("/")[0]
    if SUBJECT_FOLDER.fullmatch(subject) and SESSION_FOLDER.fullmatch(label):
        return f"{subject}/{label}"
    return ""


def _sessions(layout: Layout, digests: Mapping[str, str]) -> dict[str, SentVersion]:
    """The sessions of a release with their versions."""
    files: dict[str, list[tuple[str, str]]] = {}
    for path, digest in sorted(digests.items()):
        session = session_of(path)
        if session:
            files.setdefault(session, []).append((path, digest))

    history: History = read_json(layout.versions) or {}
    sessions = {}
    for session, rows in files.items():
        version = max(1, len(history.get(session, ())))
        sessions[session] = SentVersion(version, digest_of(rows))
    return sessions
