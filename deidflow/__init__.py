"""deidflow: from raw DICOM subjects to a release that can be shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deidflow.version import __version__

if TYPE_CHECKING:
    from deidflow.bulk.result import Result

__all__ = ["__version__", "anonymize"]


def anonymize(
    paths_or_manifest: str | Path | Sequence[str | Path] | Mapping[str, Any],
    out: str | Path,
    *,
    vault: str | Path | None = None,
    project: str | None = None,
    level: Literal["low", "high"] | None = None,
    profile: str | Path | None = None,
    remove: Sequence[str] = (),
    replace: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    shift_dates: int | None = None,
    keep_uids: bool = False,
    uid_root: str | None = None,
    ids: Mapping[str, Any] | None = None,
    sessions: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    consent: Mapping[str, Any] | None = None,
    layout: str | None = None,
    on_exists: Literal["fail", "clean", "resume"] | None = None,
    backup: str | Path | None = None,
    audit: str | Path | None = None,
    force: bool = False,
    dry_run: bool = False,
    workers: int | None = None,
    log: str | Path | None = None,
    quiet: bool = False,
    verbose: bool = False,
) -> Result:
    """De-identify the headers of DICOM files; the same as the command `deidflow anonymize`.

    Arguments that are not given are taken from DEIDFLOW_LEVEL, DEIDFLOW_VAULT and so on, otherwise
    from the defaults: level `high`, project `default`, no vault.

    `paths_or_manifest` is a file, a folder, a list of them, a manifest (`.json`, `.yaml`), or a
    mapping such as NiftyPET's `datain`. Pixels stay as they are, including faces. `ids`,
    `sessions`, `header` and `consent` are sections of a configuration file. Attributes are named
    as in PS3.6, `gggg,eeee`, `60xx,xxxx`, `gggg,[CREATOR]ee` or `Sequence/Keyword`.

    Warnings and counts are printed to stderr: with `quiet` only what failed or is in quarantine,
    with `verbose` also each file without an output, by its number.

    Returns counts by verdict, which contain nothing identifying. Raises UsageError and ConfigError
    of deidflow.errors before anything is written, EnvironmentFault if the machine lacks something.
    """
    from deidflow.bulk.console import show_result, verbosity
    from deidflow.bulk.run import run
    from deidflow.settings.anonymize import load_anonymize_settings
    from deidflow.settings.given import given_sources

    header_flags = {
        **(header or {}),
        "remove": tuple(remove),
        "replace": dict(replace or {}),
        "keep": tuple(keep),
        "keep_uids": keep_uids,
        "uid_root": uid_root,
    }
    if shift_dates is not None:
        header_flags["shift_days"] = shift_dates

    flags = {
        **given_sources(paths_or_manifest),
        "out": out,
        "vault": vault,
        "project": project,
        "level": level,
        "profile": None if profile is None else str(profile),
        "header": header_flags,
        "ids": None if ids is None else dict(ids),
        "consent": None if consent is None else dict(consent),
        "sessions": None if sessions is None else dict(sessions),
        "layout": layout,
        "on_exists": on_exists,
        "backup": backup,
        "audit": audit,
        "force": force or None,
        "dry_run": dry_run or None,
        "workers": workers,
        "log": log,
    }
    shown = verbosity(quiet=quiet, verbose=verbose)
    settings = load_anonymize_settings(flags)
    result = run(settings)
    show_result(result, settings, shown)
    return result
