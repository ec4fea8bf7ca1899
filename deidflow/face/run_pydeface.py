"""`python -m deidflow.face.run_pydeface IMAGE MASK`: pydeface on a 3-D image; writes the mask, 0 where it removes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from deidflow.face.engine_installed import find_flirt


def main(image: str, mask: str) -> None:
    """Run pydeface in a folder beside the mask, so that nothing of it stays in /tmp."""
    with tempfile.TemporaryDirectory(dir=Path(mask).parent) as folder:
        prepare_environment(Path(folder))
        from pydeface.utils import deface_image

        warped = deface_image(
            infile=image, outfile=str(Path(folder, "defaced.nii.gz")), force=True
        )[1]
        shutil.copyfile(warped, mask)


def prepare_environment(folder: Path) -> None:
    """FSL on the PATH, a stand-in for its menu program `fsl` that pydeface looks for, and no telemetry of nipype."""
    flirt = find_flirt()
    binaries = str(Path(flirt).parent) if flirt else ""
    os.environ["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", ""), str(folder)])
    os.environ.setdefault("FSLDIR", str(Path(binaries).parent))
    os.environ["NIPYPE_NO_ET"] = os.environ["NO_ET"] = "1"
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    if shutil.which("fsl") is None:
        Path(folder, "fsl").write_text("#!/bin/sh\n")
        Path(folder, "fsl").chmod(0o700)


if __name__ == "__main__":
    main(*sys.argv[1:3])
