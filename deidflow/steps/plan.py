"""A dry run: what a run would find, map, deface, exclude and quarantine. Writes nothing."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from deidflow.dicom.grouping import Cohort, Subject, group
from deidflow.dicom.inventory import Entry, Found, walk
from deidflow.identity.anchors import study_date
from deidflow.identity.names import ordered_names
from deidflow.identity.secret import Keys
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.steps.discover import check_source, read_in_children
from deidflow.store.children import Children
from deidflow.store.process import memory_for


def make_plan(source: Path, level: str, *, defacing: bool) -> dict[str, Any]:
    """Counts of verdicts, and each subject's sessions and series with what would become of them.

    Subjects are numbered by a throw-away secret: the numbers say nothing about names, nor about the
    pseudonyms of a run.
    """
    check_source(source)
    found = list(walk(source))
    children = Children(memory_for(1))
    names = [one.path for one in found if isinstance(one, Found)]
    entries = [one for one in found if isinstance(one, Entry)]
    entries += read_in_children(source, names, children, Path(os.devnull))
    cohort = group(entries, defacing=defacing)
    keys = Keys(secrets.token_bytes(32), "plan", level)
    ordered = sorted(cohort.subjects, key=lambda subject: keys.lookup("patient", subject.key))
    return {
        "files": len(entries),
        "level": level,
        "verdicts": _verdicts(cohort),
        "subjects": [_subject(number, subject, keys, defacing) for number, subject in enumerate(ordered, 1)],
        "absent": sum(len(entry.absent) for entry in entries),
    }


def _verdicts(cohort: Cohort) -> list[dict[str, Any]]:
    counts = Counter((verdict.value, str(reason.value)) for verdict, reason in cohort.verdicts.values())
    rows = [
        {"verdict": verdict, "reason": reason, "files": count} for (verdict, reason), count in sorted(counts.items())
    ]
    going_on = sum(len(one.members) for subject in cohort.subjects for study in subject.studies for one in study.series)
    return [{"verdict": "to be released", "reason": "", "files": going_on}, *rows]


def _subject(number: int, subject: Subject, keys: Keys, defacing: bool) -> dict[str, Any]:
    studies = {study.uid: DatedStudy(keys.lookup("study", study.uid), study_date(study)) for study in subject.studies}
    labels, _ = label_sessions(studies.values(), {}, None)
    sessions = [
        {
            "session": labels[studies[study.uid].lookup],
            "series": [
                {
                    "series": name,
                    "instances": len(series.members),
                    "incomplete": series.incomplete,
                    "fate": "face removed if the gate passes, else quarantined" if defacing else "released",
                }
                for name, series in ordered_names(study)
            ],
        }
        for study in subject.studies
    ]
    return {"subject": number, "sessions": sorted(sessions, key=lambda one: str(one["session"]))}
