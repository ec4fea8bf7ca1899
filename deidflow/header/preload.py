"""Loaded once by the forkserver of a run: its children share what the standard's codes mean."""

from deidflow.header.descriptions import standard_meanings

standard_meanings()
