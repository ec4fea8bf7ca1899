"""The outsider: reads staged files again, with code of its own, and says what it finds."""
