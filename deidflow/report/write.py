"""Writes the pages of a release into the release and its vault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deidflow.release.layout import Layout
from deidflow.release.tables import write_checksums
from deidflow.release.withdrawal import release_manifests
from deidflow.report.facts import HeldGroup
from deidflow.report.read_facts import read_facts, read_held
from deidflow.report.shared_page import shared_page
from deidflow.store.files import remove_tree, write_bytes_atomic

_SHARED_MODE = 0o644
_MARK_BYTES = 2000
"""The mark stands in a page's first bytes."""


@dataclass(frozen=True)
class WrittenPages:
    """Where the pages are."""

    shared: Path
    private: Path
    subjects: int


def write_shared(layout: Layout, profile: str = "") -> Path:
    """Write RELEASE/report/index.html and its checksum; returns its path."""
    page = shared_page(read_facts(layout), profile)
    _write(
        layout.shared_report,
        page,
        _SHARED_MODE,
    )
    layout.shared_report.parent.chmod(0o755)
    write_checksums(layout, release_manifests(layout))
    return layout.shared_report


def write_pages(layout: Layout, profile: str = "") -> WrittenPages:
    """Write the page to share, and the vault's pages: an index, and one per subject."""
    from deidflow.report.private_pages import index_page, subject_key, subject_page

    shared = write_shared(layout, profile)
    facts = read_facts(layout)
    groups = read_held(layout)
    held: dict[str, list[HeldGroup]] = {}
    for group in groups:
        held.setdefault(group.subject, []).append(group)
    folder = layout.private_report
    folder.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    names = {"index.html"}
    for subject in facts.subjects:
        name = f"{subject.pseudonym}.html"
        names.add(name)
        theirs = held.get(subject.pseudonym, [])
        key = subject_key(
            layout,
            facts,
            subject,
            theirs,
        )
        if not _is_marked(folder / name, key):
            _write(
                folder / name,
                subject_page(
                    layout,
                    facts,
                    subject,
                    theirs,
                    key,
                ),
            )
    _write(
        folder / "index.html",
        index_page(layout, facts, groups),
    )

    _remove_others(folder, names)
    return WrittenPages(
        shared,
        folder / "index.html",
        len(facts.subjects),
    )


def _is_marked(path: Path, key: str) -> bool:
    """Whether a page is there that shows the same."""
    try:
        with path.open("rb") as stream:
            return f'content="{key}"'.encode() in stream.read(_MARK_BYTES)
    except OSError:
        return False


def _remove_others(folder: Path, names: set[str]) -> None:
    """Pages of subjects that are no longer there show faces for nothing."""
    for path in folder.glob("*.html"):
        if path.name not in names:
            remove_tree(path)


def _write(path: Path, page: str, mode: int = 0o600) -> None:
    write_bytes_atomic(
        path,
        page.encode("utf-8", "replace"),
        mode,
    )
