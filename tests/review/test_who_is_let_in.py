"""Who is let in to the page, and what it answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from deidflow.release.decision_record import read_entries
from deidflow.review.app import Door, create_app
from deidflow.review.desk import Desk

OWN = {"authorization": "Bearer token"}


@pytest.fixture
def touches() -> list[int]:
    return []


@pytest.fixture
def client(desk: Desk, touches: list[int]) -> Iterator[httpx.Client]:
    """Asks the application, served by a thread of the test."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    app = create_app(desk, "ada", Door("token", frozenset((host,))), lambda: touches.append(1))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with httpx.Client(base_url=f"http://{host}", trust_env=False, timeout=60) as asking:
        yield asking
    server.should_exit = True
    thread.join()


def test_who_has_the_token_is_let_in(client: httpx.Client, touches: list[int]) -> None:
    answer = client.get("/queue", headers=OWN)

    assert answer.status_code == 200
    assert [row["name"] for row in answer.json()["cases"]][-1] == "P002/M00/001-CT"
    assert touches == [1]


@pytest.mark.parametrize("path", ["/queue", "/case/0", "/openapi.json", "/docs"])
@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer x"}, {"authorization": "token"}])
def test_nobody_else_is(
    client: httpx.Client, touches: list[int], path: str, sent: dict[str, str]
) -> None:
    assert client.get(path, headers=sent).status_code == 404
    assert touches == [], "a stranger does not keep the page open"


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"host": "rebound.example.org"},
        {"host": "127.0.0.1:80"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_no_other_page_can_use_the_token(client: httpx.Client, foreign: dict[str, str]) -> None:
    assert client.get("/queue", headers=OWN | foreign).status_code == 403
    assert client.get("/", headers=foreign).status_code == 403


@pytest.mark.parametrize("path", ["/", "/queue", "/case/0", "/nothing", "/case/99"])
def test_no_answer_is_stored(client: httpx.Client, path: str) -> None:
    for sent in (OWN, {}):
        answer = client.get(path, headers=sent)
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_page_itself_holds_no_data(client: httpx.Client) -> None:
    page = client.get("/")

    assert "P001" not in page.text
    assert "data:image" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_case_that_is_not_there(client: httpx.Client) -> None:
    assert client.get("/case/99", headers=OWN).status_code == 404
    assert client.get("/case/-1", headers=OWN).status_code == 404


@pytest.mark.parametrize("body", [{}, {"action": "release"}, {"action": "accept", "seen": "x"}])
def test_what_is_no_decision_is_refused(
    client: httpx.Client, desk: Desk, body: dict[str, str]
) -> None:
    assert client.post("/case/0", json=body, headers=OWN).status_code == 422
    assert read_entries(desk.layout.decisions) == ()


def test_what_may_not_be_decided_is_refused_in_words(client: httpx.Client) -> None:
    seen = client.get("/case/2", headers=OWN).json()["seen"]
    answer = client.post("/case/2", json={"action": "accept", "seen": seen}, headers=OWN)

    assert answer.status_code == 409
    assert "no masked version" in answer.json()["refused"]


def test_a_decision_on_other_pictures_is_refused(client: httpx.Client, desk: Desk) -> None:
    wish = {"action": "accept", "seen": "0" * 64}
    answer = client.post("/case/0", json=wish, headers=OWN)

    assert answer.status_code == 409
    assert "pictures changed" in answer.json()["refused"]
    assert read_entries(desk.layout.decisions) == ()


def test_a_head_is_shown_from_thirteen_sides(client: httpx.Client) -> None:
    views = client.get("/case/0/turned", headers=OWN).json()["views"]

    assert [view["name"] for view in views][::6] == ["-90°", "+0°", "+90°"]
    assert len({view["after"] for view in views}) == 13
