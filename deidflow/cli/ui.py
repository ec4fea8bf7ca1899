"""`deidflow ui`: the runs of a vault in Prefect's own pages, on loopback."""

from __future__ import annotations

import os
from pathlib import Path

from deidflow.errors import UsageError


def ui(*, vault: Path | None = None, port: int = 4200) -> int:
    """Show the history of runs in the Prefect UI, on this machine only, until Ctrl-C.

    Parameters
    ----------
    vault: The vault of the runs; or DEIDFLOW_VAULT.
    port: Port on 127.0.0.1.
    """
    from deidflow.release.layout import Layout
    from deidflow.store.process import stop_on_signals
    from flows.hosting.lasting_server import show_history

    folder = vault or Path(os.environ.get("DEIDFLOW_VAULT", ""))
    if folder == Path():
        raise UsageError("'vault' is not given; name it with --vault or as DEIDFLOW_VAULT")

    layout = Layout(
        release=Path(),
        vault=folder.resolve(),
        project="",
        level="",
    )
    stop_on_signals()
    code: int = show_history(layout.prefect_home, port)
    return code
