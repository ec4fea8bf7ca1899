"""Whether a session may be in the release: decided from the results of its steps."""

from __future__ import annotations

from deidflow.audit.ledger import Event
from deidflow.release.publish import withdraw
from deidflow.run.session import FinishedSteps, SessionRun
from deidflow.steps.audit import ledger_of
from deidflow.steps.publish import is_published, may_go_out, rules_digest
from deidflow.steps.results import ReconstructResult
from deidflow.steps.step import StepJob
from deidflow.store.files import read_json


def is_up_to_date(session: SessionRun, finished: FinishedSteps) -> bool:
    """Whether nothing is left to do when these steps are finished; changes nothing."""
    if "reconstruct" not in finished:
        return False

    job = session.job(finished)
    if _has_something(job) and "verify" not in finished:
        return False
    if may_go_out(job):
        return is_published(job)
    return not session.published.exists()


def stands(session: SessionRun) -> bool:
    """Whether what the release holds of the session is what this run found fit to be there."""
    job = session.job()
    if "reconstruct" not in job.outputs or not may_go_out(job):
        return False
    return is_published(job) or "publish" in job.outputs


def withdraw_unfit(session: SessionRun) -> None:
    """Take an older version of the session out of the release when this run does not stand behind
    it.

    A version that was found fit by the same rules stays where a step of this run only broke.
    """
    if not session.published.exists() or stands(session) or _only_broke(session):
        return

    withdraw(
        session.published,
        session.run.layout.staging,
    )
    session_name = f"{session.pseudonym}/{session.label}"
    ledger = ledger_of(session.run.layout, session.subject)
    ledger.add(Event.WITHDRAWN, {"sessions": [session_name]})
    name = f"{session.pseudonym} {session.label}"
    session.run.say(
        f"{name}: withdrawn from the release", session.pseudonym, "publish", "Withdrawn"
    )


def _only_broke(session: SessionRun) -> bool:
    if session.failure is None:
        return False
    rules = read_json(
        session.run.layout.rules(
            session.pseudonym,
            session.label,
        )
    )
    return bool(rules == rules_digest(session.job()))


def _has_something(job: StepJob) -> bool:
    return job.output("reconstruct", ReconstructResult).result.has_something
