"""`deidflow anonymize`: headers only, without Prefect, on all cores."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deidflow.errors import UsageError
from deidflow.settings.run import Level

if TYPE_CHECKING:
    from deidflow.bulk.console import Verbosity
    from deidflow.settings.anonymize import AnonymizeSettings

Many = Annotated[list[str] | None, Parameter(negative="")]
Flag = Annotated[bool, Parameter(negative="")]
Days = Annotated[int | None, Parameter(allow_leading_hyphen=True)]


def anonymize(
    source: str,
    out: Path,
    *,
    vault: Path | None = None,
    project: str | None = None,
    level: Level | None = None,
    profile: str | None = None,
    remove: Many = None,
    replace: Many = None,
    keep: Many = None,
    shift_dates: Days = None,
    keep_uids: Flag = False,
    uid_root: str | None = None,
    layout: str | None = None,
    dry_run: Flag = False,
    show_paths: Flag = False,
    backup: Path | None = None,
    audit: Path | None = None,
    force: Flag = False,
    on_exists: Literal["fail", "clean", "resume"] | None = None,
    config: Path | None = None,
    workers: int | None = None,
    log: Path | None = None,
    quiet: Flag = False,
    verbose: Flag = False,
) -> int:
    """De-identify the headers of DICOM files; pixels, faces among them, stay as they are.

    Parameters
    ----------
    source: A file, a folder, @LIST with one path per line, or a manifest (.json, .yaml); only read.
    out: Folder for the de-identified files.
    vault: Folder for identities and secret; without it they are thrown away.
    project: Name of the project or recipient; outputs of different projects cannot be joined.
    level: low shifts dates; high puts every study on one clock and bins ages (the default).
    profile: Name or file of other header rules; see 'deidflow profile list'.
    remove: Attribute: keyword, gggg,eeee, 60xx,xxxx, gggg,[CREATOR]ee, Sequence/Keyword;
    repeatable.
    replace: ATTRIBUTE=VALUE, repeatable; wins over --remove.
    keep: Attribute to keep, repeatable (a warning says what it lets out); wins over the two above.
    shift_dates: Shift dates of everybody by this many days.
    keep_uids: Keep UIDs as they are.
    uid_root: Root of new UIDs, for sites that need their own.
    layout: Folders such as {subject}/{timepoint}/{series}, or mirror: source tree, counted names.
    dry_run: Print what would be done with each attribute; writes nothing.
    show_paths: Show source paths, on a terminal only.
    backup: Folder for copies of all sources, each verified.
    audit: File (.csv, .jsonl) for what was done, without values.
    force: Read files without the DICM mark too.
    on_exists: What to do if OUT is not empty: fail (the default), clean, or resume (with a vault).
    config: YAML file with any of these settings and more (header, ids, sessions).
    workers: Processes at work at once; by default one per core.
    log: File for the lines that are shown.
    quiet: Show errors only: what failed or is in quarantine.
    verbose: Name each file without an output, by its number.
    """
    from deidflow.bulk.console import verbosity
    from deidflow.settings.anonymize import load_anonymize_settings
    from deidflow.settings.effective import parse_replacements
    from deidflow.settings.given import given_sources

    if show_paths and not sys.stdout.isatty():
        raise UsageError("--show-paths works on a terminal only: paths may hold names")
    shown = verbosity(quiet=quiet, verbose=verbose)
    header = {
        "remove": tuple(remove or ()),
        "replace": parse_replacements(replace or []),
        "keep": tuple(keep or ()),
        "keep_uids": keep_uids,
        "uid_root": uid_root,
        "shift_days": shift_dates,
    }
    flags = {
        **given_sources(source),
        "out": out,
        "vault": vault,
        "project": project,
        "level": level,
        "profile": profile,
        "header": header,
        "layout": layout,
        "dry_run": dry_run or None,
        "backup": backup,
        "audit": audit,
        "force": force or None,
        "on_exists": on_exists,
        "workers": workers,
        "log": log,
    }
    settings = load_anonymize_settings(flags, config)
    return _execute(
        settings,
        shown,
        show_paths=show_paths,
    )


def _execute(settings: AnonymizeSettings, shown: Verbosity, *, show_paths: bool) -> int:
    """De-identify the headers and show the result; returns the exit code."""
    from deidflow.bulk.console import show_plan, show_result
    from deidflow.bulk.locate import locate
    from deidflow.bulk.run import run

    result = run(settings)
    paths: Sequence[str] = ()
    if show_paths:
        paths = locate(settings.sources).everything

    if settings.dry_run:
        show_plan(result, paths)
    show_result(
        result,
        settings,
        shown,
        paths,
    )
    return result.exit_code
