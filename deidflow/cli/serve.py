"""`deidflow serve`: runs on a schedule, and one subject again, watched in the Prefect UI."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from deidflow.errors import ConfigError


def serve(
    *, config: Path | None = None, cron: str = "", host: str = "127.0.0.1", port: int = 4200
) -> int:
    """Run a Prefect server with its UI, a worker and two deployments: `nightly` and `reprocess-subject`.

    With PREFECT_API_URL it works for the server that is there.

    Parameters
    ----------
    config: YAML file with source, release, vault and every other setting; or DEIDFLOW_CONFIG.
    cron: When the nightly run starts, as in "0 2 * * *"; without it only when somebody asks.
    host: Address that the server listens on; only this machine sees it unless told otherwise.
    port: Port of the server.
    """
    from deidflow.run.start import check_places
    from deidflow.settings.load import load_settings
    from deidflow.store.process import stop_on_signals
    from flows.hosting.serve import serve as run_server

    file = config or Path(os.environ.get("DEIDFLOW_CONFIG", ""))
    if file == Path():
        raise ConfigError(
            "'config' is not given; name the file with --config or as DEIDFLOW_CONFIG"
        )
    os.environ["DEIDFLOW_CONFIG"] = str(file.resolve())
    os.environ["DEIDFLOW_FOLDER"] = str(Path.cwd())
    settings = load_settings({}, file)
    check_places(settings)
    stop_on_signals()
    with suppress(KeyboardInterrupt):
        run_server(settings, cron, host, port, lambda line: print(line, flush=True))
    return 0
