"""Loaded once by the forkserver of a run: its children share the meanings of the standard's codes."""

from deidflow.header.descriptions import standard_meanings
from deidflow.store.imports import loading

with loading():
    standard_meanings()
