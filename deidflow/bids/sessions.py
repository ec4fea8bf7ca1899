"""The table of a subject's sessions: days since the event from which the profile counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from deidflow.bids.files import subject_label, tsv, visit_folder, write_json, write_text
from deidflow.store.files import read_json, remove_tree

_DAYS = "days_since"
_DESCRIPTION = {
    "session_id": {"Description": "session of the participant"},
    _DAYS: {"Description": "whole days since the event from which the profile counts"},
}


def write_session_tables(out: Path, folders: Sequence[tuple[str, str, Path]]) -> None:
    """Write the table of every subject whose release counts days; remove subjects without images.

    `folders` are subject, session and folder of the series of a release.
    """
    days: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for subject, session, series in folders:
        facts = read_json(series.parent / "session.json") or {}
        if facts.get(_DAYS) is not None and (out / visit_folder(subject, session)).is_dir():
            days[subject_label(subject)][f"ses-{session}"] = str(facts[_DAYS])

    for folder in sorted(out.glob("sub-*")):
        if not any(folder.glob("ses-*")):
            remove_tree(folder)
            continue
        stem = f"{folder.name}_sessions"
        sessions = days.get(folder.name.removeprefix("sub-"), {})
        if sessions:
            rows = [["session_id", _DAYS], *map(list, sessions.items())]
            write_text(folder / f"{stem}.tsv", tsv(rows))
            write_json(folder / f"{stem}.json", _DESCRIPTION)
        else:
            (folder / f"{stem}.tsv").unlink(missing_ok=True)
            (folder / f"{stem}.json").unlink(missing_ok=True)
