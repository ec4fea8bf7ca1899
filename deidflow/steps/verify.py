"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deidflow.checks.findings import LEAK, Finding, holds
from deidflow.steps.claims import Claims
from deidflow.steps.results import ReconstructResult
from deidflow.steps.step import Step, StepJob


@dataclass(frozen=True)
class VerifyResult:
    """What the outsider found; the session goes out where it found nothing."""

    findings: tuple[Finding, ...]
    doubtful: Mapping[str, int]
    """Attribute -> single words of other people's names, which hold nothing back."""


def verify_session(job: StepJob) -> VerifyResult:
    """Read the staged session as an outsider would, and compare it with its source."""
    from deidflow.steps.staged_session import check_staged

    findings, doubtful = check_staged(job, Claims.of(job.profile))
    return VerifyResult(findings, doubtful)


def words_of(findings: Sequence[Finding]) -> str:
    """Findings in words that say which attribute and whose identifier, never the value."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        row = finding.attribute, finding.whose, finding.what
        counts[row] += finding.count

    phrases = []
    for row, count in sorted(counts.items()):
        phrase = _phrase(*row)
        phrases.append(f"{phrase} ({count} ×)")
    return "; ".join(phrases)


def _phrase(attribute: str, whose: str, what: str) -> str:
    if not attribute:
        return what

    code = what.removeprefix(f"{LEAK}: ")
    return f"{attribute} {holds(code, whose)}"


def _key(job: StepJob) -> list[Any]:
    claims = Claims.of(job.profile)
    return [job.content, claims.words]


def _has_something(job: StepJob) -> bool:
    built = job.output("reconstruct", ReconstructResult)
    return built.result.has_something


VERIFY = Step(
    name="verify",
    needs=("reconstruct",),
    key=_key,
    work=verify_session,
    result=VerifyResult,
    tools=("pydicom",),
    data=(
        "standard/defined_terms.yaml",
        "standard/safe_private_e3_10_1.csv",
        "standard/sidecar_fields.yaml",
        "private/physics.yaml",
        "vocabulary/acquisition.yaml",
        "vocabulary/image_tokens.yaml",
        "vocabulary/not_identifying.yaml",
        "vocabulary/romanisation.yaml",
    ),
    applies=_has_something,
)
