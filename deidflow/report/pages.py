"""Pages from templates: each is one file that loads nothing, and a policy forbids it to."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from deidflow.release.dataset import ReviewRow
from deidflow.report.facts import SeriesFacts, SubjectFacts
from deidflow.report.words import figure_words, reason_words
from deidflow.version import __version__

_TEMPLATES = files("deidflow.report").joinpath("templates")


def render_page(template: str, **facts: Any) -> str:
    """The HTML of one page."""
    script = _text("page.js")
    # Style and script are files of this package, and hold nothing of a release.
    return (
        _environment()
        .get_template(template)
        .render(
            css=Markup(_text("page.css")),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            policy=content_policy(script),
            version=__version__,
            **facts,
        )
    )


def content_policy(script: str) -> str:
    """A policy under which a page runs this script alone and asks nobody for anything."""
    digest = hashlib.sha256(script.encode()).digest()
    source = base64.b64encode(digest).decode("ascii")
    rules = (
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{source}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


@lru_cache(maxsize=8)
def _text(name: str) -> str:
    return _TEMPLATES.joinpath(name).read_text("utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("deidflow.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = thousands
    environment.filters["counted"] = counted
    environment.filters["detail"] = detail_words
    environment.filters["reason"] = reason_words
    environment.filters["mask_words"] = mask_words
    environment.filters["review_words"] = review_words
    environment.filters["series_count"] = _series_count
    environment.filters["withheld_count"] = _withheld_count
    environment.filters["data_uri"] = data_uri
    environment.filters["printable"] = printable
    return environment


def thousands(value: int) -> str:
    """A count with its digits in groups of three."""
    # A thin space, as ISO 31-0 has it; a comma means something else in half of Europe.
    return f"{value:,}".replace(",", "\u202f")


def counted(count: int, noun: str) -> str:
    """Such as `1 file` and `2 files`."""
    plural = "" if count == 1 or noun == "series" else "s"
    return f"{thousands(count)} {noun}{plural}"


def detail_words(series: SeriesFacts) -> str:
    """What a step added to a reason; empty where it names a figure, which is shown by itself."""
    return "" if series.detail in figure_words() else series.detail


def mask_words(series: SeriesFacts) -> str:
    """How a series got its mask; empty where it has none."""
    asked = f"as a person asked: {', '.join(series.by_person)}" if series.by_person else ""
    if series.margin_mm is None:
        return asked
    is_reference = series.how == "reference"
    origin = "registered by itself" if is_reference else "carried from the session's reference"
    words = f"{origin}, grown by {series.margin_mm:g} mm"
    return f"{words}; {asked}" if asked else words


def review_words(review: ReviewRow) -> str:
    """How far people are who look at a sample."""
    words = f"{review.signed_off} of {review.cases} drawn cases are signed off"
    if not review.second_looks:
        return words
    twice = f"{review.second_looks} were looked at twice"
    if review.kappa is None:
        return f"{words}; {twice}"
    return f"{words}; {twice}, kappa {review.kappa:.2f}"


def _series_count(subject: SubjectFacts) -> int:
    return sum(len(session.released) for session in subject.published)


def _withheld_count(subject: SubjectFacts) -> int:
    total = sum(len(session.series) for session in subject.published)
    return total - _series_count(subject)


def data_uri(content: bytes) -> str:
    """Picture bytes as an address that holds the picture itself."""
    kind = "webp" if content[:4] == b"RIFF" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def printable(path: str) -> str:
    """A path in which bytes that are no UTF-8 are visible."""
    return path.encode("utf-8", "surrogateescape").decode(
        "utf-8",
        "backslashreplace",
    )
