"""What the tasks of one run share; nothing of it is a parameter, so nothing of it reaches Prefect."""

from __future__ import annotations

import logging
import threading
import traceback
from pathlib import Path

from deidflow.config import RunSettings
from deidflow.errors import DeidflowError
from deidflow.face.template import template_path
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.release.layout import Layout
from deidflow.store.children import Children, fault_of
from deidflow.store.record import Finished, StepStore

progress = logging.getLogger("deidflow.progress")


class Run:
    """One run: its settings and places, its working processes, and the fault that stops it."""

    def __init__(self, run_id: str, settings: RunSettings, layout: Layout, children: Children) -> None:
        self.run_id = run_id
        self.settings = settings
        self.layout = layout
        self.children = children
        self.fault: DeidflowError | None = None
        self.shown = 0
        """Tasks that Prefect shows of this run."""
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count one task that Prefect shows."""
        with self._lock:
            self.shown += 1

    def stop(self, fault: DeidflowError) -> None:
        """Stop all work: something is wrong with the machine, not with one subject."""
        with self._lock:
            self.fault = self.fault or fault
        self.children.stop()

    def explained(self, error: Exception) -> DeidflowError:
        """The error in words without identifiers; the whole of an unexpected one goes to the vault's log."""
        if isinstance(error, DeidflowError):
            return error
        with self.layout.tool_log.open("a") as log:
            traceback.print_exception(error, file=log)
        return fault_of(error) if isinstance(error, OSError) else DeidflowError(f"unexpected {type(error).__name__}")

    def say(self, message: str, pseudonym: str = "", step: str = "", state: str = "") -> None:
        """A line of progress, without identifiers."""
        progress.info(message, extra={"pseudonym": pseudonym, "step": step, "state": state})


class SessionRun:
    """One session on its way through the steps."""

    def __init__(self, run: Run, order: WorkOrder, session: SessionOrder) -> None:
        self.run = run
        self.order = order
        self.session = session
        self.finished: dict[str, Finished] = {}
        self.failed: tuple[str, str] = ("", "")
        """The step that ended without a result in this run, and why."""
        work = run.layout.session_work(order.pseudonym, session.label)
        self.store = StepStore(work, run.settings.strict)
        self.folder = work
        self.staged = run.layout.staged(order.pseudonym, session.label)
        self.published = run.layout.published(order.pseudonym, session.label)

    @property
    def order_path(self) -> str:
        """The work order that a child reads."""
        return str(self.run.layout.order(self.order.pseudonym))

    @property
    def revisions_path(self) -> Path:
        """With which masks the session was published."""
        return self.run.layout.revisions(self.order.pseudonym, self.session.label)

    @property
    def masks(self) -> Path:
        """The masks of defaced series, which only the vault may hold."""
        return self.folder / "masks"

    @property
    def review(self) -> Path:
        """Pictures and figures of the session's defaced series, which show faces."""
        return self.run.layout.review(self.order.pseudonym, self.session.label)

    @property
    def template(self) -> Path:
        """The prepared template that the settings ask for; its name holds the versions it depends on."""
        return template_path(self.run.layout.templates, ears=self.run.settings.deface.ears)

    @property
    def log(self) -> Path:
        """Where this session's tools print."""
        return self.folder / "tools.log"
