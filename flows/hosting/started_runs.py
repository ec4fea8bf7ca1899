"""Runs of deployments that deidflow starts itself, and how they ended."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State


def start_run(deployment: str) -> UUID:
    """Schedule a run of a deployment that has the name of its flow, for now."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(f"{deployment}/{deployment}")
        return client.create_flow_run_from_deployment(found.id).id


def state_of(run: UUID) -> State | None:
    """The state that the server knows."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


def has_ended(run: UUID) -> bool:
    """Whether a run has ended."""
    state = state_of(run)
    return state is not None and state.is_final()
