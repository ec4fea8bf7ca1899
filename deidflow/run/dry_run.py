"""A dry run: what a run would release, deface, exclude and quarantine, decided by its own code.

The vault is a copy in a private temporary folder, or a new one there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from deidflow.burned.devices import load_rules
from deidflow.burned.installed import check_reader, reader_warnings
from deidflow.consent.admission import admission_of
from deidflow.face.engine_installed import check_engine
from deidflow.header.rules import compile_profile
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.run.batch import RunBatch
from deidflow.run.discovery import check_source, make_batch
from deidflow.run.machine import memory_limit
from deidflow.run.orders import work_orders
from deidflow.run.plan import (
    TO_BE_RELEASED,
    NamePlan,
    RunPlan,
    SeriesEnd,
    SeriesEnds,
    SeriesPlan,
    SessionPlan,
    SubjectPlan,
    VerdictPlan,
)
from deidflow.run.plan_names import names_of_session
from deidflow.run.plan_vault import vault_for_plan
from deidflow.run.planned_series import is_any_read, plan_session
from deidflow.run.source_inventory import InventoryTaker
from deidflow.settings.effective import effective_profile
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.settings.run import PlanSettings
from deidflow.states import SeriesState
from deidflow.store.children import Children
from deidflow.verdicts import Reason, Verdict


def make_plan(settings: PlanSettings, *, with_names: bool = False) -> RunPlan:
    """What would become of every file, session and series of the source.

    `with_names`: the names in BIDS as well. With a vault, subjects are named as a run would name
    them; without one they are numbered. Raises what a run would raise for settings, source,
    selection and identities.
    """
    compile_profile(effective_profile(settings))
    check_source(settings)
    if settings.defacing:
        check_engine(settings.deface)
    check_reader(settings.burned_in)
    load_rules(settings.burned_in.rules)

    children = Children(memory_limit(settings))
    try:
        with vault_for_plan(settings) as vault:
            taker = InventoryTaker(
                children=children,
                log=Path(os.devnull),
                work=vault.folder,
                archives=vault.folder / "archives",
                admission=admission_of(settings.consent, vault.withdrawn()),
            )
            listing, places = taker.source(settings.source, settings.input.paths)
            with closing(listing):
                batch = make_batch(listing, vault, settings, places)
                return _plan(
                    settings,
                    batch,
                    vault,
                    children,
                    with_names=with_names,
                )
    finally:
        children.stop()


def _plan(
    settings: PlanSettings,
    batch: RunBatch,
    vault: Vault,
    children: Children,
    *,
    with_names: bool,
) -> RunPlan:
    folder = vault.folder
    counts = _counts_of_discovery(batch)
    released = 0
    subjects = []
    names: list[NamePlan] = []
    for number, located in enumerate(work_orders(batch, vault, settings, batch.orders), 1):
        order = located.with_places(batch.places)
        ends = _series_ends(
            settings,
            order,
            children,
            folder,
        )
        for series, end in _planned(order, ends):
            if end.held is None:
                released += len(series.files)
            else:
                counts[Verdict.QUARANTINED, end.held.reason] += len(series.files)
        name = order.pseudonym if settings.vault else number
        sessions = tuple(_session_plan(session, ends) for session in order.sessions)
        subjects.append(SubjectPlan(name, sessions))
        if with_names:
            named = _names(settings, order, ends, children, folder)
            names += [replace(row, subject=name) for row in named]

    rows = [
        VerdictPlan(verdict, reason, count)
        for (verdict, reason), count in sorted(counts.items())
        if count
    ]
    return RunPlan(
        files=batch.listing.files,
        level=settings.level,
        verdicts=(
            VerdictPlan(
                TO_BE_RELEASED,
                None,
                released,
            ),
            *rows,
        ),
        subjects=tuple(subjects),
        absent=len(batch.absent),
        names=tuple(names),
        warnings=(
            *profile_warnings(
                settings,
                effective_profile(settings),
            ),
            *reader_warnings(settings.burned_in),
        ),
    )


def _counts_of_discovery(batch: RunBatch) -> Counter[tuple[str, Reason]]:
    counts: Counter[tuple[str, Reason]] = Counter()
    for (verdict, reason), files in batch.listing.counts().items():
        counts[str(verdict), reason] = files
    for key in batch.not_selected:
        subject = batch.subject(key)
        files = sum(len(series.members) for study in subject.studies for series in study.series)
        counts[Verdict.EXCLUDED, Reason.NOT_SELECTED] += files
    return counts


def _planned(order: WorkOrder, ends: SeriesEnds) -> Iterator[tuple[SeriesOrder, SeriesEnd]]:
    for session in order.sessions:
        for series in session.series:
            yield series, ends[session.label, series.name]


def _series_ends(
    settings: PlanSettings, order: WorkOrder, children: Children, folder: Path
) -> SeriesEnds:
    """How each series would end, by session and name."""
    if not settings.defacing and not is_any_read(order, settings):
        keys = [
            (session.label, series.name) for session in order.sessions for series in session.series
        ]
        return dict.fromkeys(
            keys,
            SeriesEnd(SeriesState.RELEASED),
        )

    path = folder / "order.json"
    order.write(path)
    ends: dict[tuple[str, str], SeriesEnd] = {}
    for session in order.sessions:
        planned = children.run(
            Path(os.devnull),
            plan_session,
            path,
            session.label,
            folder,
            settings,
        )
        ends |= {(session.label, name): end for name, end in planned.items()}
    return ends


def _names(
    settings: PlanSettings,
    order: WorkOrder,
    ends: SeriesEnds,
    children: Children,
    folder: Path,
) -> list[NamePlan]:
    """The BIDS names of a subject's images."""
    path = folder / "order.json"
    order.write(path)
    names: list[NamePlan] = []
    for session in order.sessions:
        withheld = [
            series.name for series in session.series if ends[session.label, series.name].held
        ]
        names += children.run(
            Path(os.devnull),
            names_of_session,
            path,
            session.label,
            withheld,
            folder,
            effective_profile(settings),
            settings.output.names,
        )

    return names


def _session_plan(session: SessionOrder, ends: SeriesEnds) -> SessionPlan:
    rows = tuple(
        SeriesPlan(
            series=series.name,
            instances=len(series.files),
            incomplete=series.incomplete,
            fate=ends[session.label, series.name].words,
        )
        for series in session.series
    )
    return SessionPlan(session.label, rows)
