"""Loaded once by the forkserver of a run that reads text: its children share the models."""

from deidflow.burned.reader import load_models

load_models()
