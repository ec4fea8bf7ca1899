"""`deidflow organize`: a sorted copy of a source without duplicates; nothing is de-identified."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def organize(
    source: str,
    out: Path,
    *,
    workers: int = 0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Copy each instance once into subject, study, series and slice; the source is only read.

    The copies identify as the source does. Names are numbers, never those of the source;
    organized.csv in the output says what became of each file. Ends with exit code 4 where files of
    one UID differ or are broken, 5 where one could not be copied.

    Parameters
    ----------
    source: A file, a folder, @LIST with one path per line, or a manifest (.json, .yaml).
    out: An empty or new folder, which only you can open.
    workers: Processes that read; by default one per core.
    force: Read files without the DICM mark too.
    """
    from deidflow.bulk.organize import TABLE
    from deidflow.bulk.organize import organize as organize_files
    from deidflow.settings.given import given_paths

    result = organize_files(
        given_paths(source),
        out,
        workers=workers,
        force=force,
    )
    for verdict, count in sorted(result.counts.items()):
        print(f"{count} {verdict}")
    print(f"{sum(result.counts.values())} files found; {TABLE} in the output lists each")
    return result.exit_code
