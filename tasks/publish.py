"""The step `publish`: the session appears in the release in one rename."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from deidflow.release.publish import publish as move
from deidflow.release.publish import withdraw
from deidflow.store.files import digest_of, read_json, write_json_atomic
from deidflow.store.record import Finished
from tasks.common import OPTIONS, perform
from tasks.context import SessionRun
from tasks.revisions import own_revisions


def is_published(session: SessionRun) -> bool:
    """Whether the release holds exactly what `reconstruct` built."""
    return session.finished["reconstruct"].folder == session.published


def has_something(session: SessionRun) -> bool:
    """Whether any series of the session may go out."""
    series = session.finished["reconstruct"].result["series"].values()
    return any(one["state"] != "quarantined" for one in series)


def may_go_out(session: SessionRun) -> bool:
    """Whether the outsider found nothing and there is something to release."""
    return not session.finished["verify"].result["findings"] and has_something(session)


def stands(session: SessionRun) -> bool:
    """Whether what the release holds of the session is what this run found fit to be there."""
    done = session.finished
    if "reconstruct" not in done or "verify" not in done or not may_go_out(session):
        return False
    return is_published(session) or "publish" in done


def rules(session: SessionRun) -> str:
    """A hash of what decides whether a session may go out: profile, level, and what becomes of faces."""
    settings = session.run.settings
    return digest_of([session.run.profile_digest, settings.level, settings.deface.model_dump(mode="json")])


def withdraw_unfit(session: SessionRun) -> None:
    """Take an older version of the session out of the release when this run does not stand behind it.

    One that was found fit by the same rules stays where a step of this run only broke.
    """
    broke = bool(session.failed[0]) and read_json(session.rules_path) == rules(session)
    if session.published.exists() and not broke and not stands(session):
        withdraw(session.published, session.run.layout.staging)
        name = f"{session.order.pseudonym} {session.session.label}"
        session.run.say(f"{name}: withdrawn from the release", session.order.pseudonym, "publish", "Withdrawn")


@task(name="publish", task_run_name="publish {pseudonym} {label}", **OPTIONS)
def publish(pseudonym: str, label: str, session: SessionRun) -> State[Any]:
    """Move the staged session into the release unless it is there."""

    def work() -> Finished:
        built = session.finished["reconstruct"]
        if not is_published(session):
            move(session.staged, session.published, session.run.layout.staging)
        write_json_atomic(session.revisions_path, own_revisions(session))
        write_json_atomic(session.rules_path, rules(session))
        session.store.forget("publish")
        return Finished(session.published, built.manifest, {"message": "published"}, cached=is_published(session))

    return perform(session, "publish", work)
