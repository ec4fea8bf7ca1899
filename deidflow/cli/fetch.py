"""`deidflow fetch`: studies of a list are fetched from an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from deidflow.pacs.fetch import FetchResult

Flag = Annotated[bool, Parameter(negative="")]


def fetch(
    *,
    list: Annotated[Path | None, Parameter(name="--list")] = None,
    config: Path | None = None,
    now: Flag = False,
    again: Flag = False,
    incomplete: Flag = False,
) -> int:
    """Fetch the studies of a list from the archive of 'pacs.fetch' into the source.

    A row has one or more of the keys accession, patient and study; all that are given must match.
    Ends with exit code 4 where the archive has no study for a row, 5 where it gave only a part or
    went away; the same command carries on.

    Parameters
    ----------
    list: CSV, TSV or XLSX with columns 'accession', 'patient' or 'study'.
    config: YAML file with source, release, vault and the section 'pacs'.
    now: Do not wait for the window of 'pacs.fetch.window'.
    again: Fetch also what was fetched before.
    incomplete: Hand on also studies of which the archive gave only a part.
    """
    from deidflow.pacs.fetch import FetchOptions, fetch_list
    from deidflow.pacs.window import WindowUse
    from deidflow.settings.load import load_settings
    from deidflow.store.process import stop_on_signals

    options = FetchOptions(
        list=list,
        window=WindowUse.IGNORE if now else WindowUse.WAIT,
        again=again,
        incomplete=incomplete,
    )
    stop_on_signals()
    result = fetch_list(
        load_settings({}, config),
        options,
        tell=lambda line: print(line, flush=True),
    )
    _show(result)
    return result.exit_code


def _show(result: FetchResult) -> None:
    print(f"studies fetched: {result.fetched}; fetched before: {result.before}")
    problems = []
    if result.left:
        problems.append(f"{result.left} rows are left for the next window")
    if result.absent:
        problems.append(f"{result.absent} of {result.rows} rows match no study of the archive")
    if result.incomplete:
        problems.append(f"{result.incomplete} studies are incomplete; fetch again to ask once more")
    if result.refused:
        problems.append(
            f"{result.refused} instances were not kept: broken, or another copy is here"
        )
    if result.lost:
        problems.append(f"{result.lost}; fetch again to carry on")
    for line in problems:
        print(f"deidflow: {line}", file=sys.stderr)
