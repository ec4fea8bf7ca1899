"""The vault's pages: pictures, and what is not released, from which file, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from deidflow.release.layout import Layout
from deidflow.report.facts import (
    Counts,
    Dataset,
    HeldGroup,
    ReleaseFacts,
    SeriesFacts,
    SessionFacts,
    SubjectFacts,
)
from deidflow.report.flow_chart import FlowChart, flow_chart
from deidflow.report.gate_chart import FigureRow, figure_rows, gate_figures, number
from deidflow.report.held_table import HeldReason, held_by_urgency
from deidflow.report.pages import render_page
from deidflow.report.shared_page import KeyFigure, key_figures
from deidflow.report.tiles import Size
from deidflow.report.view_cache import SeriesViews, images_of, series_views, views_key
from deidflow.report.views import View
from deidflow.report.words import Advice, Urgency, advice_for, figure_words
from deidflow.store.files import digest_of
from deidflow.version import __version__

LARGEST_PAGE = 3_000_000
"""Bytes that a subject's page may have."""
_SIZES = (
    Size(),
    Size(pixels=320, quality=70),
    Size(pixels=200, quality=60),
    Size(pixels=128, quality=50),
)
_MOST_THUMBNAILS = 240


@dataclass(frozen=True)
class FigureText:
    """One figure of one series, in words."""

    title: str
    value: str
    limit: str
    passes: bool


@dataclass(frozen=True)
class SeriesCard:
    """One series with its pictures."""

    session: SessionFacts
    series: SeriesFacts
    views: SeriesViews
    figures: tuple[FigureText, ...]
    advice: Advice | None

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return f"{self.session.label}-{self.series.name}"


@dataclass(frozen=True)
class SubjectCard:
    """One subject on the first page."""

    subject: SubjectFacts
    series: int
    held: int
    thumbnail: View | None


@dataclass(frozen=True)
class PrivateIndex:
    """What the template of the first page is filled with."""

    dataset: Dataset
    counts: Counts
    chart: FlowChart
    keys: tuple[KeyFigure, ...]
    held: dict[Urgency, tuple[HeldReason, ...]]
    subjects: tuple[SubjectCard, ...]
    gates: tuple[FigureRow, ...]


def index_page(layout: Layout, facts: ReleaseFacts, held: tuple[HeldGroup, ...]) -> str:
    """The HTML of the first page."""
    cards: list[SubjectCard] = []
    for subject in facts.subjects:
        with_picture = len(cards) < _MOST_THUMBNAILS
        cards.append(
            _subject_card(
                layout,
                subject,
                with_picture=with_picture,
            )
        )

    measured = [series for session in facts.sessions() for series in session.series]
    page = PrivateIndex(
        dataset=facts.dataset,
        counts=facts.counts,
        chart=flow_chart(facts.counts),
        keys=key_figures(facts),
        held=held_by_urgency(held),
        subjects=tuple(cards),
        gates=figure_rows(measured, coarse=False),
    )

    return render_page(
        "private_index.html.j2",
        page=page,
        withdrawn=facts.withdrawn,
    )


def _subject_card(layout: Layout, subject: SubjectFacts, *, with_picture: bool) -> SubjectCard:
    total = 0
    held = 0
    for session in subject.sessions:
        total += len(session.series)
        held += len(session.series) - len(session.released)
    thumbnail = _thumbnail(layout, subject) if with_picture else None
    return SubjectCard(
        subject,
        series=total,
        held=held,
        thumbnail=thumbnail,
    )


def _thumbnail(layout: Layout, subject: SubjectFacts) -> View | None:
    """The front of the first head that was registered, else an axial cut of the first series."""
    candidates = [(session, series) for session in subject.sessions for series in session.series]
    candidates.sort(key=lambda pair: pair[1].how != "reference")
    for session, series in candidates[:1]:
        views = series_views(
            layout,
            subject.pseudonym,
            session.label,
            series.name,
        )
        return views.view("front" if series.how == "reference" else "axial")
    return None


def subject_key(
    layout: Layout,
    facts: ReleaseFacts,
    subject: SubjectFacts,
    held: Iterable[HeldGroup],
) -> str:
    """Changes with whatever a subject's page shows."""
    shown = []
    for session in subject.sessions:
        for series in session.series:
            images = images_of(
                layout,
                subject.pseudonym,
                session.label,
                series.name,
            )
            shown.append(views_key(images, Size()))
    theirs = [asdict(group) for group in held]
    return digest_of([__version__, asdict(facts.dataset), asdict(subject), theirs, shown])


def subject_page(
    layout: Layout,
    facts: ReleaseFacts,
    subject: SubjectFacts,
    held: Iterable[HeldGroup],
    key: str = "",
) -> str:
    """The HTML of one subject's page; pictures get smaller until it is small enough.

    `held` is what is held of the subject, `key` what the page is marked with.
    """
    theirs = tuple(held)
    page = ""
    for size in _SIZES:
        cards = _series_cards(layout, subject, size)
        page = render_page(
            "private_subject.html.j2",
            dataset=facts.dataset,
            subject=subject,
            cards=cards,
            held=held_by_urgency(theirs),
            key=key,
        )
        if len(page) <= LARGEST_PAGE:
            break

    return page


def _series_cards(layout: Layout, subject: SubjectFacts, size: Size) -> tuple[SeriesCard, ...]:
    cards = []
    for session in subject.sessions:
        for series in session.series:
            cards.append(
                series_card(
                    layout,
                    session,
                    series,
                    size,
                )
            )
    return tuple(cards)


def series_card(
    layout: Layout,
    session: SessionFacts,
    series: SeriesFacts,
    size: Size | None = None,
) -> SeriesCard:
    """A series with its pictures, figures and, where it is held, advice."""
    views = series_views(
        layout,
        session.subject,
        session.label,
        series.name,
        size,
    )
    return SeriesCard(
        session=session,
        series=series,
        views=views,
        figures=figure_texts(series),
        advice=advice_for(series.reason) if series.reason else None,
    )


def figure_texts(series: SeriesFacts) -> tuple[FigureText, ...]:
    """The figures that bind a series, those beyond their limits first."""
    texts = []
    explained = figure_words()
    for name, value in gate_figures(series).items():
        words = explained.get(name)
        if words is None:
            continue
        low = "" if words.least is None else f"≥ {number(words.least)}"
        high = "" if words.most is None else f"≤ {number(words.most)}"
        text = FigureText(
            title=words.title,
            value=f"{number(value)} {words.unit}".strip(),
            limit=" ".join(bound for bound in (low, high) if bound),
            passes=words.passes(value),
        )
        texts.append(text)

    texts.sort(key=lambda text: text.passes)
    return tuple(texts)
