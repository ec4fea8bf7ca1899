"""The inventory of a source on disk: what was read of each file, and what belongs together."""
