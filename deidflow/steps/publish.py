"""Publish: the session appears in the release in one rename."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.release.publish import publish
from deidflow.steps.audit import note_published
from deidflow.steps.results import PublishResult, ReconstructResult
from deidflow.steps.revisions import own_revisions, write_revisions
from deidflow.steps.step import Step, StepJob
from deidflow.steps.verify import VerifyResult
from deidflow.store.files import digest_of, write_json_atomic


def publish_session(job: StepJob) -> PublishResult:
    """Move the staged session into the release; note by which rules and masks it went out."""
    if not is_published(job):
        publish(
            job.staged,
            job.published,
            job.layout.staging,
        )
        note_published(job)

    layout = job.layout
    revisions = layout.revisions(job.pseudonym, job.label)
    write_revisions(revisions, own_revisions(job))
    rules = layout.rules(job.pseudonym, job.label)
    write_json_atomic(rules, rules_digest(job))
    return PublishResult()


def is_published(job: StepJob) -> bool:
    """Whether the release holds exactly what `reconstruct` built."""
    built = job.output("reconstruct", ReconstructResult)
    return built.folder == job.published


def may_go_out(job: StepJob) -> bool:
    """Whether there is something to release and the outsider found nothing in it."""
    if "verify" not in job.outputs:
        return False
    built = job.output("reconstruct", ReconstructResult)
    if not built.result.has_something:
        return False
    verified = job.output("verify", VerifyResult)
    return not verified.result.findings


def rules_digest(job: StepJob) -> str:
    """Hash of what decides whether a session may go out: profile, level, what becomes of faces."""
    settings = job.settings
    deface = settings.deface.model_dump(mode="json")
    return digest_of([job.profile_digest, settings.level, deface])


def _key(job: StepJob) -> list[Any]:
    return [rules_digest(job)]


def _places(job: StepJob) -> tuple[Path, ...]:
    return (job.published,)


PUBLISH = Step(
    name="publish",
    needs=("reconstruct", "verify"),
    key=_key,
    work=publish_session,
    result=PublishResult,
    applies=may_go_out,
    places=_places,
    moves=True,
)
