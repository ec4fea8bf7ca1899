"""A dry run: what a run would find, map, deface, exclude and quarantine, decided by the run's own code. Writes nothing.

The vault is a copy in a private temporary folder, or a new one there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deidflow.dicom.inventory import Entry, Found, walk
from deidflow.errors import EnvironmentFault
from deidflow.face.engine_installed import check_engine
from deidflow.header.rules import compile_profile
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.run.discovery import RunBatch, check_source, make_batch, read_in_children
from deidflow.run.start import memory_limit
from deidflow.settings.effective import effective_profile
from deidflow.settings.face import DefaceSettings
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.settings.run import PlanSettings
from deidflow.steps.common import WHOLE, SeriesResult, each_series
from deidflow.store.children import Children
from deidflow.verdicts import Reason, Verdict

GOES_ON = "face"
"""State of a series whose face would be removed."""
_DATABASE = ("deidflow.sqlite", "deidflow.sqlite-wal")


def make_plan(settings: PlanSettings) -> dict[str, Any]:
    """Counts of verdicts, and each subject's sessions and series with what would become of them.

    With a vault, subjects are named as a run would name them; without one they are numbered by a throw-away
    secret. Raises what a run would raise for settings, source, selection and identities.
    """
    profile = effective_profile(settings)
    compile_profile(profile)
    check_source(settings.source)
    if settings.defacing:
        check_engine(settings.deface)
    children = Children(memory_limit(settings))
    try:
        with _vault(settings) as vault:
            entries = _entries(settings.source, children)
            batch = make_batch(entries, vault, settings)
            return _plan(settings, batch, len(entries), children, vault.folder) | {
                "warnings": list(profile_warnings(settings, profile))
            }
    finally:
        children.stop()


@contextmanager
def _vault(settings: PlanSettings) -> Iterator[Vault]:
    """A copy of the vault, or a new one with a secret that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="deidflow-") as name:
        folder = Path(name)
        known = settings.vault is not None and (settings.vault / _DATABASE[0]).exists()
        place = settings.vault if known and settings.vault else folder
        if known:
            _copy_database(place, folder)
        secret = load_secret(place, create=not known)
        vault = Vault(folder, Keys(secret, settings.project, settings.level))
        try:
            yield vault
        finally:
            vault.close()


def _copy_database(vault: Path, folder: Path) -> None:
    try:
        for file in (vault / name for name in _DATABASE):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise EnvironmentFault(
            f"the vault cannot be read: {error.strerror}; check its permissions"
        ) from None


def _entries(source: Path, children: Children) -> list[Entry]:
    found = list(walk(source))
    names = [one.path for one in found if isinstance(one, Found)]
    entries = [one for one in found if isinstance(one, Entry)]
    entries += read_in_children(source, names, children, Path(os.devnull))
    return sorted(entries, key=lambda entry: entry.path)


def _plan(
    settings: PlanSettings, batch: RunBatch, files: int, children: Children, folder: Path
) -> dict[str, Any]:
    counts = Counter(
        (verdict.value, reason.value) for verdict, reason in batch.cohort.verdicts.values()
    )
    counts[Verdict.EXCLUDED.value, Reason.NOT_SELECTED.value] += sum(
        len(series.members)
        for subject in batch.cohort.subjects
        if subject.key in batch.not_selected
        for study in subject.studies
        for series in study.series
    )
    subjects = []
    for number, order in enumerate(batch.orders, 1):
        states = _states(settings, order, children, folder)
        counts.update(_counted(order, states))
        name = order.pseudonym if settings.vault else number
        subjects.append(
            {"subject": name, "sessions": [_session(one, states) for one in order.sessions]}
        )
    return {
        "files": files,
        "level": settings.level,
        "verdicts": _verdicts(counts),
        "subjects": subjects,
        "absent": len(batch.absent),
    }


def _states(
    settings: PlanSettings, order: WorkOrder, children: Children, folder: Path
) -> dict[tuple[str, str], SeriesResult]:
    """How each series would end, by session and name."""
    keys = [(session.label, series.name) for session in order.sessions for series in session.series]
    if not settings.defacing:
        return {key: {"state": "released"} for key in keys}
    path = folder / "order.json"
    order.write(path)
    states: dict[tuple[str, str], SeriesResult] = {}
    for session in order.sessions:
        arguments = (str(path), session.label, str(folder), settings.deface, settings.level)
        found = children.run(Path(os.devnull), plan_session, *arguments)
        states |= {(session.label, name): result for name, result in found["series"].items()}
    return states


def plan_session(
    order_path: str, label: str, scratch: str, settings: DefaceSettings, level: str
) -> dict[str, dict[str, SeriesResult]]:
    """Runs in a child process: which series of a session stay whole, are withheld, or go on to be defaced."""
    from deidflow.steps.deface import decide_without_head, may_be_head
    from deidflow.steps.volumes import about_series, read_volumes

    order = read_order(Path(order_path))

    def work(series: SeriesOrder) -> SeriesResult:
        if may_be_head(about_series(order, series), settings):
            return {"state": GOES_ON}
        volumes = read_volumes(order, series, Path(scratch))
        return decide_without_head(volumes, settings, level) or {"state": GOES_ON}

    return {"series": each_series(order.session(label), work)}


def _counted(
    order: WorkOrder, states: dict[tuple[str, str], SeriesResult]
) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for session in order.sessions:
        for series in session.series:
            result = states[session.label, series.name]
            withheld = result["state"] == "quarantined"
            verdict = (Verdict.QUARANTINED.value, result["reason"]) if withheld else (_RELEASED, "")
            counts[verdict] += len(series.files)
    return counts


_RELEASED = "to be released"


def _verdicts(counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    released = counts.pop((_RELEASED, ""), 0)
    rows = [
        {"verdict": key[0], "reason": key[1], "files": count}
        for key, count in sorted(counts.items())
        if count
    ]
    return [{"verdict": _RELEASED, "reason": "", "files": released}, *rows]


def _session(session: SessionOrder, states: dict[tuple[str, str], SeriesResult]) -> dict[str, Any]:
    rows = [
        {
            "series": series.name,
            "instances": len(series.files),
            "incomplete": series.incomplete,
            "fate": _fate(states[session.label, series.name]),
        }
        for series in session.series
    ]
    return {"session": session.label, "series": rows}


def _fate(result: SeriesResult) -> str:
    if result["state"] == GOES_ON:
        return "face removed if the gate passes, else quarantined"
    if result["state"] == "quarantined":
        return f"quarantined: {Reason.read(result['reason']).words}"
    whole = result["state"] in WHOLE and result["state"] != "released"
    return f"released ({result['state']})" if whole else "released"
