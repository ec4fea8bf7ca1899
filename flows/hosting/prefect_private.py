"""What deidflow uses of Prefect that Prefect does not promise to keep.

Each has a contract test in tests/flows/test_private_names_of_prefect.py, so that an upgrade says
what broke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Prefect reads its settings when it is imported, which a run's server changes
    from prefect.deployments.runner import RunnerDeployment

SERVER_APPLICATION = "prefect.server.api.server:create_app"
"""The factory that `prefect server start` serves; that command takes a second longer."""
BRIEF_SERVER = {
    # Only the services that tasks and logs of one run need, as for Prefect's ephemeral server.
    "PREFECT__SERVER_EPHEMERAL": "1",
    # The application is not changed after it was made, so that it is made once.
    "PREFECT__SERVER_FINAL": "1",
}


def restrict_parameter(deployment: RunnerDeployment, name: str, schema: dict[str, Any]) -> None:
    """Let the form take only some values for a parameter; `schema` is JSON Schema."""
    deployment._parameter_openapi_schema.properties[name] |= schema  # noqa: SLF001


def close_parameters(deployment: RunnerDeployment) -> None:
    """Let the server refuse a parameter that the flow does not have."""
    from prefect.utilities.callables import ParameterSchema

    class ClosedSchema(ParameterSchema):
        """The parameters of a flow, and no others."""

        additionalProperties: bool

    known = deployment._parameter_openapi_schema.model_dump()  # noqa: SLF001
    closed = ClosedSchema(**known, additionalProperties=False)
    deployment._parameter_openapi_schema = closed  # noqa: SLF001
