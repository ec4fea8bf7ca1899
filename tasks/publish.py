"""The step `publish`: the session appears in the release in one rename."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from deidflow.release.publish import publish as move
from deidflow.run.context import SessionRun
from deidflow.run.fitness import is_published, rules
from deidflow.run.revisions import own_revisions
from deidflow.store.files import write_json_atomic
from deidflow.store.record import Finished
from tasks.common import OPTIONS, perform


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
        return Finished(
            session.published,
            built.manifest,
            {"message": "published"},
            cached=is_published(session),
        )

    return perform(session, "publish", work)
