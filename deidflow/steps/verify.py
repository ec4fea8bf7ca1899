"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydicom

from deidflow.checks.leaks import LeakSearch
from deidflow.checks.patterns import collect
from deidflow.checks.reader import uids_of
from deidflow.checks.staged import ExpectedSeries, Finding, check_leaks, check_names, check_series
from deidflow.dicom.header import DATES, IDENTIFIER_TAGS
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.steps.common import WHOLE, is_withheld
from deidflow.store.files import read_json

VERSION = "2"


@dataclass(frozen=True)
class Claims:
    """What a profile promises to take away: what it keeps is no leak."""

    kinds: frozenset[str]
    uids: bool
    kept: tuple[int, ...]
    """Identifying attributes that stay as they are."""

    @property
    def words(self) -> list[object]:
        """The same in a fixed order, for the key of the step."""
        return [sorted(self.kinds), self.uids, list(self.kept)]

    @classmethod
    def of(cls, profile: Profile) -> Claims:
        """The claims of a profile."""
        rules = compile_profile(profile)
        stays = ("keep", "retain", "replace")
        kept = tuple(tag for tag in IDENTIFIER_TAGS if rules.for_tag(tag, "LO").action in stays)
        dated = DATES if profile.dates.mode == "keep" else frozenset()
        uids = profile.base == "ps315" and "retain_uids" not in profile.options
        return cls(frozenset(profile.search) - (dated - {"birth"}), uids, kept)


def _claimed(pairs: Iterable[tuple[str, str]], claims: Claims, kept: set[str]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in pairs if kind in claims.kinds and value.strip() not in kept]


def verify_session(
    order_path: str,
    label: str,
    staged: str,
    masks: str,
    scratch: str,
    batch: str,
    outcome: dict[str, Any],
    claims: Claims,
) -> dict[str, Any]:
    """Findings of the outsider; an empty list lets the session go out.

    `batch` is a JSON file in the vault with the identifiers of everyone in the run; `claims` says which of
    them the profile promises to take away.
    """
    order = read_order(Path(order_path))
    session = order.session(label)
    uids, kept = _of_sources(order, session, claims)
    everyone = _claimed(((kind, value) for kind, value in read_json(Path(batch)) or []), claims, kept)
    own = _claimed(order.identifiers, claims, kept)
    patterns = collect(everyone, own, uids if claims.uids else (), [order.pseudonym])
    findings = check_leaks(Path(staged), LeakSearch(patterns))
    present = [series for series in session.series if not is_withheld(outcome["series"][series.name])]
    whole = {series.name for series in present if outcome["series"][series.name]["state"] in WHOLE}
    expected = [_expected(order, one, None if one.name in whole else masks, scratch) for one in present]
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


def _of_sources(order: WorkOrder, session: SessionOrder, claims: Claims) -> tuple[set[str], set[str]]:
    """All UIDs of the sources, and the values of attributes that the profile keeps."""
    uids: set[str] = set()
    kept: set[str] = set()
    for series in session.series:
        for file in series.files:
            header = pydicom.dcmread(Path(order.source) / file.path, stop_before_pixels=True)
            uids |= uids_of(header)
            kept |= {str(header[tag].value).strip() for tag in claims.kept if tag in header}
    return uids, kept
