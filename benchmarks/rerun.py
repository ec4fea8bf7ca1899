"""CPU of a first run, of a second run with nothing to do, and of a run on nobody; ratios of one session.

    .venv/bin/python benchmarks/rerun.py [SOURCE]

Without SOURCE the demo's cohort is used. The bound: the second run costs at most what a run on nobody
costs, plus 5 % of the first run. Also printed: the peak memory of the largest process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from deidflow.demo.cohort import make_cohort

_PR_SET_CHILD_SUBREAPER = 36


def cost(source: Path, root: Path) -> tuple[float, float]:
    """CPU seconds and peak MiB of a run and all its processes, orphans too."""
    process = os.fork()
    if process:
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status):
            raise SystemExit("the run failed")
        cpu, peak = (root / "cost").read_text().split()
        return float(cpu), float(peak)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    command = [
        str(Path(sys.executable).with_name("deidflow")),
        "run",
        source,
        root / "release",
        "--vault",
        root / "vault",
    ]
    code = subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode
    try:
        while True:
            os.wait()
    except ChildProcessError:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    (root / "cost").write_text(f"{used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}")
    os._exit(0 if code in (0, 4) else 1)


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
        cost(root / "nothing", root / "nobody")
        nobody, _ = cost(root / "nothing", root / "nobody")
        first, peak = cost(source, root / "some")
        second, _ = cost(source, root / "some")
    bound = nobody + 0.05 * first
    print(f"first run {first:.1f} CPU s, second {second:.1f}, on nobody {nobody:.1f}; peak {peak:.0f} MiB a process")
    print(f"second / bound = {second / bound:.2f} ({'holds' if second <= bound else 'DOES NOT HOLD'})")


if __name__ == "__main__":
    main()
