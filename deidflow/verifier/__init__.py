"""Reads a release again as an outsider: nothing here shares code with what wrote it."""
