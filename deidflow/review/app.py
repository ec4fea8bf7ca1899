"""The page on which people decide: served to this machine only, to whoever has the token.

The token is in the fragment of the address, which a browser never sends: it reaches the server in a
header, so that no log of anybody can hold it. Every answer says that it must not be stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from deidflow.errors import DeidflowError, UsageError
from deidflow.release.decisions import Action, CaseName, Sight
from deidflow.report.pages import data_uri
from deidflow.report.private_pages import SeriesCard
from deidflow.report.view_cache import SeriesViews
from deidflow.report.words import reason_words
from deidflow.review.desk import Desk, Wish
from deidflow.review.queue import Case

Answer = Callable[[Request], Awaitable[Response]]

_HEADERS = {
    "Cache-Control": "no-store, max-age=0",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class WishRow(BaseModel):
    """A decision as the page sends it."""

    action: Action
    sights: tuple[Sight, ...] = ()
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    seen: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class Door:
    """Lets in who has the token, came from this page, and called this machine by its own name."""

    def __init__(self, token: str, hosts: frozenset[str]) -> None:
        self._token = token
        self._hosts = hosts

    def is_own_host(self, request: Request) -> bool:
        """Whether our own address was called, not a name that leads here (DNS rebinding)."""
        return request.headers.get("host", "") in self._hosts

    def is_own_origin(self, request: Request) -> bool:
        """Whether no other page sent the request."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        own_origins = {f"http://{host}" for host in self._hosts}
        return (origin is None or origin in own_origins) and site in ("none", "same-origin")

    def knows(self, request: Request) -> bool:
        """Whether the request has the token."""
        sent = request.headers.get("authorization", "")
        return hmac.compare_digest(
            sent.encode(),
            f"Bearer {self._token}".encode(),
        )


def create_app(desk: Desk, who: str, door: Door, touched: Callable[[], None]) -> FastAPI:
    """The application; `touched` is called at each request that was let in."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.middleware("http")
    async def guard(request: Request, answer: Answer) -> Response:
        response = await _guarded(request, answer)
        response.headers.update(_HEADERS)
        return response

    async def _guarded(request: Request, answer: Answer) -> Response:
        if not door.is_own_host(request) or not door.is_own_origin(request):
            return Response(status_code=403)
        if request.url.path == "/":
            return await answer(request)
        if not door.knows(request):
            return Response(status_code=404)
        touched()
        return await answer(request)

    @app.exception_handler(DeidflowError)
    async def refused(_: Request, error: DeidflowError) -> JSONResponse:
        return JSONResponse(
            {"refused": str(error)},
            status_code=409,
        )

    @app.get("/")
    async def page() -> HTMLResponse:
        html, policy = review_page()
        return HTMLResponse(
            html,
            headers={"Content-Security-Policy": policy},
        )

    _add_routes(app, desk, who)
    return app


def _add_routes(app: FastAPI, desk: Desk, who: str) -> None:
    @app.get("/queue")
    def queue() -> dict[str, Any]:
        return queue_row(desk)

    @app.get("/case/{number}")
    def show(number: int) -> dict[str, Any]:
        case = desk.case(_numbered(desk, number))
        return case_row(desk, case, desk.card(case))

    @app.get("/case/{number}/turned")
    def turned(number: int) -> dict[str, Any]:
        case = desk.case(_numbered(desk, number))
        return {"views": view_rows(desk.turned(case))}

    @app.post("/case/{number}")
    def decide(number: int, row: WishRow) -> dict[str, Any]:
        name = _numbered(desk, number)
        wish = Wish(
            row.action,
            row.sights,
            row.seconds,
            row.seen,
        )
        _check_seen(desk, name, row.seen)
        desk.decide(name, wish, who)
        return queue_row(desk)

    @app.post("/case/{number}/undo")
    def undo(number: int) -> dict[str, Any]:
        desk.undo(_numbered(desk, number), who)
        return queue_row(desk)


def _numbered(desk: Desk, number: int) -> CaseName:
    if not 0 <= number < len(desk.order):
        raise HTTPException(status_code=404)
    return desk.order[number]


def _check_seen(desk: Desk, name: CaseName, seen: str) -> None:
    """Refuse a decision on pictures that are no longer those of the case."""
    card = desk.card(desk.case(name))
    if seen != card.views.digest:
        raise UsageError("the pictures changed meanwhile; open the case again and look")


def queue_row(desk: Desk) -> dict[str, Any]:
    """The queue and its progress for the page."""
    by_name = {case.name: case for case in desk.cases()}
    rows = []
    for name in desk.order:
        case = by_name.get(name)
        if case is not None:
            rows.append(_queue_entry(desk, case))
    progress = desk.progress(by_name.values())
    return {
        "cases": rows,
        "blind": desk.is_blind,
        "decided": progress.decided,
        "withheld": progress.withheld,
        "seconds": progress.seconds_per_case,
    }


def _queue_entry(desk: Desk, case: Case) -> dict[str, Any]:
    is_hidden = desk.is_blind and not case.is_decided
    decision = case.decision if case.is_decided else None
    return {
        "name": "" if is_hidden else str(case.name),
        "risk": None if is_hidden else case.risk,
        "out": None if is_hidden else case.is_out,
        "action": decision.action.value if decision else "",
        "sights": [sight.value for sight in decision.sights] if decision else [],
        "who": decision.who if decision else "",
        "when": decision.when if decision else "",
    }


def case_row(desk: Desk, case: Case, card: SeriesCard) -> dict[str, Any]:
    """One case for the page: its pictures, and its figures unless the queue is blind."""
    shown = {
        "views": view_rows(card.views),
        "seen": card.views.digest,
        "both": card.views.has_both,
    }
    return shown if desk.is_blind else shown | _open_facts(case, card)


def view_rows(shown: SeriesViews) -> list[dict[str, str]]:
    """Views for the page; pictures as addresses that hold them."""
    rows = []
    for view in shown.views:
        row = {
            "name": view.name,
            "before": data_uri(view.before) if view.before else "",
            "after": data_uri(view.after) if view.after else "",
            "outline": data_uri(view.outline) if view.outline else "",
        }
        rows.append(row)
    return rows


def _open_facts(case: Case, card: SeriesCard) -> dict[str, Any]:
    figures = []
    for figure in card.figures:
        row = {
            "title": figure.title,
            "value": figure.value,
            "limit": figure.limit,
            "passes": figure.passes,
        }
        figures.append(row)
    reason = case.series.reason
    return {
        "state": case.series.state,
        "instances": case.series.instances,
        "reason": reason_words(reason) if reason else "",
        "advice": card.advice.words if card.advice else "",
        "figures": figures,
    }


def review_page() -> tuple[str, str]:
    """The page itself, which holds no data, and the policy that it is served with."""
    folder = files("deidflow.review").joinpath("templates")
    style = folder.joinpath("review.css").read_text("utf-8")
    script = folder.joinpath("review.js").read_text("utf-8")
    html = folder.joinpath("review.html").read_text("utf-8")
    html = html.replace("/*STYLE*/", style).replace(
        "/*SCRIPT*/",
        script,
    )
    rules = (
        "default-src 'none'",
        "img-src data:",
        f"style-src '{_hash_source(style)}'",
        f"script-src '{_hash_source(script)}'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return html, "; ".join(rules)


def _hash_source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
