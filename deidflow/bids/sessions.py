"""The table of a subject's sessions: days since the event from which the profile counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
    days = _days_of(out, folders)
    for folder in sorted(out.glob("sub-*")):
        has_sessions = any(folder.glob("ses-*"))
        if has_sessions:
            subject = folder.name.removeprefix("sub-")
            _write_table(folder, days[subject])
        else:
            remove_tree(folder)


def _days_of(
    out: Path, folders: Sequence[tuple[str, str, Path]]
) -> defaultdict[str, dict[str, str]]:
    """Label of a subject -> name of a session that has images -> days since the event."""
    days: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for subject, session, series in folders:
        visit = visit_folder(subject, session)
        images = out / visit
        page = series.parent / "session.json"
        facts = read_json(page) or {}
        count = facts.get(_DAYS)
        if count is None or not images.is_dir():
            continue

        label = subject_label(subject)
        counted = days[label]
        counted[visit.name] = str(count)
    return days


def _write_table(folder: Path, days: Mapping[str, str]) -> None:
    """Write the table of one subject; remove one that is there where no days are counted."""
    table = folder / f"{folder.name}_sessions.tsv"
    description = table.with_suffix(".json")
    if not days:
        table.unlink(missing_ok=True)
        description.unlink(missing_ok=True)
        return

    rows = [["session_id", _DAYS]]
    for session, count in days.items():
        rows.append([session, count])
    write_text(table, tsv(rows))
    write_json(description, _DESCRIPTION)
