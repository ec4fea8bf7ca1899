"""`python -m deidflow.face.run_pydeface IMAGE MASK`: pydeface on a 3-D image.

The mask is 0 where pydeface removes.
"""

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

        results = deface_image(
            infile=image,
            outfile=str(Path(folder, "defaced.nii.gz")),
            force=True,
        )
        warped_mask = results[1]
        shutil.copyfile(warped_mask, mask)


def prepare_environment(folder: Path) -> None:
    """Put FSL on the PATH and switch nipype's telemetry off.

    pydeface looks for FSL's menu program `fsl`, which a stand-in replaces where it is missing.
    """
    _add_fsl_to_path(folder)
    os.environ["NIPYPE_NO_ET"] = "1"
    os.environ["NO_ET"] = "1"
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)

    if shutil.which("fsl") is None:
        menu = Path(folder, "fsl")
        menu.write_text("#!/bin/sh\n")
        menu.chmod(0o700)


def _add_fsl_to_path(folder: Path) -> None:
    """Find the programs of FSL first, those in a folder last."""
    flirt = find_flirt()
    binaries = ""
    if flirt:
        binaries = str(Path(flirt).parent)
    search_path = [
        binaries,
        os.environ.get("PATH", ""),
        str(folder),
    ]
    os.environ["PATH"] = os.pathsep.join(search_path)
    os.environ.setdefault(
        "FSLDIR",
        str(Path(binaries).parent),
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
