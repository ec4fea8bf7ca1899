"""What Prefect does not promise to keep is still there, and does what deidflow expects of it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import cast

from prefect import flow, settings
from prefect.deployments.runner import RunnerDeployment

from flows.hosting.brief_server import BRIEF
from flows.hosting.prefect_private import (
    BRIEF_SERVER,
    SERVER_APPLICATION,
    close_parameters,
    restrict_parameter,
)


@flow(validate_parameters=False)
def offered(pseudonym: str = "P001") -> None:
    """A flow with a form."""


def deployed() -> RunnerDeployment:
    return cast(RunnerDeployment, offered.to_deployment("offered"))


def test_a_parameter_of_the_form_is_restricted() -> None:
    deployment = deployed()
    restrict_parameter(deployment, "pseudonym", {"pattern": "P[0-9]+"})
    schema = deployment._parameter_openapi_schema.model_dump()
    assert schema["properties"]["pseudonym"]["pattern"] == "P[0-9]+"


def test_other_parameters_are_refused() -> None:
    deployment = deployed()
    close_parameters(deployment)
    assert deployment._parameter_openapi_schema.model_dump()["additionalProperties"] is False


def test_the_application_of_the_server_is_made_without_arguments() -> None:
    module, factory = SERVER_APPLICATION.split(":")
    assert callable(getattr(importlib.import_module(module), factory))


def test_the_variables_of_the_brief_server_are_still_read() -> None:
    """They are no settings of Prefect: a name that it does not read any more would be ignored."""
    package = importlib.import_module("prefect.server.api.server").__file__
    assert package is not None
    with open(package, encoding="utf-8") as source:
        text = source.read()
    assert all(name in text for name in BRIEF_SERVER)


def test_what_a_brief_server_is_told_are_settings_of_prefect() -> None:
    """A name that Prefect does not know any more would be ignored."""
    assert all(hasattr(settings, name) for name in BRIEF)


def test_the_server_of_a_site_is_started_by_the_documented_command() -> None:
    command = [sys.executable, "-m", "prefect", "server", "start", "--help"]
    shown = subprocess.run(
        command,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(option in shown for option in ("--host", "--port", "--no-services", "--log-level"))
