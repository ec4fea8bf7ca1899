"""The second pass, in working processes: bytes in, bytes out."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from pathlib import Path

from deidflow.audit.recorder import Recorder
from deidflow.audit.sealing import SubjectKeys
from deidflow.bulk.others import others_search
from deidflow.bulk.raw_files import FileRange, opened, read_whole, write_new
from deidflow.bulk.raw_pet import check_whole
from deidflow.bulk.tasks import FileOutcome, FileTask, SessionContext
from deidflow.dicom.file_kind import has_mark
from deidflow.dicom.skim import HEADS
from deidflow.errors import StepFailed, Withheld
from deidflow.header.cleaner import FromHead, HeaderCleaner
from deidflow.header.contacts import Attribute, contacts, keeps_private_text
from deidflow.identity.cleaner import cleaner_for
from deidflow.store.faults import fault_of, reason_of
from deidflow.store.files import Signature
from deidflow.store.pool import PoolBatch
from deidflow.verdicts import Reason, Verdict


def clean_batch(context: SessionContext, tasks: Sequence[FileTask]) -> list[FileOutcome]:
    """De-identify files of one session, series by series. Runs in a working process."""
    session_cleaner = _session_cleaner(context)
    cleaner = session_cleaner
    recorder = Recorder(SubjectKeys(bytes.fromhex(context.order.audit_key)))
    series = ""
    folder = ""
    writes = bool(context.staging)

    outcomes: list[FileOutcome] = []
    for task in tasks:
        if task.series != series:
            series = task.series
            cleaner = session_cleaner.for_series(bin_trigger_time=task.bin_trigger_time)
        if writes and task.folder != folder:
            folder = task.folder
            Path(context.staging, folder).mkdir(
                parents=True,
                exist_ok=True,
            )
        outcome = _guarded(context, cleaner, recorder, task)
        outcomes.append(_with_records(context, recorder, outcome))
    return outcomes


def _with_records(context: SessionContext, recorder: Recorder, outcome: FileOutcome) -> FileOutcome:
    """The outcome with its records for the vault's audit, if there is one."""
    if not context.recorded:
        recorder.taken()
        return outcome
    task = outcome.task
    if outcome.verdict is not Verdict.RELEASED:
        recorder.held(
            f"{task.session}/{task.series}",
            os.path.join(context.root, task.path),
            outcome.verdict,
            outcome.reason or Reason.UNEXPECTED,
        )
    return outcome._replace(records=recorder.taken())


def _session_cleaner(context: SessionContext) -> HeaderCleaner:
    cleaner = cleaner_for(
        context.order,
        context.order.sessions[0],
        context.profile,
        explicit_out=False,
        overlay_bits_cleared=False,
        refuse=others_search(
            context.order,
            context.profile,
            context.others,
        ),
    )
    cleaner.is_traced = context.audited or context.recorded
    return cleaner


def lost(batch: PoolBatch, reason: Reason) -> list[FileOutcome]:
    """The outcome of a file that killed its process."""
    return [
        FileOutcome(
            batch.items[0],
            Verdict.FAILED,
            reason,
        )
    ]


def _guarded(
    context: SessionContext, cleaner: HeaderCleaner, recorder: Recorder, task: FileTask
) -> FileOutcome:
    """The outcome of a file, whatever happens; raises faults of the machine and MemoryError."""
    try:
        outcome = _outcome(context, cleaner, task)
        return _compared(context, cleaner, recorder, outcome)
    except Withheld as error:
        return FileOutcome(
            task=task,
            verdict=Verdict.QUARANTINED,
            reason=error.reason,
            detail=error.detail,
        )
    except MemoryError:
        raise
    except OSError as error:
        fault = fault_of(error)
        if not isinstance(fault, StepFailed):
            raise
        return FileOutcome(
            task=task,
            verdict=Verdict.FAILED,
            reason=fault.reason,
        )
    except Exception as error:  # noqa: BLE001 - one file must not end the others
        traceback.print_exc()
        return FileOutcome(
            task=task,
            verdict=Verdict.QUARANTINED,
            reason=reason_of(error),
        )


def _outcome(context: SessionContext, cleaner: HeaderCleaner, task: FileTask) -> FileOutcome:
    source = task.place or os.path.join(context.root, task.path)
    target = ""
    if context.staging:
        target = os.path.join(context.staging, task.output_path)
    searched = context.raw or keeps_private_text(cleaner.rules)
    if target and not searched:
        signature = _cleaned_from_head(
            source,
            target,
            cleaner,
        )
        if signature is not None:
            return FileOutcome(
                task=task,
                verdict=Verdict.RELEASED,
                signature=signature,
            )

    content = read_whole(source)
    chunks = cleaner.file(content)
    if context.raw:
        check_whole(content, b"".join(chunks))
    suspects: tuple[Attribute, ...] = ()
    if searched:
        suspects = tuple(contacts(b"".join(chunks)))

    return FileOutcome(
        task=task,
        verdict=Verdict.RELEASED,
        signature=write_new(target, chunks) if target else None,
        contacts=suspects,
    )


def _compared(
    context: SessionContext, cleaner: HeaderCleaner, recorder: Recorder, outcome: FileOutcome
) -> FileOutcome:
    """The outcome with what became of each attribute, where somebody wants to know."""
    trail = cleaner.trail
    if trail is None:
        return outcome
    task = outcome.task
    changes = recorder.file(
        trail,
        task.output_path,
        os.path.join(context.root, task.path),
    )
    return outcome._replace(
        differences=changes.differences if context.audited else (),
        changed=changes.count,
    )


def _cleaned_from_head(source: str, target: str, cleaner: HeaderCleaner) -> Signature | None:
    """Write the output without reading the pixels into this process.

    Returns None, and writes nothing, if the whole file is needed.
    """
    with opened(source) as descriptor:
        size = os.fstat(descriptor).st_size
        for length in HEADS:
            cleaned = None
            head = os.pread(descriptor, length, 0)
            if has_mark(head):
                cleaned = cleaner.from_head(head, size)

            if cleaned is not None:
                _refuse_spare_bits(descriptor, cleaned)
                pixels = FileRange(
                    descriptor=descriptor,
                    start=cleaned.position,
                    length=cleaned.length,
                )
                return write_new(target, cleaned.chunks, pixels)
            if length >= size:
                return None
    return None


def _refuse_spare_bits(descriptor: int, cleaned: FromHead) -> None:
    """Raise Withheld if pixels have content outside their stored values, which nobody would see."""
    spare = cleaned.spare
    if spare is None:
        return
    end = cleaned.position + cleaned.length
    length = end - cleaned.value
    pixels = os.pread(
        descriptor,
        length,
        cleaned.value,
    )
    if spare.are_used(pixels):
        raise Withheld(Reason.EMBEDDED_OVERLAY)
