"""What the work of the steps needs beside what declares them: loaded once for all children."""

from deidflow.header.descriptions import standard_meanings
from deidflow.store.imports import loading

with loading():
    import deidflow.burned.pages
    import deidflow.steps
    import deidflow.steps.series_builder
    import deidflow.steps.series_images
    import deidflow.steps.session_heads
    import deidflow.steps.staged_session  # noqa: F401 - loaded for the children

    standard_meanings()
