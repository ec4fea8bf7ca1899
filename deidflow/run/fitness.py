"""Whether a session may be in the release: decided from the results of its steps."""

from __future__ import annotations

from deidflow.release.publish import withdraw
from deidflow.run.context import SessionRun
from deidflow.store.files import digest_of, read_json


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
    return digest_of(
        [session.run.profile_digest, settings.level, settings.deface.model_dump(mode="json")]
    )


def withdraw_unfit(session: SessionRun) -> None:
    """Take an older version of the session out of the release when this run does not stand behind it.

    One that was found fit by the same rules stays where a step of this run only broke.
    """
    broke = bool(session.failed[0]) and read_json(session.rules_path) == rules(session)
    if session.published.exists() and not broke and not stands(session):
        withdraw(session.published, session.run.layout.staging)
        name = f"{session.order.pseudonym} {session.session.label}"
        session.run.say(
            f"{name}: withdrawn from the release", session.order.pseudonym, "publish", "Withdrawn"
        )
