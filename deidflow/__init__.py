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
    project: str = "default",
    level: Literal["low", "high"] = "high",
    profile: str | Path = "",
    remove: Sequence[str] = (),
    replace: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    shift_dates: int | None = None,
    keep_uids: bool = False,
    uid_root: str = "2.25",
    ids: Mapping[str, Any] | None = None,
    sessions: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    layout: str = "{subject}/{timepoint}/{series}",
    on_exists: Literal["fail", "clean", "resume"] = "fail",
    backup: str | Path | None = None,
    audit: str | Path | None = None,
    force: bool = False,
    dry_run: bool = False,
    workers: int = 0,
) -> Result:
    """De-identify the headers of DICOM files; the same as the command `deidflow anonymize`.

    `paths_or_manifest` is a file, a folder, a list of them, a manifest (`.json`, `.yaml`), or a mapping
    such as NiftyPET's `datain`. Pixels stay as they are, faces among them. `ids`, `sessions` and `header`
    are sections of a configuration file. Attributes are named as in PS3.6, `gggg,eeee`, `60xx,xxxx`,
    `gggg,[CREATOR]ee` or `Sequence/Keyword`.

    Returns counts by verdict; nothing identifying is in them. Raises deidflow.errors.UsageError and
    ConfigError before anything is written, EnvironmentFault where the machine lacks something.
    """
    from deidflow.bulk.locate import given_paths
    from deidflow.bulk.run import run
    from deidflow.bulk.settings import load_anonymize_settings

    own = {"remove": tuple(remove), "replace": dict(replace or {}), "keep": tuple(keep), "keep_uids": keep_uids}
    own |= {"uid_root": uid_root} | ({} if shift_dates is None else {"shift_days": shift_dates})
    flags = {
        "sources": given_paths(paths_or_manifest), "out": out, "vault": vault, "project": project, "level": level,
        "profile": str(profile), "header": {**(header or {}), **own}, "ids": dict(ids or {}),
        "sessions": dict(sessions or {}), "layout": layout, "on_exists": on_exists, "backup": backup,
        "audit": audit, "force": force, "dry_run": dry_run, "workers": workers,
    }  # fmt: skip
    return run(load_anonymize_settings(flags))
