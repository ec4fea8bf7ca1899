"""`deidflow verify`: a release read again as an outsider would, also one that another tool made."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deidflow.cli.places import ReleaseFolder
from deidflow.errors import UsageError

if TYPE_CHECKING:
    from deidflow.verifier.criteria import CriteriaJudge
    from deidflow.verifier.findings import Report
    from deidflow.verifier.options import VerifyOptions

FOUND = 6
_MOST_ROWS = 200


def verify(
    release: ReleaseFolder,
    *,
    vault: Path | None = None,
    source: str | None = None,
    subjects: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    level: Literal["low", "high"] | None = None,
    uid_root: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ("2.25",),
    vocabulary: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    conformance: Annotated[bool, Parameter(negative="")] = False,
    all_instances: Annotated[bool, Parameter(negative="")] = False,
    faces: Annotated[bool, Parameter(negative="")] = False,
    xlsx: Path | None = None,
    withdraw: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Verify a release, or any folder of de-identified DICOM and NIfTI.

    Reads only, unless --withdraw is given.

    Findings name file and attribute, never a value. Ends with exit code 6 where there is one.

    Parameters
    ----------
    release: The release, or a folder that another tool made.
    vault: The vault of the release; with it everything is compared with the source.
    source: The source of the release, as the run was given it: a folder, @LIST or a manifest.
    subjects: Only these subjects, as the release calls them.
    level: Hold the files to this level instead of to what they claim.
    uid_root: Roots under which new UIDs are.
    vocabulary: Further words that descriptions may hold.
    conformance: Also look for errors of dciodvfy, in one instance of each kind.
    all_instances: With --conformance: in every instance.
    faces: Let other people's detectors and recognisers judge the faces; needs the extra faces.
    xlsx: Write the criteria of the level, field by field, to this Excel file.
    withdraw: Take sessions with findings out of the release; needs the vault.
    json_: Print JSON.
    """
    from deidflow.settings.input import source_and_paths
    from deidflow.verifier.options import VerifyOptions

    _check_flags(
        release,
        vault,
        source,
        subjects,
        withdraw,
        all_instances and not conformance,
    )
    place, named = source_and_paths(source) if source is not None else (None, ())
    options = VerifyOptions(
        release=Path(os.path.realpath(release)),
        level=level or "",
        subjects=subjects,
        vault=vault.resolve() if vault is not None else None,
        source=place,
        named=named,
        uid_roots=uid_root,
        vocabulary=frozenset(word.lower() for word in vocabulary),
        conformance=_conformance(conformance, all_instances),
        faces=faces,
    )
    return _verified(
        options,
        xlsx,
        withdraw=withdraw,
        as_json=json_,
    )


def _verified(options: VerifyOptions, xlsx: Path | None, *, withdraw: bool, as_json: bool) -> int:
    """Verify, write and show what was asked for; returns the exit code."""
    from deidflow.cli.faces import faces_json
    from deidflow.verifier.verify import judged

    report, judge = judged(options)
    if xlsx is not None:
        from deidflow.verifier.workbook import write_workbook

        write_workbook(xlsx, judge, report)
    withdrawn = _withdrawn(options, report) if withdraw else []
    if as_json:
        subjects = {name: _word(passed) for name, passed in judge.subjects().items()}
        more = {"level": judge.level, "subjects": subjects, "withdrawn": withdrawn}
        seen = {"faces": faces_json(report.faces)} if report.faces is not None else {}
        print(json.dumps(report.to_json() | more | seen, indent=2))
    else:
        _show(report, judge, withdrawn)
    return FOUND if report.findings else 0


def _check_flags(
    release: Path,
    vault: Path | None,
    source: str | None,
    subjects: tuple[str, ...],
    withdraw: bool,
    lacks_conformance: bool,
) -> None:
    """Raise UsageError for flags that do not go together."""
    if not release.is_dir():
        raise UsageError("the release is not a folder")
    if (vault is None) != (source is None):
        raise UsageError("--vault and --source belong together; give both or neither")

    if withdraw and vault is None:
        raise UsageError("--withdraw needs --vault and --source")
    if lacks_conformance:
        raise UsageError("--all-instances belongs to --conformance")
    missing = [name for name in subjects if not (release / name).is_dir()]
    if missing:
        raise UsageError(f"{len(missing)} of the subjects are not in the release")


def _conformance(asked: bool, every: bool) -> Literal["off", "kinds", "all"]:
    if not asked:
        return "off"
    return "all" if every else "kinds"


def _withdrawn(options: VerifyOptions, report: Report) -> list[str]:
    from deidflow.verifier.claims import Description
    from deidflow.verifier.unpublish import unpublish
    from deidflow.verifier.verify import vault_view

    view = vault_view(
        options,
        Description.read(options.release),
    )
    return unpublish(view.layout, report.sessions)


def _show(report: Report, judge: CriteriaJudge, withdrawn: list[str]) -> None:
    from rich.table import Table

    from deidflow.cli.consoles import wide_console

    console = wide_console()
    table = Table(
        "check",
        "attribute",
        "problem",
        "files",
        "first file",
    )
    groups = report.groups()
    for group in groups[:_MOST_ROWS]:
        row = (group.check.value, group.attribute, group.problem, str(group.files), group.first)
        table.add_row(*map(_plain, row))
    if groups:
        console.print(table)
    if len(groups) > _MOST_ROWS:
        console.print(f"{len(groups) - _MOST_ROWS} more rows; --json lists them all")
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(report.files.items()))
    console.print(f"read: {counts}", markup=False)
    verdicts = judge.subjects()
    passed = sum(verdicts.values())
    console.print(f"criteria of level {judge.level}: {passed} of {len(verdicts)} subjects PASS")
    if report.faces is not None:
        from deidflow.cli.faces import show_faces

        show_faces(report.faces, console)
    for session in withdrawn:
        console.print(
            f"withdrawn: {session}",
            markup=False,
        )
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    files = len({finding.file for finding in report.findings})
    console.print(f"{len(report.findings)} findings in {files} files" if files else "clean")


def _plain(text: str) -> str:
    """A text that the console takes as it is."""
    return text.replace("[", r"\[")


def _word(passed: bool) -> str:
    return "PASS" if passed else "FAIL"
