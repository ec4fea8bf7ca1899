"""."""


def status() -> int:
    """."""
    return 0
