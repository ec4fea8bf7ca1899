"""`deidflow report`: pages that say what was done, and what a privacy board files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deidflow.cli.places import ReleaseFolder

if TYPE_CHECKING:
    from deidflow.evidence.folder import Statement
    from deidflow.identity.secret import Keys
    from deidflow.release.layout import Layout


def report(
    release: ReleaseFolder | None = None,
    *,
    vault: Path | None = None,
    profile: str = "",
    methods: bool = False,
    evidence: Path | None = None,
    key_holder: str = "",
    verification: Path | None = None,
    check_signature: Path | None = None,
) -> int:
    """Write the pages of a release: one to share with it, and those with pictures into the vault.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    profile: The site's profile file, where the release was not made with one of ours.
    methods: Print the paragraph for a paper instead.
    evidence: Write what a privacy board files into this folder instead, signed.
    key_holder: With --evidence: who holds the vault and its secret.
    verification: With --evidence: the record of an independent check, as JSON.
    check_signature: Check the signature of such a folder instead; with a release and a vault also
        that it is about this release, and signed by this vault.
    """
    from deidflow.errors import UsageError

    if check_signature is not None:
        return _check(check_signature, release, vault)
    if release is None or vault is None:
        raise UsageError("name the release, and the vault of its run with --vault")

    from deidflow.report.read_facts import layout_of

    layout = layout_of(release.resolve(), vault.resolve())
    if methods:
        return _print_methods(layout)
    if evidence is not None:
        from deidflow.evidence.folder import Statement

        return _write_evidence(
            layout,
            evidence,
            Statement(
                key_holder,
                verification,
                profile,
            ),
        )
    return _write_pages(layout, profile)


def _write_pages(layout: Layout, profile: str) -> int:
    from deidflow.report.write import write_pages

    pages = write_pages(layout, profile)
    private = pages.private.relative_to(layout.vault)
    print("to share: report/index.html in the release")
    print(f"with faces, {pages.subjects} subjects: {private} in the vault")
    return 0


def _print_methods(layout: Layout) -> int:
    from deidflow.evidence.methods import methods_paragraph
    from deidflow.report.read_facts import read_facts

    print(methods_paragraph(read_facts(layout)))
    return 0


def _write_evidence(layout: Layout, folder: Path, statement: Statement) -> int:
    from deidflow.evidence.folder import write_evidence

    fingerprint = write_evidence(
        layout,
        _keys(layout),
        folder,
        statement,
    )
    print("evidence written and signed: index.html is the page to read")
    print(f"fingerprint of the key: {fingerprint}")
    return 0


def _keys(layout: Layout) -> Keys:
    from deidflow.identity.secret import Keys, load_secret

    return Keys(
        load_secret(layout.vault, create=False),
        layout.project,
        layout.level,
    )


def _check(folder: Path, release: Path | None, vault: Path | None) -> int:
    from deidflow.evidence.signature import check_folder, signing_key
    from deidflow.report.read_facts import layout_of

    expected = None
    if release is not None and vault is not None:
        layout = layout_of(release.resolve(), vault.resolve())
        expected = signing_key(layout, _keys(layout)).public_key()
    checked = check_folder(folder, expected, release)
    for problem in checked.problems:
        print(f"deidflow: {problem}", file=sys.stderr)
    if checked.problems:
        return 6
    print("the folder is as it was signed")
    print(f"fingerprint of the key: {checked.fingerprint}")
    return 0
