"""`deidflow profile`: what profiles do, attribute by attribute."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App

profile = App(name="profile", help="List, show, compare and check header profiles.")


@profile.command(name="list")
def list_profiles() -> int:
    """Name the profiles that come with deidflow."""
    from deidflow.header.load_profile import NAMES, load_profile

    for name in NAMES:
        title = load_profile(name).title
        print(f"{name:15} {title}")
    return 0


@profile.command
def show(name: str) -> int:
    """Show every attribute with its code in PS3.15, what is done, and why where they differ.

    Parameters
    ----------
    name: Name of a profile, or a YAML file.
    """
    from deidflow.header.load_profile import load_profile
    from deidflow.header.profile_table import explain

    chosen = load_profile(name)
    options = ", ".join(chosen.options) or "none"
    private = ", ".join(chosen.private) or "none"
    print(f"{chosen.name}: {chosen.title}")
    print(f"options: {options}; private: {private}; dates: {chosen.dates.mode}")

    for row in explain(chosen):
        line = f"{row.tag:9}  {row.attribute:50} {row.code:7} {row.action:14} {row.reason}"
        print(line.rstrip())
    return 0


@profile.command
def diff(first: str, second: str) -> int:
    """Show the attributes that two profiles treat differently.

    Parameters
    ----------
    first: Name of a profile, or a YAML file.
    second: Name of a profile, or a YAML file.
    """
    from deidflow.header.load_profile import load_profile
    from deidflow.header.profile_table import differing

    left = load_profile(first)
    right = load_profile(second)
    for attribute, left_action, right_action in differing(left, right):
        print(f"{attribute:50} {left.name}: {left_action:14} {right.name}: {right_action}")
    return 0


@profile.command
def check(file: Path) -> int:
    """Check a profile of your own: its keys, attributes, actions and options.

    Parameters
    ----------
    file: The YAML file.
    """
    from deidflow.dicom.policy import class_uids
    from deidflow.header.completeness import is_complete, weakened
    from deidflow.header.load_profile import read_profile
    from deidflow.header.rules import compile_profile
    from deidflow.header.selectors import keyword_of

    chosen = read_profile(file)
    compile_profile(chosen)
    class_uids(chosen.classes)
    print(f"profile {chosen.name} is valid: {len(chosen.deviations)} deviations")
    if is_complete(chosen):
        return 0

    print("its output is not de-identified by PS3.15", file=sys.stderr)
    kept = weakened(chosen) if chosen.base == "ps315" else ()
    for tag in kept:
        print(f"  keeps {keyword_of(tag)}", file=sys.stderr)
    return 0
