"""Which series of a subject were published with another mask before."""

from __future__ import annotations

from typing import Any

from deidflow.run.context import SessionRun
from deidflow.steps.revisions import Revisions, mask_keys, revised
from deidflow.store.files import read_json


def own_revisions(session: SessionRun) -> dict[str, dict[str, Any]]:
    """The masks of this session's series, each with the revision of its instances."""
    done = session.finished.get("deface")
    if done is None:
        return {}
    keys = mask_keys(done.result, session.template.name, session.run.settings.deface.fill)
    return revised(keys, session.revisions_path)


def revisions(session: SessionRun) -> Revisions:
    """How often series of the subject were published with another mask before; references follow."""
    found: Revisions = {}
    for one in session.order.sessions:
        path = session.run.layout.revisions(session.order.pseudonym, one.label)
        rows = own_revisions(session) if one is session.session else read_json(path) or {}
        counts = {name: row["revision"] for name, row in rows.items() if row["revision"]}
        if counts:
            found[one.label] = counts
    return found
