"""Pool, deployments and automation of `deidflow serve`, as a Prefect server keeps them."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import available_timezones

from prefect import Flow, State
from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from deidflow.errors import ConfigError
from deidflow.identity.strategies import pattern_of
from deidflow.release.layout import Layout
from deidflow.settings.pacs import PacsSettings, WindowSettings
from deidflow.settings.run import RunSettings
from flows.hosting.offered_flows import incoming, nightly, reprocess_subject
from flows.hosting.prefect_private import close_parameters, restrict_parameter
from flows.verify import verify_release
from tasks.prefect_pages import tags_of

_SILENCE = timedelta(seconds=75)
"""More than two heartbeats of 30 s."""
_CRASHED = "deidflow: runs without a heartbeat are crashed"


def deploy(settings: RunSettings, cron: str, pool: str) -> None:
    """Make or renew pool, deployments and automation; raises ConfigError for a wrong schedule."""
    _check_schedule(cron)
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    for deployment in _deployments(settings, cron):
        identifier = cast(UUID, deployment.apply(work_pool_name=pool))
        _forget_schedules(identifier, keep=bool(deployment.schedules))
    _mark_crashed_runs()


def _forget_schedules(deployment: UUID, *, keep: bool) -> None:
    """Prefect keeps the schedule of an earlier call when none is given now."""
    with get_client(sync_client=True) as client:
        for schedule in [] if keep else client.read_deployment_schedules(deployment):
            client.delete_deployment_schedule(
                deployment,
                schedule.id,
            )


def _check_schedule(cron: str) -> None:
    try:
        if cron:
            CronSchedule(cron=cron)
    except ValueError:
        raise ConfigError(
            '--cron is not a valid schedule; expected five fields, e.g. "0 2 * * *"'
        ) from None


def _local_zone() -> str:
    """The time zone of this machine by name: two o'clock means two o'clock here."""
    link = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    for name in (os.environ.get("TZ", "").lstrip(":"), link):
        if name in available_timezones():
            return name
    return "UTC"


def _deployments(settings: RunSettings, cron: str) -> list[RunnerDeployment]:
    """Without Prefect limits of concurrency: the lock of the release is enough, and dies with its
    holder."""
    every_night = nightly.to_deployment(
        "nightly",
        schedule=Cron(cron, timezone=_local_zone()) if cron else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=tags_of(settings),
    )
    again = reprocess_subject.to_deployment(
        "reprocess-subject",
        entrypoint_type=EntrypointType.MODULE_PATH,
        parameters={"level": settings.level},
        tags=tags_of(settings),
    )
    verification = verify_release.to_deployment(
        "verify-release",
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=tags_of(settings),
    )
    # Prefect's methods are typed as sync or async; here they are called without a loop.
    offered = [cast(RunnerDeployment, one) for one in (every_night, again, verification)]
    pseudonyms = _pseudonyms(settings)
    restrict_parameter(offered[1], "pseudonym", pseudonyms)
    restrict_parameter(offered[2], "subject", _or_empty(pseudonyms))
    offered += _pacs_deployments(settings)
    for deployment in offered:
        close_parameters(deployment)

    return offered


def _pacs_deployments(settings: RunSettings) -> list[RunnerDeployment]:
    """Those that the section `pacs` asks for; `fetch` and `send` start when their windows open."""
    pacs = settings.pacs
    if not (pacs.fetch or pacs.receive or pacs.send):
        return []
    from flows.hosting.pacs_flows import fetch, receive, send

    flows: dict[str, Flow[[], State[Any]]] = {}
    if pacs.fetch:
        flows["fetch"] = fetch
    if pacs.receive:
        flows["receive"] = receive
    if pacs.send:
        flows["send"] = send
    if pacs.fetch or pacs.receive:
        flows["incoming"] = incoming
    return [_plain_deployment(settings, name, flow) for name, flow in flows.items()]


def _plain_deployment(
    settings: RunSettings, name: str, flow: Flow[[], State[Any]]
) -> RunnerDeployment:
    opening = _opening(settings.pacs, name)
    deployment = flow.to_deployment(
        name,
        schedule=Cron(opening, timezone=_local_zone()) if opening else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=tags_of(settings),
    )
    return cast(RunnerDeployment, deployment)


def _opening(pacs: PacsSettings, name: str) -> str:
    """When the window of a flow opens, as a cron schedule; empty without a window."""
    windows: dict[str, WindowSettings | None] = {"fetch": pacs.fetch, "send": pacs.send}
    asked = windows.get(name)
    if asked is None or asked.hours is None:
        return ""
    start, _ = asked.hours
    return f"{start.minute} {start.hour} * * *"


def _pseudonyms(settings: RunSettings) -> dict[str, Any]:
    """What the form takes for a pseudonym: nothing that could be a name."""
    is_named = any(entry.subject for entry in settings.input.entries)
    pattern = None if is_named else pattern_of(settings.ids)
    return {"pattern": pattern} if pattern else {"enum": Layout.of(settings).known_subjects()}


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or nothing."""
    return {"anyOf": [schema, {"const": ""}]}


def _mark_crashed_runs() -> None:
    """An automation: a run that was heard of, and then not for a while, has crashed."""
    ended = {
        f"prefect.flow-run.{name}"
        for name in ("Completed", "Quarantined", "Found", "Failed", "Cancelled", "Crashed")
    }
    heard = "prefect.flow-run.heartbeat"
    trigger = EventTrigger(
        posture=Posture.Proactive,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        after={heard},
        expect={heard, *ended},
        within=_SILENCE,
        threshold=1,
    )
    crashed = ChangeFlowRunState(
        state=StateType.CRASHED, name="Crashed", message="its worker is gone", force=False
    )

    try:
        known = cast(Automation, Automation.read(name=_CRASHED))
    except ValueError:
        Automation(
            name=_CRASHED,
            trigger=trigger,
            actions=[crashed],
        ).create()
    else:
        known.trigger, known.actions = trigger, [crashed]
        known.update()
