"""The outsider: reads staged files again, with code of its own, and reports what it finds."""
