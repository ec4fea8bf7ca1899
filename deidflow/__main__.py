"""`python -m deidflow` is the command `deidflow`."""

from __future__ import annotations

from deidflow.cli import main

if __name__ == "__main__":
    main()
