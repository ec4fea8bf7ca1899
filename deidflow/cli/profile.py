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
        print(f"{name:15} {load_profile(name).title}")
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
    print(f"{chosen.name}: {chosen.title}")
    print(f"options: {', '.join(chosen.options) or 'none'}; private: {', '.join(chosen.private) or 'none'}; "
          f"dates: {chosen.dates.mode}")  # fmt: skip
    for row in explain(chosen):
        print(f"{row.tag:9}  {row.attribute:50} {row.code:7} {row.action:14} {row.reason}".rstrip())
    return 0


@profile.command
def diff(first: str, second: str) -> int:
    """Show the attributes with which two profiles do different things.

    Parameters
    ----------
    first: Name of a profile, or a YAML file.
    second: Name of a profile, or a YAML file.
    """
    from deidflow.header.load_profile import load_profile
    from deidflow.header.profile_table import differing

    left, right = load_profile(first), load_profile(second)
    for attribute, ours, theirs in differing(left, right):
        print(f"{attribute:50} {left.name}: {ours:14} {right.name}: {theirs}")
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
    kept = weakened(chosen) if chosen.base == "ps315" else ()
    print(f"profile {chosen.name} is understood: {len(chosen.deviations)} deviations")
    if not is_complete(chosen):
        print("its output is not de-identified by PS3.15", file=sys.stderr)
        print("".join(f"  keeps {keyword_of(tag)}\n" for tag in kept), end="", file=sys.stderr)
    return 0
