"""Writes docs/profiles.md from the profiles; a test keeps the two equal."""

from pathlib import Path

from deidflow.header.load_profile import NAMES, load_profile
from deidflow.header.profile_table import documented

if __name__ == "__main__":
    page = documented(load_profile(name) for name in NAMES)
    Path(__file__).with_name("profiles.md").write_text(page, encoding="utf-8")
