"""Studies of a list are fetched from an archive, each once, and handed on to the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deidflow.errors import StepFailed, UsageError
from deidflow.identity.fetched_table import FetchedLedger
from deidflow.pacs.association import ConnectionLost, Refused
from deidflow.pacs.query import FoundStudy, find
from deidflow.pacs.receiver import Received
from deidflow.pacs.retries import with_retries
from deidflow.pacs.retrieve import destination, retrieve
from deidflow.pacs.spool import Spool
from deidflow.pacs.wanted import WantedStudy, read_wanted
from deidflow.pacs.window import WindowUse, may_work
from deidflow.settings.pacs import FetchSettings, PacsSettings, required_fetch
from deidflow.settings.run import RunSettings
from deidflow.store.locks import held

Tell = Callable[[str], None]
"""Called with a line without identifiers."""
_ABSENT_EXIT = 4
_STAY = "; they stay in the spool (--incomplete hands them on)"


class _Incomplete(ConnectionLost):
    """The archive answered, and gave only a part of a study."""


@dataclass
class FetchResult:
    """Counts of rows, studies and instances."""

    rows: int = 0
    absent: int = 0
    """Rows for which the archive has no study."""
    fetched: int = 0
    before: int = 0
    """Studies that were fetched before and have not grown."""
    incomplete: int = 0
    refused: int = 0
    """Instances that came, and could not be kept."""
    left: int = 0
    """Rows that were not looked at, since the window closed."""
    lost: str = ""
    """Why the archive was given up."""

    @property
    def exit_code(self) -> int:
        """5 where the archive did not give what it has, 4 where it does not have it."""
        if self.lost or self.incomplete or self.refused:
            return StepFailed.exit_code
        return _ABSENT_EXIT if self.absent else 0


@dataclass(frozen=True)
class FetchOptions:
    """How a list is worked through."""

    list: Path | None = None
    """Instead of that of the settings."""
    window: WindowUse = WindowUse.WAIT
    again: bool = False
    """Fetch also what was fetched before."""
    incomplete: bool = False
    """Hand on also studies of which the archive gave only a part."""


def fetch_list(
    settings: RunSettings, options: FetchOptions, tell: Tell = lambda _: None
) -> FetchResult:
    """Fetch what a list asks for.

    Raises UsageError for a bad list, ReleaseBusy while another process fetches. Where the archive
    goes away for good, the result says so; the next call carries on.
    """
    asked = required_fetch(settings.pacs)
    path = options.list or asked.list
    if path is None:
        raise UsageError("name the list of studies with --list, or as 'pacs.fetch.list'")
    wanted = read_wanted(path)
    spool = Spool.of(settings)
    result, received = FetchResult(rows=len(wanted)), Received()
    with (
        held(spool.folder / "fetch.lock", "list of fetched studies"),
        _ledger(settings.vault, spool, asked) as ledger,
        destination(settings.pacs, asked, spool, received),
    ):
        fetcher = _Fetcher(
            settings.pacs,
            asked,
            options,
            spool,
            ledger,
            received,
            result,
            tell,
        )
        for number, row in enumerate(wanted):
            if not fetcher.may_work():
                result.left = len(wanted) - number
                break
            fetcher.fetch_row(row)
            if result.lost:
                break
    result.refused = received.refused()
    return result


@contextmanager
def _ledger(vault: Path, spool: Spool, asked: FetchSettings) -> Iterator[FetchedLedger]:
    ledger = FetchedLedger(vault, spool.keys, asked.peer.name)
    try:
        yield ledger
    finally:
        ledger.close()


@dataclass(frozen=True)
class _Fetcher:
    """What fetching needs, for one archive."""

    pacs: PacsSettings
    asked: FetchSettings
    options: FetchOptions
    spool: Spool
    ledger: FetchedLedger
    received: Received
    result: FetchResult
    tell: Tell

    def may_work(self) -> bool:
        """Whether the archive may be asked now, after a wait where that is wanted."""
        return may_work(
            self.asked,
            self.options.window,
            self.tell,
        )

    def fetch_row(self, row: WantedStudy) -> None:
        """Fetch the studies of one row; what became of them is in the result."""
        try:
            studies = self._found(row)
            for study in studies:
                self._fetch(row, study)
        except (ConnectionLost, Refused) as error:
            self.result.lost = str(error)
            return
        if not studies:
            self.result.absent += 1
            self.tell(f"row {row.row}: the archive has no such study")

    def _found(self, row: WantedStudy) -> list[FoundStudy]:
        studies: list[FoundStudy] = []

        def ask() -> None:
            studies[:] = find(self.pacs, self.asked.peer, row)

        with_retries(self.pacs.retry, ask, lambda: 0)
        return studies

    def _fetch(self, row: WantedStudy, study: FoundStudy) -> None:
        if self._is_known(study) and not self.options.again:
            self.result.before += 1
            self.tell(f"row {row.row}: fetched before")
            return

        try:
            if not self._is_here(study):
                with_retries(
                    self.pacs.retry,
                    lambda: self._retrieve(study),
                    lambda: self.spool.instances(study.study_uid),
                )
        except (_Incomplete, Refused) as error:
            self.result.incomplete += 1
            self.tell(f"row {row.row}: {error}")
            if not self.options.incomplete:
                return
        self._hand_on(row, study)

    def _is_known(self, study: FoundStudy) -> bool:
        """Whether a study was fetched, and the archive has no more of it now."""
        before = self.ledger.instances(study.study_uid)
        if before is None:
            return False
        told = study.instances or 0
        return before >= told

    def _is_here(self, study: FoundStudy) -> bool:
        """Whether all instances came before, in a call that was killed."""
        if study.instances is None or self.options.again:
            return False
        count = self.spool.instances(study.study_uid)
        return count >= study.instances

    def _retrieve(self, study: FoundStudy) -> None:
        """Ask for a study; raises _Incomplete where less came than the archive says it has."""
        failed = retrieve(
            self.pacs,
            self.asked,
            study,
            self.spool,
            self.received,
        )
        count = self.spool.instances(study.study_uid)
        told = study.instances
        if told is None and failed:
            raise _Incomplete(f"incomplete, {count} instances came{_STAY}")
        if count < (told or 1):
            raise _Incomplete(f"incomplete, {count} of {told or 1} instances came{_STAY}")

    def _hand_on(self, row: WantedStudy, study: FoundStudy) -> None:
        study_uid = study.study_uid
        count = self.spool.instances(study_uid)
        name = self.spool.study_name(study_uid)
        self.spool.hand_on(name)
        self.ledger.note(study_uid, count)
        self.result.fetched += 1
        self.tell(f"row {row.row}: {count} instances")
