"""Fixtures and the rules of every test."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import deidflow.store.preload  # noqa: F401  the settings of pydicom that children have
from deidflow.face.template import prepare_template
from deidflow.face.template_place import template_path
from deidflow.identity.secret import Keys
from deidflow.identity.vault import Vault
from deidflow.run.context import _IMPORTED
from deidflow.store.children import Children
from deidflow.store.machine_cache import keep, machine_cache, take
from flows.hosting.environment import prepare_environment
from flows.hosting.server import server
from tests.commands import SHARED_API, DemoRun
from tests.places import REAL_DATA
from tests.unexpected import UNEXPECTED_ERRORS

settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")
LONGEST_FIRST = (
    "flows/test_served_runs.py",
    "flows/test_demo_comes_out_as_planned.py",
    "flows/test_real_series.py",
    "flows",
    "face",
    "steps",
    "report",
    "review",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on real series run where these are; slow ones where somebody asks for all."""
    items.sort(key=_place_in_line)
    if not os.environ.get("DEIDFLOW_TEST_ALL"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(
                    pytest.mark.skip(reason="takes long; DEIDFLOW_TEST_ALL=1 runs it too")
                )
    if not REAL_DATA.is_dir():
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason="no real series beside the checkout"))


def _place_in_line(item: pytest.Item) -> int:
    """What takes longest goes first, so that no process of the tests is left alone with it."""
    path = item.path.relative_to(Path(__file__).parent)
    names = {path.as_posix(), path.parts[0]}
    for place, name in enumerate(LONGEST_FIRST):
        if name in names:
            return place
    return len(LONGEST_FIRST)


@pytest.fixture(autouse=True)
def no_unexpected_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """A scenario that ends in "an unexpected error" fails, but for the tests of that reason itself."""
    yield
    seen = UNEXPECTED_ERRORS.seen.copy()
    UNEXPECTED_ERRORS.seen.clear()
    if not request.node.get_closest_marker("last_resort"):
        assert not seen, (
            "an unexpected error; give it a reason of its own in deidflow/store/faults.py"
        )


@pytest.fixture(scope="session", autouse=True)
def loaded_forkserver() -> None:
    """One process forks the working processes of all tests here, and has loaded what its first
    caller asked for: if that were a test of little, each step of a later run would load the rest."""
    Children(1 << 30, _IMPORTED)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """A run in this process makes its files private; the next test starts as people do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """An open vault with a fixed secret."""
    (tmp_path / "vault").mkdir(mode=0o700)
    opened = Vault(tmp_path / "vault", Keys(b"s" * 32, "default", "high"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that the face step needs: the machine's, as runs take it, or built once for all
    processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    path = template_path(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own, ears=False)
    kept = machine_cache() / path.name
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() and not take(kept, path):
            prepare_template(str(path), False)
            keep(path, kept)
    return path


@pytest.fixture(scope="session")
def server_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of one Prefect server for all the runs of a test process: each that starts its own
    takes seconds."""
    before = dict(os.environ)
    with server(tmp_path_factory.mktemp("prefect")):
        address = os.environ["PREFECT_API_URL"]
        for name in set(os.environ) - set(before):
            del os.environ[name]
        yield address
        os.environ["PREFECT_API_URL"] = address


@pytest.fixture(scope="session")
def one_server(server_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs in this process use the tests' server."""
    before = dict(os.environ)
    prepare_environment(tmp_path_factory.mktemp("home"))
    os.environ["PREFECT_API_URL"] = server_address

    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server_address}):
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def shared_server(server_address: str) -> Iterator[None]:
    """The runs of a module's tests use the tests' server instead of one of their own."""
    os.environ[SHARED_API] = server_address
    yield
    del os.environ[SHARED_API]


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo, run once through the command line."""
    return DemoRun(tmp_path_factory.mktemp("demo") / "demo")
