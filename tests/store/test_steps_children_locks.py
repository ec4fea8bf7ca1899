"""Records of steps, dying children, locks."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deidflow.errors import ReleaseBusy, StepFailed
from deidflow.store.children import Children
from deidflow.store.files import Manifest
from deidflow.store.locks import held, is_held
from deidflow.store.record import StepStore, Task
from deidflow.store.scratch import sweep
from deidflow.verdicts import Reason


class Work:
    """Counts how often a step really ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, scratch: Path) -> int:
        self.runs += 1
        (scratch / "a").write_text("one")
        (scratch / "b").mkdir()
        (scratch / "b" / "c").write_text("two")
        return 7


def task(
    work: Callable[[Path], int], outputs: Path, *other_places: Path, key: str = "k"
) -> Task[int]:
    """The work as a step of a session."""
    return Task("step", key, work, int, outputs, other_places)


def test_a_step_runs_once_for_a_key(tmp_path: Path) -> None:
    store, work = StepStore(tmp_path), Work()
    first = store.run(task(work, tmp_path / "out", key="k1"))
    second = store.run(task(work, tmp_path / "out", key="k1"))
    assert (first.cached, second.cached, work.runs) == (False, True, 1)
    assert second.result == 7
    store.run(task(work, tmp_path / "out", key="k2"))
    assert work.runs == 2


@pytest.mark.parametrize("harm", ["delete", "change", "swap", "add"])
def test_a_harmed_output_is_made_again(tmp_path: Path, harm: str) -> None:
    store, work, out = StepStore(tmp_path), Work(), tmp_path / "out"
    store.run(task(work, out))
    if harm == "delete":
        (out / "a").unlink()
    elif harm == "change":
        (out / "a").write_text("ONE")
    elif harm == "swap":
        (out / "a").rename(out / "x")
        (out / "b" / "c").rename(out / "a")
        (out / "x").rename(out / "b" / "c")
    else:
        (out / "stray").touch()
    assert not store.run(task(work, out)).cached
    assert (out / "a").read_text() == "one"
    assert not (out / "stray").exists()


def test_touched_outputs_are_still_intact(tmp_path: Path) -> None:
    store, work = StepStore(tmp_path), Work()
    store.run(task(work, tmp_path / "out"))
    os.utime(tmp_path / "out" / "a", ns=(1, 1))
    assert store.run(task(work, tmp_path / "out")).cached


def test_moved_outputs_count_in_their_other_place(tmp_path: Path) -> None:
    store, work = StepStore(tmp_path), Work()
    store.run(task(work, tmp_path / "staged"))
    (tmp_path / "staged").rename(tmp_path / "published")
    again = store.run(task(work, tmp_path / "staged", tmp_path / "published"))
    assert (again.cached, again.folder) == (True, tmp_path / "published")


def test_a_failing_step_leaves_no_outputs(tmp_path: Path) -> None:
    def fail(scratch: Path) -> int:
        (scratch / "half").touch()
        raise StepFailed(Reason.STOPPED)

    with pytest.raises(StepFailed):
        StepStore(tmp_path).run(task(fail, tmp_path / "out"))
    assert Manifest.scan(tmp_path).outputs == ()


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    (tmp_path / "P001" / ".out.scratch" / "deep").mkdir(parents=True)
    (tmp_path / "P001" / ".record.json.12.part").touch()
    (tmp_path / "P001" / "kept").touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["P001", "kept"]


# children


def give_back(value: int) -> int:
    return value * 2


def die(_: int) -> None:
    os.kill(os.getpid(), 9)


def crash(_: int) -> None:
    raise ValueError("Zimmerquast is not a number")


def grab_memory(_: int) -> int:
    return len(bytearray(1 << 40))


def say_names(_: int) -> int:
    print("Zimmerquast")
    return 1


@pytest.fixture(scope="module")
def children() -> Children:
    return Children(2 << 30)


def test_a_child_gives_back_a_value(children: Children, tmp_path: Path) -> None:
    assert children.run(tmp_path / "log", give_back, 21) == 42


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (die, Reason.CHILD_DIED),
        pytest.param(crash, Reason.UNEXPECTED, marks=pytest.mark.last_resort),
        (grab_memory, Reason.OUT_OF_MEMORY),
    ],
)
def test_a_dying_child_is_an_error_without_identifiers(
    children: Children, tmp_path: Path, function: Callable[[int], object], reason: Reason
) -> None:
    with pytest.raises(StepFailed) as caught:
        children.run(tmp_path / "log", function, 1)
    assert caught.value.reason is reason
    assert "Zimmerquast" not in str(caught.value)
    assert children.run(tmp_path / "log", give_back, 1) == 2


def test_what_a_child_prints_goes_to_the_log_only(
    children: Children, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    children.run(tmp_path / "log", say_names, 1)
    assert "Zimmerquast" not in "".join(capfd.readouterr())
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def sleep(seconds: int) -> None:
    time.sleep(seconds)


def test_children_can_be_stopped(tmp_path: Path) -> None:
    import threading

    own = Children(0)
    threading.Timer(0.7, own.stop).start()
    started = time.monotonic()
    with pytest.raises(StepFailed) as caught:
        own.run(tmp_path / "log", sleep, 60)
    assert caught.value.reason is Reason.STOPPED
    assert time.monotonic() - started < 20


# locks


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with held(tmp_path / "lock", "release"):
        assert is_held(tmp_path / "lock")
        with pytest.raises(ReleaseBusy), held(tmp_path / "lock", "release"):
            pass
    assert not is_held(tmp_path / "lock")


def test_a_lock_whose_file_the_last_holder_removed_is_taken_anew(tmp_path: Path) -> None:
    lock = tmp_path / "staging" / "lock"
    with ThreadPoolExecutor(1) as pool:
        with held(lock, "output"):
            waiting = pool.submit(_hold_a_moment, lock)
            time.sleep(0.2)
            shutil.rmtree(lock.parent)
        assert waiting.result(timeout=60)


def _hold_a_moment(lock: Path) -> bool:
    with held(lock, "output", wait=True):
        return is_held(lock)
