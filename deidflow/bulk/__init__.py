"""Headers only, for whole folders: all cores, no Prefect, no faces."""
