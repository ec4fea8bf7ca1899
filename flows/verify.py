"""The flow `verify`: the release of the worker's configuration file read again."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from deidflow.errors import DeidflowError, UsageError
from deidflow.release.layout import SUBJECT_FOLDER, Layout
from deidflow.settings.run import RunSettings
from deidflow.store.faults import fault_of
from deidflow.verifier.findings import Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.unpublish import unpublish
from deidflow.verifier.verify import judged
from flows.hosting.site import Site

Subject = Annotated[str, Field(description="A subject, as the release calls it; empty for all.")]
Withdraw = Annotated[bool, Field(description="Take sessions with findings out of the release.")]


@flow(
    name="verify",
    flow_run_name="verify {subject}",
    validate_parameters=False,
    persist_result=False,
    log_prints=False,
)
def verify(subject: Subject = "", withdraw: Withdraw = False) -> State[Any]:
    """Verify the release beside its vault and source; fails where something is found."""
    try:
        settings = Site.of_worker().settings()
        report, withdrawn = verified(
            settings,
            subject,
            withdraw=withdraw,
        )
    except DeidflowError as error:
        return Failed(message=str(error))
    except Exception as error:  # noqa: BLE001  the outermost guard of the flow
        return Failed(message=str(fault_of(error)))
    message = message_of(report, withdrawn)
    return Failed(name="Found", message=message) if report.findings else Completed(message=message)


def verified(settings: RunSettings, subject: str, *, withdraw: bool) -> tuple[Report, list[str]]:
    """The report on the release of these settings, and the sessions that were withdrawn."""
    if subject and not SUBJECT_FOLDER.fullmatch(subject):
        raise UsageError("the subject is not a pseudonym of the release")
    options = VerifyOptions(
        release=settings.release,
        vault=settings.vault,
        source=settings.source,
        subjects=(subject,) if subject else (),
    )
    report, _ = judged(options)
    if not withdraw:
        return report, []
    return report, unpublish(Layout.of(settings), report.sessions)


def message_of(report: Report, withdrawn: list[str]) -> str:
    """Checks, attributes and counts: what Prefect may store."""
    if not report.findings:
        return "clean"
    groups = report.groups()
    rows = [f"{group.check.value}: {group.attribute} ({group.files})" for group in groups[:20]]
    if withdrawn:
        rows.append(f"{len(withdrawn)} sessions withdrawn")
    return "; ".join(rows)
