"""Passwords as commands take them: from the environment or the terminal, never from a flag."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from getpass import getpass

from deidflow.errors import UsageError


def password_of(variable: str, least: int, typed: Callable[[], str]) -> str:
    """The password in an environment variable, else what somebody types.

    Raises UsageError where nobody can be asked, and for fewer than `least` characters.
    """
    given = os.environ.get(variable)
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError(f"nobody can be asked for a password here; set {variable}")
        given = typed()
    if len(given) < least:
        raise UsageError(f"the password is too short: at least {least} characters")
    return given


def typed_twice(prompt: str, *, made: Callable[[], str] | None = None) -> str:
    """What somebody types twice in the same way; `made` gives one to whom types none."""
    given = getpass(prompt)
    if not given and made is not None:
        return made()
    if getpass("the same again: ") != given:
        raise UsageError("the passwords differ; nothing was written")
    return given
