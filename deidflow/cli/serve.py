"""`deidflow serve`: runs on a schedule, one subject again, and verification, in the Prefect UI."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def serve(
    *, config: Path | None = None, cron: str = "", host: str = "127.0.0.1", port: int = 4200
) -> int:
    """Run a Prefect server with its UI, a worker and three deployments.

    They are `nightly`, `reprocess-subject` and `verify-release`.

    With PREFECT_API_URL it uses the server that is there.

    Parameters
    ----------
    config: YAML file with source, release, vault and every other setting; or DEIDFLOW_CONFIG.
    cron: When the nightly run starts, e.g. "0 2 * * *"; without it only when somebody asks.
    host: Address that the server listens on; by default only this machine sees it.
    port: Port of the server.
    """
    from deidflow.run.start import check_places
    from deidflow.store.process import stop_on_signals
    from flows.hosting.serve import serve as run_server
    from flows.hosting.site import Site

    site = Site.here(config)
    check_places(site.settings())
    stop_on_signals()
    with suppress(KeyboardInterrupt):
        run_server(site, cron, host, port)
    return 0
