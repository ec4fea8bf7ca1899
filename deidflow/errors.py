"""The exception tree. Every message is free of identifiers and of source paths.

DeidflowError                    exit 1
├── UsageError                   exit 2   flags, paths, selection
│   ├── ConfigError                       a key or value of a configuration or profile
│   └── VaultMismatch                     secret, vault and release do not belong together
├── EnvironmentFault             exit 3   missing tool, unwritable place, disk full
├── ReleaseBusy                  exit 7   another run holds the release or the vault's project
├── RunCancelled                 exit 130 somebody cancelled the run in the Prefect UI
└── StepFailed                   exit 5   a step broke; the subject is not released
    └── Withheld                 exit 4   a step decided that something may not go out
"""

from __future__ import annotations

from deidflow.verdicts import Reason


class DeidflowError(Exception):
    """Base of all errors that deidflow raises on purpose."""

    exit_code = 1


class UsageError(DeidflowError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class ConfigError(UsageError):
    """A key or value of a configuration, profile or environment variable is wrong."""


class VaultMismatch(UsageError):
    """The secret, the vault and the release do not belong together."""


class EnvironmentFault(DeidflowError):
    """The machine lacks something: a tool, space, permission."""

    exit_code = 3


class ReleaseBusy(DeidflowError):
    """Another run is at work on the same release or project."""

    exit_code = 7


class RunCancelled(DeidflowError):
    """Somebody cancelled the run."""

    exit_code = 130

    def __init__(self, message: str = "cancelled; run again to carry on") -> None:
        super().__init__(message)


class StepFailed(DeidflowError):
    """A step ended without a result; `reason` says how."""

    exit_code = 5

    def __init__(self, reason: Reason, detail: str = "") -> None:
        message = f"{reason.words} ({detail})" if detail else reason.words
        super().__init__(message)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[StepFailed], tuple[Reason, str]]:
        """How children send it to their parent: by its arguments, not by its message."""
        arguments = (self.reason, self.detail)
        return type(self), arguments


class Withheld(StepFailed):
    """A step decided that its object may not be released; `reason` says why."""

    exit_code = 4
