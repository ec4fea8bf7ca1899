"""Writes the pages of a release into the release and its vault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deidflow.release.layout import Layout
from deidflow.report.private_pages import index_page, subject_page
from deidflow.report.read_facts import read_facts, read_held
from deidflow.report.shared_page import shared_page
from deidflow.store.files import remove_tree, write_bytes_atomic

_SHARED_MODE = 0o644


@dataclass(frozen=True)
class WrittenPages:
    """Where the pages are."""

    shared: Path
    private: Path
    subjects: int


def write_shared(layout: Layout, profile: str = "") -> Path:
    """Write RELEASE/report/index.html; returns its path."""
    page = shared_page(read_facts(layout), profile)
    _write(layout.shared_report, page, _SHARED_MODE)
    layout.shared_report.parent.chmod(0o755)
    return layout.shared_report


def write_pages(layout: Layout, profile: str = "") -> WrittenPages:
    """Write the page to share, and the vault's pages: an index, and one per subject."""
    shared = write_shared(layout, profile)
    facts = read_facts(layout)
    held = read_held(layout)
    folder = layout.private_report
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {"index.html"}
    for subject in facts.subjects:
        page = subject_page(layout, facts, subject, held)
        name = f"{subject.pseudonym}.html"
        names.add(name)
        _write(folder / name, page)
    _write(folder / "index.html", index_page(layout, facts, held))

    _remove_others(folder, names)
    return WrittenPages(shared, folder / "index.html", len(facts.subjects))


def _remove_others(folder: Path, names: set[str]) -> None:
    """Pages of subjects that are no longer there show faces for nothing."""
    for path in folder.glob("*.html"):
        if path.name not in names:
            remove_tree(path)


def _write(path: Path, page: str, mode: int = 0o600) -> None:
    write_bytes_atomic(path, page.encode("utf-8", "replace"), mode)
