"""The page on which people decide: served to this machine only, to whoever has the token.

The token is in the fragment of the address, which a browser never sends: it reaches the server in a
header, so that no log of anybody can hold it. Every answer says that it must not be stored.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from deidflow.errors import DeidflowError, UsageError
from deidflow.report.pages import data_uri
from deidflow.report.volume_files import VolumeKind
from deidflow.review.desk import Desk
from deidflow.review.page import review_page, viewer_script
from deidflow.review.queue import Case
from deidflow.review.rows import WishRow, case_row, queue_row, view_rows

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
        case = _numbered(desk, number)
        return case_row(desk, case, desk.card(case))

    @app.get("/case/{number}/turned")
    def turned(number: int) -> dict[str, Any]:
        case = _numbered(desk, number)
        return {"views": view_rows(desk.turned(case))}

    @app.get("/case/{number}/volume/{kind}")
    def volume(number: int, kind: VolumeKind) -> Response:
        content = desk.volume(_numbered(desk, number), kind)
        if content is None:
            raise HTTPException(status_code=404)
        return Response(content, media_type="application/octet-stream")

    @app.get("/case/{number}/stored")
    def stored(number: int) -> dict[str, Any]:
        content = desk.stored(_numbered(desk, number))
        return {"picture": "" if content is None else data_uri(content)}

    @app.get("/viewer")
    def viewer() -> Response:
        script = viewer_script()
        if not script:
            raise HTTPException(status_code=404)
        return Response(script, media_type="text/javascript")

    @app.post("/case/{number}")
    def decide(number: int, row: WishRow) -> dict[str, Any]:
        case = _numbered(desk, number)
        _check_seen(desk, case, row.seen)
        desk.decide(
            case.name,
            row.wish(),
            who,
            again=case.again,
        )
        return queue_row(desk)

    @app.post("/case/{number}/undo")
    def undo(number: int) -> dict[str, Any]:
        case = _numbered(desk, number)
        desk.undo(
            case.name,
            who,
            again=case.again,
        )
        return queue_row(desk)


def _numbered(desk: Desk, number: int) -> Case:
    if not 0 <= number < len(desk.order):
        raise HTTPException(status_code=404)
    look = desk.order[number]
    return desk.case(look.name, again=look.again)


def _check_seen(desk: Desk, case: Case, seen: str) -> None:
    """Refuse a decision on pictures that are no longer those of the case."""
    card = desk.card(case)
    if seen != card.views.digest:
        raise UsageError("the pictures changed meanwhile; open the case again and look")
