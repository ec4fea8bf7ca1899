"""What the tasks of one run share. None of it is a flow parameter: none of it reaches Prefect."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path

from deidflow.burned.installed import reads
from deidflow.errors import DeidflowError, EnvironmentFault
from deidflow.header.profile import Profile
from deidflow.release.layout import Layout
from deidflow.release.measures import Measures, measures_in_force
from deidflow.run.machine import memory_limit
from deidflow.settings.effective import effective_profile
from deidflow.settings.run import RunSettings
from deidflow.store.children import Children
from deidflow.store.faults import fault_of
from deidflow.store.files import digest_of, read_json, write_json_atomic

progress = logging.getLogger("deidflow.progress")


_IMPORTED = ("deidflow.dicom.inventory", "deidflow.steps.preload")
"""What working processes need is loaded once for all."""
_READER = "deidflow.burned.preload"
_FOLLOW_SECONDS = 1.0


class Run:
    """One run: its settings and places, its working processes, and the fault that stops it.

    A copy in another process (a Dask worker's) is made anew from the settings that lie in the
    vault.
    """

    def __init__(
        self, run_id: str, settings: RunSettings, children: Children, *, away: bool = False
    ) -> None:
        self.run_id = run_id
        self.settings = settings
        self.layout = Layout.of(settings)
        self.children = children
        self._fault: DeidflowError | None = None
        self._away = away
        self._lock = threading.Lock()

    @classmethod
    def start(cls, run_id: str, settings: RunSettings) -> Run:
        """A run whose settings lie in the vault for every process that works on it."""
        run = cls(
            run_id,
            settings,
            _children(settings),
        )
        write_json_atomic(
            run.layout.settings_of(run_id), {"settings": settings.model_dump(mode="json")}
        )
        return run

    def end(self) -> None:
        """Stop what is still at work, in every process, and forget the run."""
        self.children.stop()
        self.layout.settings_of(self.run_id).unlink(missing_ok=True)
        self.layout.fault_of(self.run_id).unlink(missing_ok=True)

    def __reduce__(self) -> tuple[Callable[[str, str], Run], tuple[str, str]]:
        return _elsewhere, (self.run_id, str(self.layout.settings_of(self.run_id)))

    @property
    def fault(self) -> DeidflowError | None:
        """What stops the run, whichever process found it."""
        told = read_json(self.layout.fault_of(self.run_id)) if self._fault is None else None
        if told:
            self._fault = EnvironmentFault(told["error"])
        elif (
            self._away
            and self._fault is None
            and not _is_there(self.layout.settings_of(self.run_id))
        ):
            self._fault = DeidflowError("the run has ended")
        return self._fault

    @cached_property
    def profile(self) -> Profile:
        """The header rules, read once: a file that is edited meanwhile concerns the next run."""
        return effective_profile(self.settings)

    @cached_property
    def step_settings(self) -> RunSettings:
        """The settings for the processes of steps: without paths and subjects of everybody."""
        nobodys = self.settings.input.model_copy(update={"paths": (), "entries": ()})
        return self.settings.model_copy(update={"input": nobodys})

    @cached_property
    def measures(self) -> dict[tuple[str, str], dict[str, Measures]]:
        """Pseudonym and label -> what people ask for on the session's series."""
        return measures_in_force(self.layout.decisions)

    @cached_property
    def profile_digest(self) -> str:
        """A hash of the header rules."""
        return digest_of(self.profile.model_dump(mode="json"))

    def stop(self, fault: DeidflowError) -> None:
        """Stop all work: something is wrong with the machine, not with one subject."""
        with self._lock:
            self._fault = self._fault or fault
        with suppress(OSError):
            write_json_atomic(
                self.layout.fault_of(self.run_id),
                {"error": str(fault)},
            )
        self.children.stop()

    def explained(self, error: Exception) -> DeidflowError:
        """The error in words without identifiers; the whole of an unexpected one goes to the
        vault's log."""
        if isinstance(error, DeidflowError):
            return error
        with suppress(OSError), self.layout.tool_log.open("a") as log:
            traceback.print_exception(error, file=log)
        return fault_of(error)

    def say(self, message: str, pseudonym: str = "", step: str = "", state: str = "") -> None:
        """A line of progress, without identifiers."""
        progress.info(
            message,
            extra={"pseudonym": pseudonym, "step": step, "state": state},
        )


@lru_cache(maxsize=4)
def _elsewhere(run_id: str, path: str) -> Run:
    """The run in another process; its working processes end with the run."""
    told = read_json(Path(path))
    if told is None:
        raise EnvironmentFault("the run has ended, or this worker does not see the vault's folder")

    os.umask(0o077)
    # Dask starts its workers as daemons, which may have no children; ours die with their parent
    # anyway.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
    settings = RunSettings(**told["settings"])
    run = Run(
        run_id,
        settings,
        _children(settings),
        away=True,
    )
    threading.Thread(
        target=_follow,
        args=(run,),
        daemon=True,
    ).start()
    return run


def warm_up(settings: RunSettings) -> None:
    """Let the process that starts working processes load what they need, before the first is asked
    for."""
    _children(settings)


def _children(settings: RunSettings) -> Children:
    """Working processes that share what they need."""
    return Children(memory_limit(settings), preloaded(settings))


def preloaded(settings: RunSettings) -> list[str]:
    """Modules that a run loads once for all its working processes, the models of the reader too."""
    modules = list(_IMPORTED)
    if reads(settings.burned_in):
        modules.append(_READER)
    return modules


def _follow(run: Run) -> None:
    while run.fault is None:
        time.sleep(_FOLLOW_SECONDS)
    run.children.stop()


def _is_there(path: Path) -> bool:
    """Whether a file is there, as far as can be told: a share that is away for a moment is no
    answer."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
