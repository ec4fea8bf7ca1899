"""What is missing of a session in an archive, sent, and noted in the ledger before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from deidflow.dicom.elements import NotUnderstood
from deidflow.identity.sent_table import SentInstance, SentLedger, SentState
from deidflow.pacs.association import Refused
from deidflow.pacs.outcome import Outcome
from deidflow.pacs.published import (
    OutgoingInstance,
    OutgoingSession,
)
from deidflow.pacs.routing import routed, routing_text
from deidflow.pacs.send_result import SendResult
from deidflow.pacs.standing import Standing, standing_of
from deidflow.pacs.store_dimse import store_by_dimse, stored_by_dimse
from deidflow.pacs.web import store_by_web, stored_by_web, web_client
from deidflow.settings.pacs import PacsSettings, SendSettings

_CHANGED_MEANWHILE = "a session changed while it was sent; send again"


@dataclass
class Sender:
    """What sending needs, for one archive."""

    pacs: PacsSettings
    asked: SendSettings
    ledger: SentLedger
    scratch: Path
    result: SendResult
    again: bool

    def count_known(self, session: OutgoingSession) -> None:
        """Count what the archive has, and what was sent with other bytes."""
        groups = self._by_standing(session)
        self.result.already += len(groups[Standing.SENT])
        if not self.again:
            self.result.changed += len(groups[Standing.CHANGED])

    def send(self, session: OutgoingSession) -> None:
        """Send what is missing of a session; raises ConnectionLost and Refused."""
        missing = self._missing(session)
        series = groupby(missing, key=lambda instance: instance.series_uid)
        for _, group in series:
            self._send_series(session, list(group))

    def _missing(self, session: OutgoingSession) -> list[OutgoingInstance]:
        """The instances that the archive does not have, series by series."""
        groups = self._by_standing(session)
        missing = groups[Standing.NEW]
        if self.again:
            missing += groups[Standing.CHANGED]
        doubtful = groups[Standing.DOUBTFUL]
        missing += self._not_there(session, doubtful)

        missing.sort(key=lambda instance: instance.series_uid)
        return missing

    def _by_standing(self, session: OutgoingSession) -> dict[Standing, list[OutgoingInstance]]:
        """The instances of a session by what the ledger knows of them."""
        states = self.ledger.states(session.subject, session.label)
        groups: dict[Standing, list[OutgoingInstance]] = {}
        for standing in Standing:
            groups[standing] = []
        for instance in session.instances:
            standing = standing_of(instance, states)
            groups[standing].append(instance)
        return groups

    def _not_there(
        self, session: OutgoingSession, doubtful: Sequence[OutgoingInstance]
    ) -> list[OutgoingInstance]:
        """Those that were being sent when a sender was killed, and did not arrive."""
        series = {(one.study_uid, one.series_uid) for one in doubtful}
        stored: set[str] = set()
        for study_uid, series_uid in sorted(series):
            stored |= self._stored(study_uid, series_uid)

        arrived: list[OutgoingInstance] = []
        missing: list[OutgoingInstance] = []
        for one in doubtful:
            group = arrived if one.sop_uid in stored else missing
            group.append(one)
        self._note(session, arrived, SentState.SENT)
        self.result.sent += len(arrived)
        return missing

    def _send_series(self, session: OutgoingSession, group: Sequence[OutgoingInstance]) -> None:
        """Send instances of one series; the ledger has it before and after."""
        self._note(session, group, SentState.SENDING)
        arrived: list[OutgoingInstance] = []
        try:
            for outcome in self._outcomes(session, group):
                if self._counted(outcome):
                    arrived.append(outcome.instance)
        finally:
            self._note(session, arrived, SentState.SENT)

    def _counted(self, outcome: Outcome) -> bool:
        """Count an outcome; whether the archive has the instance."""
        if outcome.refusal:
            self.result.refused[outcome.refusal] += 1
            return False
        self.result.sent += 1
        self.result.coerced += outcome.coerced
        return True

    def _outcomes(
        self, session: OutgoingSession, group: Sequence[OutgoingInstance]
    ) -> Iterator[Outcome]:
        def read(instance: OutgoingInstance) -> bytes:
            return self._content(session, instance)

        peer = self.asked.peer
        if peer.url:
            client = web_client(self.pacs, peer)
            return store_by_web(
                client,
                peer,
                group,
                read,
            )
        return store_by_dimse(
            self.pacs,
            peer,
            group,
            read,
            self.scratch,
        )

    def _stored(self, study_uid: str, series_uid: str) -> set[str]:
        peer = self.asked.peer
        if peer.url:
            client = web_client(self.pacs, peer)
            return stored_by_web(
                client,
                peer,
                study_uid,
                series_uid,
            )
        return stored_by_dimse(
            self.pacs,
            peer,
            study_uid,
            series_uid,
        )

    def _content(self, session: OutgoingSession, instance: OutgoingInstance) -> bytes:
        """The bytes to send: those of the release, with the routing text where it is asked for."""
        try:
            content = instance.path.read_bytes()
        except FileNotFoundError:
            raise Refused(_CHANGED_MEANWHILE) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest != instance.sha256:
            raise Refused(_CHANGED_MEANWHILE)
        xnat = self.asked.xnat
        if xnat is None:
            return content
        text = routing_text(xnat, session.subject, session.label)
        try:
            return routed(content, xnat, text)
        except NotUnderstood:
            raise Refused("its encoding cannot carry the routing text") from None

    def _note(
        self, session: OutgoingSession, instances: Sequence[OutgoingInstance], state: SentState
    ) -> None:
        routing = self.asked.xnat.attribute if self.asked.xnat else ""
        rows: list[SentInstance] = []
        for one in instances:
            row = SentInstance(
                uid=one.sop_uid,
                sha256=one.sha256,
                subject=session.subject,
                session=session.label,
                routing=routing,
            )
            rows.append(row)
        self.ledger.note(rows, state)
