"""Who may be in a release: the list of those who consented, and the patients whom it means."""
