"""CPU of a first run, of a second run with nothing to do, and of a run on nobody; ratios of one
session.

    .venv/bin/python benchmarks/rerun.py [SOURCE]

Without SOURCE the demo's cohort is used. The bound: the second run costs at most what a run on
nobody costs, plus 2 % of the first run. Also printed: the peak memory of the largest process.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import Cost, cost

from deidflow.demo.cohort import make_cohort


def run_cost(source: Path, root: Path) -> Cost:
    """What a run costs."""
    command = (
        Path(sys.executable).with_name("deidflow"),
        "run",
        source,
        root / "release",
        "--vault",
        root / "vault",
    )
    return cost(command)


def main() -> None:
    """Print the costs and whether the bound holds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("nobody", "some"):
            (root / name).mkdir()
        (root / "nothing").mkdir()
        (root / "nothing" / "readme.txt").write_text("nobody")
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "cohort"
        if len(sys.argv) == 1:
            make_cohort(source)
        run_cost(root / "nothing", root / "nobody")
        nobody = run_cost(root / "nothing", root / "nobody").cpu
        made = run_cost(source, root / "some")
        first, peak = made.cpu, made.peak
        second = run_cost(source, root / "some").cpu
    bound = nobody + 0.02 * first
    print(
        f"first run {first:.1f} CPU s, second {second:.1f}, on nobody {nobody:.1f}; peak {peak:.0f} MiB a process"
    )
    print(
        f"second / bound = {second / bound:.2f} ({'holds' if second <= bound else 'DOES NOT HOLD'})"
    )


if __name__ == "__main__":
    main()
