"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pydicom

from deidflow.checks.leaks import LeakSearch
from deidflow.checks.patterns import collect
from deidflow.checks.reader import uids_of
from deidflow.checks.staged import ExpectedSeries, Finding, check_leaks, check_names, check_series
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.steps.common import is_withheld
from deidflow.store.files import read_json

VERSION = "1"


def verify_session(
    order_path: str,
    label: str,
    staged: str,
    masks: str,
    scratch: str,
    batch: str,
    outcome: dict[str, Any],
    defaced: bool,
) -> dict[str, Any]:
    """Findings of the outsider; an empty list lets the session go out.

    `batch` is a JSON file in the vault with the identifiers of everyone in the run.
    """
    order = read_order(Path(order_path))
    session = order.session(label)
    everyone = [(kind, value) for kind, value in read_json(Path(batch)) or []]
    patterns = collect(everyone, order.identifiers, _source_uids(order, session), [order.pseudonym])
    findings = check_leaks(Path(staged), LeakSearch(patterns))
    present = [series for series in session.series if not is_withheld(outcome["series"][series.name])]
    expected = [_expected(order, series, masks if defaced else None, scratch) for series in present]
    findings += check_names(Path(staged), expected)
    for one in expected:
        findings += _checked(Path(staged) / one.name, one)
    return {"findings": [asdict(finding) for finding in findings]}


def _expected(order: WorkOrder, series: SeriesOrder, masks: str | None, scratch: str) -> ExpectedSeries:
    sources = tuple(Path(order.source) / file.path for file in series.files)
    return ExpectedSeries(series.name, sources, Path(masks) / f"{series.name}.npz" if masks else None, Path(scratch))


def _checked(folder: Path, expected: ExpectedSeries) -> list[Finding]:
    try:
        return check_series(folder, expected)
    except (ValueError, KeyError, AttributeError, RuntimeError) as error:
        return [Finding(expected.name, f"cannot be read again: {type(error).__name__}", 1)]


def _source_uids(order: WorkOrder, session: SessionOrder) -> set[str]:
    found: set[str] = set()
    for series in session.series:
        for file in series.files:
            found |= uids_of(pydicom.dcmread(Path(order.source) / file.path, stop_before_pixels=True))
    return found
