"""The containers' files: what they promise can be read from them; the processes themselves run in
tests/flows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PLACE = Path(__file__).parents[1] / "containers"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((PLACE / "compose.yaml").read_text())[
        "services"
    ]
    return found


def test_three_services_that_are_healthy_restarted_and_not_root(
    services: dict[str, dict[str, Any]],
) -> None:
    assert set(services) == {"database", "server", "worker"}
    for name, service in services.items():
        assert service["user"].split(":")[0] not in ("0", "root"), name
        assert service["restart"] == "unless-stopped" and service["healthcheck"]["test"], name
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name


def test_no_port_beyond_loopback_and_a_source_that_is_only_read(
    services: dict[str, dict[str, Any]],
) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    mounts = {mount.rsplit(":/", 1)[1] for mount in services["worker"]["volumes"]}
    assert mounts == {"data/source:ro", "data/out", "data/vault", "site/site.yaml:ro"}


def test_secrets_come_from_files(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, value in service["environment"].items():
            assert "password" not in name.lower() or value.startswith("/run/secrets/"), name
    assert services["worker"]["environment"]["DEIDFLOW_SECRET_FILE"].startswith("/run/secrets/")


def test_images_build_without_a_network_from_wheels_and_run_as_nobody() -> None:
    docker, apptainer = ((PLACE / name).read_text() for name in ("Dockerfile", "apptainer.def"))
    for text in (docker, apptainer):
        assert "--no-index" in text and "apt-get" not in text and "curl" not in text
    assert "USER 10001" in docker
    ignored = (PLACE.parent / ".dockerignore").read_text().split()
    assert ignored == ["*", "!constraints.txt", "!containers/wheels"], (
        "nothing else of the folder enters an image"
    )
