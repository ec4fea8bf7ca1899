"""`deidflow report`: pages that say what was done, and what a privacy board files."""

from __future__ import annotations

from pathlib import Path


def report(release: Path, *, vault: Path, profile: str = "") -> int:
    """Write the pages of a release: one that is shared with it, and those with pictures into the vault.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    profile: The site's profile file, where the release was not made with one of ours.
    """
    from deidflow.report.read_facts import layout_of
    from deidflow.report.write import write_pages

    layout = layout_of(release.resolve(), vault.resolve())
    pages = write_pages(layout, profile)
    print("to share: report/index.html in the release")
    print(
        f"with faces, {pages.subjects} subjects: {pages.private.relative_to(layout.vault)} in the vault"
    )
    return 0
