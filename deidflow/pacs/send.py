"""Published sessions are sent to an archive: each instance once, and only as it was verified."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.identity.secret import Keys, load_secret, release_id
from deidflow.identity.sent_table import SentLedger
from deidflow.pacs.association import ConnectionLost, Refused
from deidflow.pacs.published import (
    NO_PATIENT,
    OutgoingSession,
    asked_sessions,
    listed_by_session,
    outgoing_session,
)
from deidflow.pacs.retries import with_retries
from deidflow.pacs.send_result import SendResult
from deidflow.pacs.sender import Sender
from deidflow.pacs.window import WindowUse, may_work
from deidflow.release.layout import Layout
from deidflow.release.tables import check_release, read_checksums
from deidflow.settings.pacs import required_send
from deidflow.settings.run import RunSettings
from deidflow.store.locks import held
from deidflow.store.scratch import private_folder

Tell = Callable[[str], None]
"""Called with a line without identifiers."""
_NO_PATIENT_ID = (
    "objects of this release have no PatientID ('patient_id: empty'): an archive would merge all "
    "patients; send a release whose subjects have pseudonyms ('patient_id: pseudonym')"
)


def send_release(
    settings: RunSettings,
    subjects: tuple[str, ...] = (),
    *,
    again: bool = False,
    window: WindowUse = WindowUse.WAIT,
    tell: Tell = lambda _: None,
) -> SendResult:
    """Send what the archive does not have yet of a finished release.

    With `again` also what was sent before with other bytes. Where the window closes, the sessions
    that are left wait for the next call. Raises UsageError for a release without
    its checksums, of another vault, or whose objects have no PatientID; ReleaseBusy while another
    process sends.
    """
    asked = required_send(settings.pacs)
    if settings.patient_id == "empty":
        raise UsageError(_NO_PATIENT_ID)
    # Before anything is read: a run may publish while this waits.
    may_work(asked, window, tell)

    layout = Layout.of(settings)
    keys = _keys(settings, layout)
    check_release(layout, release_id(keys))
    _check_subjects(layout, subjects)
    checksums = listed_by_session(read_checksums(layout.release))
    sessions = asked_sessions(layout, subjects)

    later = WindowUse.LEAVE if window is WindowUse.WAIT else window
    with _sender(settings, layout, keys, again=again) as sender:
        for number, (subject, label) in enumerate(sessions):
            if not may_work(asked, later, tell):
                sender.result.left = len(sessions) - number
                break
            session = outgoing_session(
                layout,
                checksums,
                subject,
                label,
            )
            _send(sender, session, tell)
            if sender.result.lost:
                break
        return sender.result


def _keys(settings: RunSettings, layout: Layout) -> Keys:
    secret = load_secret(layout.vault, create=False)
    return Keys(
        secret,
        settings.project,
        settings.level,
    )


@contextmanager
def _sender(settings: RunSettings, layout: Layout, keys: Keys, *, again: bool) -> Iterator[Sender]:
    """A sender with its ledger; raises ReleaseBusy while another process sends."""
    asked = required_send(settings.pacs)
    folder = private_folder(layout.sending, "vault")
    with (
        held(folder / f"{layout.scope}.lock", "list of sent instances"),
        _ledger(layout.vault, keys, asked.peer.name) as ledger,
        _outgoing_file(folder) as scratch,
    ):
        yield Sender(
            settings.pacs,
            asked,
            ledger,
            scratch,
            SendResult(),
            again,
        )


def _check_subjects(layout: Layout, subjects: tuple[str, ...]) -> None:
    published = {subject for subject, _ in layout.published_sessions()}
    if not set(subjects) <= published:
        raise UsageError(
            "no session of one of these subjects is published; use pseudonyms of the release"
        )


@contextmanager
def _ledger(vault: Path, keys: Keys, peer: str) -> Iterator[SentLedger]:
    ledger = SentLedger(vault, keys, peer)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def _outgoing_file(folder: Path) -> Iterator[Path]:
    """A file in the vault for the instance that is being sent."""
    for stale in folder.glob("outgoing-*.dcm"):
        stale.unlink(missing_ok=True)
    path = folder / f"outgoing-{secrets.token_hex(8)}.dcm"
    path.touch(mode=0o600)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _send(sender: Sender, session: OutgoingSession, tell: Tell) -> None:
    """Send one session; what became of it is in the result."""
    result = sender.result
    if session.problem == NO_PATIENT and not result.sent:
        raise UsageError(_NO_PATIENT_ID)
    if session.problem:
        result.held.append((session.subject, session.label, session.problem))
        tell(f"{session.subject} {session.label}: not sent, it {session.problem}")
        return

    before = result.sent
    sender.count_known(session)
    try:
        with_retries(
            sender.pacs.retry,
            lambda: sender.send(session),
            lambda: result.sent,
        )
    except ConnectionLost as error:
        result.lost = str(error)
    except Refused as error:
        result.refused[str(error)] += 1
    count = result.sent - before
    tell(f"{session.subject} {session.label}: {count or 'nothing new'} sent")
