"""The tables of a call in the vault, and its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deidflow.bulk.admitted import refused_in_output
from deidflow.bulk.audit import quarantine_table, write_audit
from deidflow.bulk.call import Call
from deidflow.bulk.cleaning import Cleaning
from deidflow.bulk.instances import instance_rows
from deidflow.bulk.planning import Plan
from deidflow.bulk.result import NotReleased, PlannedChange, Result
from deidflow.bulk.tasks import FileOutcome
from deidflow.header.completeness import keeps_uids
from deidflow.header.contacts import contact_warnings
from deidflow.release.instances import write_instances
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.store.files import digest_of, write_bytes_atomic
from deidflow.verdicts import Reason, Verdict


def write_instance_table(call: Call, plan: Plan, outcomes: Sequence[FileOutcome]) -> None:
    """Write the vault's table from source files to released files, one per output folder."""
    settings = call.settings
    if settings.vault is None:
        return

    verdicts = {outcome.task.path: outcome.verdict for outcome in outcomes}
    rows = instance_rows(
        call.located.root,
        plan.series,
        verdicts,
        plan.decisions,
        uids_retained=keeps_uids(call.profile),
    )
    output_id = digest_of(str(settings.out))[:8]
    name = f"anonymize-{settings.project}-{settings.level}-{output_id}.csv"
    path = call.vault.folder / "instances" / name
    write_instances(
        path,
        list(rows),
        settings.out,
    )


def report(call: Call, plan: Plan, cleaning: Cleaning) -> Result:
    """Write the audit and the vault's table of files that are not released; returns the result."""
    held_back = _held_back(call, plan, cleaning.outcomes)
    write_audit(
        call.settings,
        cleaning.outcomes,
        held_back,
    )
    _write_quarantine(call, held_back)

    verdicts = _verdict_counts(len(call.numbers), held_back)
    if cleaning.recording is not None:
        cleaning.recording.end(verdicts, held_back)

    subjects = {pseudonym for pseudonym, _ in plan.sessions}
    return Result(
        out=call.settings.out,
        files=len(call.numbers),
        verdicts=verdicts,
        subjects=len(subjects),
        reused=cleaning.reused,
        not_released=tuple(held_back),
        warnings=tuple(_warnings(call, cleaning)),
        plan=tuple(_planned_changes(call, cleaning.outcomes)),
    )


def _held_back(call: Call, plan: Plan, outcomes: Sequence[FileOutcome]) -> list[NotReleased]:
    """Files without an output, in the order of their numbers."""
    held_back: list[NotReleased] = []
    for path, (verdict, reason) in plan.decisions.items():
        number = call.numbers[path]
        file = NotReleased(number, verdict, reason)
        held_back.append(file)

    for outcome in outcomes:
        if outcome.verdict is Verdict.RELEASED:
            continue
        file = NotReleased(
            number=outcome.task.number,
            verdict=outcome.verdict,
            reason=outcome.reason or Reason.UNEXPECTED,
            detail=outcome.detail,
        )
        held_back.append(file)
    return sorted(held_back, key=lambda file: file.number)


def _verdict_counts(files: int, held_back: Sequence[NotReleased]) -> dict[str, int]:
    """The count of every verdict; files that are not held back are released."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for file in held_back:
        counts[file.verdict.value] += 1
    counts[Verdict.RELEASED.value] = files - len(held_back)
    return counts


def _write_quarantine(call: Call, held_back: Sequence[NotReleased]) -> None:
    """Write the table for the last call, and for the last one of this project and level."""
    settings = call.settings
    if settings.vault is None or settings.dry_run:
        return

    folder = call.vault.folder / "quarantine"
    project_folder = folder / f"{settings.project}-{settings.level}"
    table = quarantine_table(
        held_back,
        call.located.everything,
    )
    for place in (folder, project_folder):
        write_bytes_atomic(place / "anonymize.csv", table)


def _planned_changes(call: Call, outcomes: Sequence[FileOutcome]) -> Iterator[PlannedChange]:
    if not call.settings.dry_run:
        return
    for outcome in outcomes:
        number = outcome.task.number
        for attribute, action in outcome.differences:
            yield PlannedChange(number, attribute, action)


def _warnings(call: Call, cleaning: Cleaning) -> Iterator[str]:
    refused = refused_in_output(call)
    if refused:
        yield (
            f"{refused} subjects of earlier calls are in the output and may not be there any more "
            "(consent); delete their folders, or give --on-exists clean"
        )
    yield from profile_warnings(call.settings, call.profile)
    yield from contact_warnings(cleaning.contacts)
    if call.settings.vault is None:
        yield (
            "no vault: pseudonyms and shifted dates come from a secret that is thrown away, "
            "another one each time"
        )
