"""`deidflow bids`: a finished release as a BIDS data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.cli.places import ReleaseFolder

if TYPE_CHECKING:
    from deidflow.bids.plan import BidsPlan


def bids(
    release: ReleaseFolder,
    out: Path | None = None,
    *,
    names: Path | None = None,
    participants: Path | None = None,
    no_dicom: Annotated[bool, Parameter(negative="")] = False,
    plan: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a finished release as BIDS; the release is only read.

    Images that BIDS has no name for go to sourcedata and are listed with the line that would name
    them. Ends with exit code 6 where the check of names finds a path that is not valid.

    Parameters
    ----------
    release: A release that a run made.
    out: A new folder.
    names: YAML list of rules that decide before those of deidflow.
    participants: A table with a column 'subject', as 'deidflow tables' writes it.
    no_dicom: Leave the DICOM series out of sourcedata.
    plan: Print the names and write nothing.
    """
    from deidflow.bids.export import export_release, plan_export
    from deidflow.bids.plan import NO_RULE
    from deidflow.errors import UsageError

    if plan:
        _show_plan(plan_export(release, names))
        return 0
    if out is None:
        raise UsageError("name a folder for the BIDS data set, or give --plan")

    result = export_release(
        release,
        out,
        table=names,
        participants=participants,
        with_dicom=not no_dicom,
    )
    print(f"{result.images} images named, {len(result.unnamed)} in sourcedata")
    lines = [entry.line for entry in result.unnamed if entry.why == NO_RULE]
    for line in dict.fromkeys(lines):
        print(f"  to name more: {line}")
    if not result.checked:
        print("names were not checked: pip install 'deidflow[bids]'", file=sys.stderr)
    for path in result.invalid:
        print(f"deidflow: not a valid BIDS path: {path}", file=sys.stderr)
    return result.exit_code


def _show_plan(plan: BidsPlan) -> None:
    from deidflow.bids.files import subject_label

    for entry in plan.named:
        image = entry.image
        name = entry.name.stem(
            subject_label(image.subject),
            image.session,
        )
        place = f"{image.subject}/{image.session}/{image.series.name}/{image.image.name}"
        print(f"{place}  ->  {entry.name.datatype}/{name}.nii.gz")
    for unnamed in plan.unnamed:
        image = unnamed.image
        place = f"{image.subject}/{image.session}/{image.series.name}/{image.image.name}"
        print(f"{place}  ->  sourcedata: {unnamed.why}")
        print(f"    {unnamed.line}")
