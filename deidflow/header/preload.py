"""Loaded once by the forkserver of a run: its children share what the standard's codes mean."""

from deidflow.header.descriptions import standard_meanings
from deidflow.store.imports import loading

with loading():
    standard_meanings()
