"""Small heads on one worker and on two: the ratio of wall times, and whether the bytes are the
same. Then a rerun.

    PYTHONPATH=. .venv/bin/python benchmarks/throughput.py [HEADS]

HEADS is 16 by default. The bounds, on two cores: 1.7 times one worker's throughput; the rerun costs
at most 2 % of the first run's CPU beyond a run on nobody.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Cost, cost

from deidflow.demo.head import grid_affine, on_grid, warped_head
from deidflow.demo.people import MadeUpPerson, Visit
from deidflow.demo.series import write_series
from deidflow.face.template import prepare_template
from deidflow.face.template_place import template_path
from tests.places import give_template, tree_digest, write_secret

SIZE = (64, 64, 56)
AXES = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


def make_heads(folder: Path, count: int) -> Path:
    """Heads of 3.5 mm, each bent in its own way, one a subject."""
    affine = grid_affine(
        *AXES,
        (3.5, 3.5, 3.5),
        SIZE,
        np.array([0.0, -10.0, -8.0]),
    )
    for number in range(count):
        person = MadeUpPerson(
            f"Person{number:03d}^Xaver", f"PID-{number:05d}", "19700101", "Doe^Dora", "Somewhere"
        )
        volume = on_grid(
            warped_head(100 + number),
            SIZE,
            affine,
        )
        write_series(
            folder / f"{number:03d}",
            Visit(
                person,
                1,
                "20220607",
            ),
            2,
            "T1 MPRAGE",
            [volume],
        )

    return folder


def run_cost(source: Path, root: Path, workers: int, template: Path) -> Cost:
    """What a run costs in a vault that has its template."""
    if not (root / "vault").exists():
        write_secret(root / "vault")
        give_template(root / "vault", template)
    places = source, root / "release", "--vault", root / "vault", "--workers", workers
    return cost((Path(sys.executable).with_name("deidflow"), "run", *places))


def main() -> None:
    """Print both bounds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        template = template_path(root, ears=True)
        prepare_template(str(template), True)
        source = make_heads(root / "source", count)
        (root / "nothing").mkdir()
        (root / "nothing" / "readme.txt").write_text("nobody")
        one, two = (
            run_cost(
                source,
                root / f"{workers}",
                workers,
                template,
            )
            for workers in (1, 2)
        )
        same = tree_digest(root / "1" / "release") == tree_digest(root / "2" / "release")
        again = run_cost(
            source,
            root / "2",
            2,
            template,
        )
        nobody = min(
            run_cost(
                root / "nothing",
                root / "nobody",
                2,
                template,
            ).cpu
            for _ in range(3)
        )

    print(
        f"{count} heads: one worker {one.wall:.1f} s, two {two.wall:.1f} s: {one.wall / two.wall:.2f} times"
    )
    print(f"the bytes of both releases are {'the same' if same else 'NOT THE SAME'}")
    print(f"first run {two.cpu:.1f} CPU s, rerun {again.cpu:.1f}, on nobody {nobody:.1f}: "
          f"{100 * (again.cpu - nobody) / two.cpu:.2f} % of the first")  # fmt: skip


if __name__ == "__main__":
    main()
