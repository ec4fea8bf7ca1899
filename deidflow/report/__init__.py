"""Pages that say what was done: one to share, one with pictures for the vault, one for a privacy board."""
