"""The verifier: reads a release again as an outsider would, whoever wrote it."""
