"""Where the runs of a served site find their settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.errors import ConfigError
from deidflow.settings.load import load_settings
from deidflow.settings.run import RunSettings

CONFIG = "DEIDFLOW_CONFIG"
FOLDER = "DEIDFLOW_FOLDER"


@dataclass(frozen=True)
class Site:
    """A configuration file, and the folder from which its relative paths start.

    The worker's processes know both from their environment: a flow's parameters are stored by
    Prefect, and a path may identify.
    """

    config: Path
    folder: Path

    @classmethod
    def here(cls, config: Path | None, environment: Mapping[str, str] = os.environ) -> Site:
        """The site of a command line. Raises ConfigError where no configuration file is named."""
        name = config or environment.get(CONFIG)
        if not name:
            raise ConfigError(f"'config' is not given; name the file with --config or as {CONFIG}")
        return cls(Path(name).resolve(), Path.cwd())

    @classmethod
    def of_worker(cls, environment: Mapping[str, str] = os.environ) -> Site:
        """The site of a process that a worker of `deidflow serve` started."""
        return cls(
            Path(environment[CONFIG]),
            Path(environment[FOLDER]),
        )

    def variables(self) -> dict[str, str]:
        """The environment of the worker's processes."""
        return {CONFIG: str(self.config), FOLDER: str(self.folder)}

    def settings(self, **asked: Any) -> RunSettings:
        """The settings as the file has them now, and what a run asks beyond it."""
        return load_settings(
            asked,
            self.config,
            base=self.folder,
        )
