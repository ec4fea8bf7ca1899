"""The flow `verify-release`: the release of the worker's configuration file read again."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from deidflow.errors import DeidflowError, ReleaseBusy, UsageError
from deidflow.release.layout import SUBJECT_FOLDER, Layout
from deidflow.settings.run import RunSettings
from deidflow.store.faults import fault_of
from deidflow.store.locks import held
from deidflow.store.process import die_with_parent
from deidflow.verifier.findings import Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.unpublish import unpublish
from deidflow.verifier.verify import judged
from flows.hosting.site import Site

Subject = Annotated[str, Field(description="A subject, as the release calls it; empty for all.")]
Withdraw = Annotated[bool, Field(description="Take sessions with findings out of the release.")]


_KEY = "findings"
_MOST_ROWS = 1000


def _run_name() -> str:
    subject = flow_run.parameters.get("subject")
    return f"verify {subject or 'release'}"


@flow(
    name="verify-release",
    flow_run_name=_run_name,
    validate_parameters=False,
    persist_result=False,
    log_prints=False,
)
def verify_release(subject: Subject = "", withdraw: Withdraw = False) -> State[Any]:
    """Verify the release beside its vault and source; waits while a run is at work on it."""
    die_with_parent()
    try:
        settings = Site.of_worker().settings()
        report, withdrawn = verified(
            settings,
            subject,
            withdraw=withdraw,
        )
        _show(report)
    except ReleaseBusy as error:
        return Cancelled(message=str(error))
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
        release=settings.native_release,
        vault=settings.vault,
        source=settings.source,
        named=settings.input.paths,
        subjects=(subject,) if subject else (),
    )
    layout = Layout.of(settings)
    with held(layout.release_lock, "release", wait=True):
        report, _ = judged(options)
    if not withdraw:
        return report, []
    return report, unpublish(layout, report.sessions)


def _show(report: Report) -> None:
    """A table of checks, attributes and counts for the UI."""
    rows = [
        {
            "check": group.check.value,
            "attribute": group.attribute,
            "problem": group.problem,
            "files": group.files,
        }
        for group in report.groups()[:_MOST_ROWS]
    ]
    kinds = [f"{count} {kind}" for kind, count in sorted(report.files.items())]
    create_table_artifact(
        key=_KEY,
        table=rows,
        description=f"{len(report.findings)} findings; read: {', '.join(kinds)}",
    )


def message_of(report: Report, withdrawn: list[str]) -> str:
    """Checks, attributes and counts: what Prefect may store."""
    if not report.findings:
        return "clean"
    groups = report.groups()
    rows = [f"{group.check.value}: {group.attribute} ({group.files})" for group in groups[:20]]
    if withdrawn:
        rows.append(f"{len(withdrawn)} sessions withdrawn")
    return "; ".join(rows)
