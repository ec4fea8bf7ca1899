"""Pages that say what was done: one to share, and those with pictures for the vault."""
