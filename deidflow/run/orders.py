"""The work orders of a run: written where they are not there, or may say something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from deidflow.identity.cohort import order_options
from deidflow.identity.orders import work_order
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import WorkOrder
from deidflow.release.layout import Layout
from deidflow.run.batch import OrderedSubject, RunBatch
from deidflow.run.event_dates import event_dates
from deidflow.run.pieces import PieceMemory
from deidflow.settings.effective import effective_profile
from deidflow.settings.run import PlanSettings, RunSettings
from deidflow.store.files import Signature, digest_of


def write_orders(
    batch: RunBatch, vault: Vault, settings: RunSettings, layout: Layout, memory: PieceMemory
) -> None:
    """Write the work orders that are not there, or may be others than at the last run."""
    marks = OrderMarks(layout, batch, memory)
    wanted = [ordered for ordered in batch.orders if not marks.stands(ordered)]
    orders = work_orders(
        batch,
        vault,
        settings,
        wanted,
    )
    for order in orders:
        placed = order.with_places(batch.places)
        placed.write(layout.order(order.pseudonym))
    for ordered in wanted:
        marks.note(ordered)


def work_orders(
    batch: RunBatch, vault: Vault, settings: PlanSettings, wanted: Iterable[OrderedSubject]
) -> Iterator[WorkOrder]:
    """The work orders of subjects, one after the other."""
    source = settings.source
    profile = effective_profile(settings)
    options = order_options(settings, profile)
    for ordered in wanted:
        subject = batch.subject(ordered.key)
        dates = event_dates(
            [subject],
            profile.dates.since,
            source,
            batch.places,
        )
        yield work_order(
            subject,
            batch.identities[ordered.key],
            vault.keys,
            source,
            replace(options, event_dates=dates),
        )


@dataclass(frozen=True)
class OrderMarks:
    """Of which subjects the work order is as it was, and made from the same."""

    layout: Layout
    batch: RunBatch
    memory: PieceMemory

    def stands(self, ordered: OrderedSubject) -> bool:
        """Whether the work order need not be written."""
        mark = self._mark(ordered)
        return bool(mark) and self.memory.store.mark(ordered.pseudonym) == mark

    def note(self, ordered: OrderedSubject) -> None:
        """Let the work order stand in the next run."""
        self.memory.store.set_mark(ordered.pseudonym, self._mark(ordered))

    def _mark(self, ordered: OrderedSubject) -> str:
        """Empty where nothing is kept of the subject's piece, or archives may have moved."""
        digest = self.memory.digests.get(ordered.key)
        path = self.layout.order(ordered.pseudonym)
        signature = Signature.if_readable(path)
        if digest is None or signature is None or self.batch.places:
            return ""
        identity = self.batch.identities[ordered.key]
        return digest_of([digest.hex(), repr(identity), signature])
