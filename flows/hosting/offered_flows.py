"""Flows that `deidflow serve` offers: the nightly run, and one subject again.

Their parameters can carry no name and no path: places come from the configuration file that the
worker's environment names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from deidflow.errors import UsageError
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.run.context import warm_up
from deidflow.run.idle import WORDS, idle_run
from deidflow.run.start import locked_run
from deidflow.run.summary import read_summary
from deidflow.run.unchanged import Surroundings
from deidflow.settings.run import Level, RunSettings
from deidflow.steps import STEP_NAMES
from flows.deidentify import carry_out
from flows.hosting.cancel import cancellable
from flows.hosting.flow_states import FLOW_OPTIONS, ended_in_words
from flows.hosting.site import Site

StepName = Literal[STEP_NAMES]  # type: ignore[valid-type]
"""The steps, as the form of the UI offers them."""
Occasion = Literal[
    "looked at and not good enough",
    "settings or profile changed",
    "input was corrected",
    "it failed before",
    "a test",
]


def _tonight() -> str:
    return f"nightly {datetime.now():%Y-%m-%d %H:%M}"


def _incoming_now() -> str:
    return f"studies that came {datetime.now():%Y-%m-%d %H:%M}"


@flow(name="nightly", flow_run_name=_tonight, **FLOW_OPTIONS)
def nightly() -> State[Any]:
    """Work through the inbox: only what is new, changed or failed is computed."""
    return _carried_out(wait=False)


@flow(name="reprocess-subject", flow_run_name="{pseudonym} from {redo_from}", **FLOW_OPTIONS)
def reprocess_subject(
    pseudonym: Annotated[str, Field(description="The subject, as the release calls it.")],
    redo_from: Annotated[
        StepName, Field(description="This step and all that follow are done again.")
    ] = STEP_NAMES[0],
    level: Annotated[Level, Field(description="The level of the release.")] = "high",
    reason: Annotated[  # noqa: ARG001 - Prefect keeps it with the run
        Occasion, Field(description="Why; kept with the run.")
    ] = "looked at and not good enough",
) -> State[Any]:
    """Do one subject again, from a step on; waits while another run is at work."""
    return _carried_out(
        wait=True,
        subjects=(pseudonym,),
        redo=redo_from,
        level=level,
    )


@flow(name="incoming", flow_run_name=_incoming_now, **FLOW_OPTIONS)
def incoming() -> State[Any]:
    """Work through the inbox after studies came; waits while another run is at work."""
    return _carried_out(wait=True)


def _carried_out(*, wait: bool, **asked: Any) -> State[Any]:
    def work() -> State[Any]:
        settings = Site.of_worker().settings(**asked)
        _check_subjects(settings)
        with locked_run(settings, wait=wait) as vault:
            return _carry_out(settings, vault)

    return ended_in_words(work)


def _carry_out(settings: RunSettings, vault: Vault) -> State[Any]:
    if settings.redo is not None:
        warm_up(settings)
    surroundings = Surroundings.of(settings, vault)
    run_id = _run_number()
    if idle_run(surroundings, run_id, vault) is not None:
        return Completed(name="Cached", message=WORDS)

    state = carry_out(
        run_id,
        settings,
        vault,
        cancellable,
    )
    summary = read_summary(surroundings.layout.summary)
    if summary is not None and summary.run == run_id:
        surroundings.note_end(summary)
    return state


def _run_number() -> str:
    return str(flow_run.get_id()).replace("-", "")[:8]


def _check_subjects(settings: RunSettings) -> None:
    """Take pseudonyms only; the command line also knows subjects by PatientID and folder."""
    if not set(settings.subjects) <= set(Layout.of(settings).known_subjects()):
        raise UsageError(
            "no subject has this pseudonym at this level; use one from the release, e.g. P001"
        )
