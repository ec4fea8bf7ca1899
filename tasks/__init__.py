"""Steps: one module each. A Prefect task is its key, its run name and one call into deidflow."""
