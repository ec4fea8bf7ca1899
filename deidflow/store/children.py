"""Heavy work in child processes, so that one that dies costs one subject.

Children come from a forkserver that has the heavy libraries loaded: about 11 ms each instead of
0.6 s for a cold interpreter. They die with their parent, have a memory limit, and print only into a
log in the vault: messages of libraries about bad files may contain names.
"""

from __future__ import annotations

import inspect
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from deidflow.errors import StepFailed
from deidflow.store.faults import fault_of
from deidflow.store.process import MEMORY_EXIT, die_with_parent, limit_memory
from deidflow.verdicts import Reason

P = ParamSpec("P")
R = TypeVar("R")
_PRELOAD = ["deidflow.store.preload"]
_START_SECONDS = 0.5
"""How long `stop` waits for a child that is being started."""
_END_SECONDS = 1.0
"""How long `stop` waits for killed children to end."""
_POLL_SECONDS = 0.02


class Children:
    """Starts child processes, at most one per caller at once, and can stop them all."""

    def __init__(self, memory_limit: int, preload: Sequence[str] = ()) -> None:
        self._memory_limit = memory_limit
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*_PRELOAD, *preload])
        forkserver.ensure_running()
        self._live: set[multiprocessing.process.BaseProcess] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(
        self, log: Path, function: Callable[P, R], /, *arguments: P.args, **named: P.kwargs
    ) -> R:
        """Call a function with picklable arguments in a child and return its result.

        The child's output goes to `log`. Raises the function's own error if it is a DeidflowError,
        otherwise StepFailed with a reason that contains no value of the data.
        """
        receiver, process = self.start(
            log,
            function,
            *arguments,
            **named,
        )
        try:
            value: R = _unwrap(receiver.recv())
            return value
        except EOFError:
            process.join()
            raise self._failure(process.exitcode) from None
        except BaseException:
            process.kill()
            raise
        finally:
            self.finish(receiver, process)

    def stream(
        self,
        log: Path,
        function: Callable[P, Iterator[R]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> Iterator[R]:
        """Like `run` for a generator function: yields its items as they come."""
        receiver, process = self.start(
            log,
            function,
            *arguments,
            **named,
        )
        try:
            while (message := receiver.recv())[0] == "item":
                yield message[1]
            _unwrap(message)
        except EOFError:
            process.join()
            raise self._failure(process.exitcode) from None
        finally:
            process.kill()
            self.finish(receiver, process)

    def start(
        self, log: Path, function: Callable[P, object], /, *arguments: P.args, **named: P.kwargs
    ) -> tuple[Connection[Any, Any], multiprocessing.process.BaseProcess]:
        """Start a child and return the connection on which its messages come."""
        receiver, sender = self._context.Pipe(duplex=False)
        call = partial(function, *arguments, **named)
        process = self._context.Process(
            target=_child,
            args=(sender, call, os.fspath(log), self._memory_limit),
            daemon=True,
        )

        with self._lock:
            if self._stopping:
                raise StepFailed(Reason.STOPPED)
            try:
                with without_main():
                    process.start()
            except (OSError, EOFError):
                raise self._failure(None) from None
            self._live.add(process)

        sender.close()
        return receiver, process

    def finish(
        self, receiver: Connection[Any, Any], process: multiprocessing.process.BaseProcess
    ) -> None:
        """Wait for a child that has sent its last message."""
        receiver.close()
        process.join()
        with self._lock:
            self._live.discard(process)

    def stop(self) -> None:
        """Kill every child and refuse new ones."""
        self._stopping = True
        if not self._lock.acquire(timeout=_START_SECONDS):
            _kill_forkserver()
            self._lock.acquire()

        try:
            for process in self._live:
                process.kill()
        finally:
            self._lock.release()

        deadline = time.monotonic() + _END_SECONDS
        while self._live and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if self._live:
            _kill_forkserver()

    def _failure(self, exit_code: int | None) -> StepFailed:
        if self._stopping:
            return StepFailed(Reason.STOPPED)
        return StepFailed(reason_of_death(exit_code))


def reason_of_death(exit_code: int | None) -> Reason:
    """Why a child or worker ended without an answer."""
    if exit_code == MEMORY_EXIT:
        return Reason.OUT_OF_MEMORY
    return Reason.CHILD_DIED


def _kill_forkserver() -> None:
    """Kill the process that starts children: it hangs, and with it all who wait for a child."""
    server = forkserver._forkserver  # noqa: SLF001 - no public way to its number
    number = getattr(server, "_forkserver_pid", None)
    if number:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the program's main module from a child, which would run it again for 0.2 to 2 s."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _unwrap(message: tuple[str, Any]) -> Any:
    kind, value = message
    if kind == "error":
        raise value
    return value


def _child(sender: Connection[Any, Any], call: Callable[[], object], log: str, limit: int) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and kills the child

    try:
        _be_silent(log)
        limit_memory(limit)
        value = call()
        if inspect.isgenerator(value):
            for item in value:
                sender.send(("item", item))
            value = None
        sender.send(("value", value))
    except MemoryError:
        os._exit(MEMORY_EXIT)
    except Exception as error:  # noqa: BLE001 - the parent gets it in words
        with suppress(OSError):
            traceback.print_exc()
        sender.send(("error", fault_of(error)))


def _be_silent(log: str) -> None:
    """Print nothing but into the log: messages may contain names."""
    warnings.simplefilter("ignore")
    folder = Path(log).parent
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(
        log,
        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        0o600,
    )
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
