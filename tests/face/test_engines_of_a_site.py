"""pydeface and a site's own program find the region instead of us; the checks stay the same."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from deidflow.errors import ConfigError, EnvironmentFault, Withheld
from deidflow.face.affine import apply, index_to_world
from deidflow.face.brain import brain_of
from deidflow.face.candidate import Registered
from deidflow.face.engine_installed import check_engine
from deidflow.face.engines import CommandEngine, PydefaceEngine, TemplateEngine, engine_of
from deidflow.face.mask import WorldMask
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.settings.face import DefaceSettings
from deidflow.settings.load import load_settings
from deidflow.verdicts import Reason
from tests.face.conftest import head

PROGRAM = """
import sys, nibabel, numpy as np
image = nibabel.load(sys.argv[1])
i, j, k = np.indices(image.shape)
points = nibabel.affines.apply_affine(image.affine, np.stack([i, j, k], -1))
x, y, z = np.moveaxis(points, -1, 0)
kept = np.ones(image.shape, np.uint8)
{rule}
nibabel.save(nibabel.Nifti1Image(kept, image.affine), sys.argv[2])
"""
FLIRT = """#!{python}
import sys, nibabel
from nibabel.processing import resample_from_to
options = dict(zip(sys.argv[1::1], sys.argv[2::1]))
image, reference = nibabel.load(options["-in"]), nibabel.load(options["-ref"])
moved = resample_from_to(image, reference, order=0, cval=1)
nibabel.save(moved, options["-out"])
open(options["-omat"], "w").write("1 0 0 0\\n0 1 0 0\\n0 0 1 0\\n0 0 0 1\\n")
"""


@pytest.fixture(scope="session")
def subject(template: Template, registered: np.ndarray) -> Registered:
    prepared = Resonance.of(head(5))
    brain = brain_of(
        prepared,
        registered,
        template,
    )
    return Registered(
        HeadSeries(
            "001-MR",
            (head(5),),
            "M",
            About("MR"),
        ),
        registered,
        "defaced",
        brain,
        {"front_in_view": 1.0},
        prepared,
    )


def program(tmp_path: Path, rule: str) -> tuple[str, ...]:
    script = tmp_path / "tool.py"
    script.write_text(PROGRAM.format(rule=rule))
    return sys.executable, str(script), "{image}", "{mask}"


def command(tmp_path: Path, rule: str) -> CommandEngine:
    return CommandEngine(
        program(tmp_path, rule),
        tmp_path,
        tmp_path / "log",
        0.1,
    )


def test_the_mask_of_a_program_is_taken_where_it_says(
    tmp_path: Path, subject: Registered, template: Template
) -> None:
    region = command(tmp_path, "kept[(y > 20) & (z < 20)] = 0").face(subject, template)
    removed = WorldMask(
        region.field,
        0.0,
        None,
        0.0,
    ).on(head(5))
    places = np.argwhere(removed)[::50, ::-1].astype(float)
    points = apply(index_to_world(head(5)), places)
    assert points[:, 1].max() < -18
    assert points[:, 2].max() < 22
    assert removed.mean() > 0.1
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".gz"] == []


@pytest.mark.parametrize(
    "rule",
    [
        "pass",
        "sys.exit(3)",
        "kept[z > 60] = 0",
        "open(sys.argv[2], 'wb').write(b'x' * 99); sys.exit(0)",
        "image = nibabel.Nifti1Image(kept, image.affine * 2)",
    ],
    ids=["nothing removed", "fails", "the crown removed", "garbage", "another grid"],
)  # fmt: skip
def test_a_mask_that_does_not_take_the_face_is_refused(
    tmp_path: Path, rule: str, subject: Registered, template: Template
) -> None:
    with pytest.raises(Withheld) as caught:
        command(tmp_path, rule).face(subject, template)
    assert caught.value.reason is Reason.ENGINE_MASK


def test_pydeface_runs_with_its_flirt_and_our_eyes_are_added(
    tmp_path: Path, subject: Registered, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for FSL's flirt, which lays the template on the head by world coordinates."""
    flirt = tmp_path / "fsl" / "bin" / "flirt"
    flirt.parent.mkdir(parents=True)
    flirt.write_text(FLIRT.format(python=sys.executable))
    flirt.chmod(0o755)
    monkeypatch.setenv("FSLDIR", str(tmp_path / "fsl"))
    check_engine(DefaceSettings(engine="pydeface"))
    region = PydefaceEngine(tmp_path, tmp_path / "log").face(subject, template)
    ours = WorldMask(
        TemplateEngine().face(subject, template).field,
        0.0,
        None,
        0.0,
    ).on(head(5))
    both = WorldMask(
        region.field,
        0.0,
        None,
        0.0,
    ).on(head(5))

    assert (both & ours).sum() > 0.97 * ours.sum()
    assert both.sum() > ours.sum()
    assert not any(path.suffix == ".gz" for path in tmp_path.iterdir())


def test_a_missing_program_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FSLDIR", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(EnvironmentFault, match="FSL"):
        check_engine(DefaceSettings(engine="pydeface"))
    settings = DefaceSettings(engine="command", command=("no-such-tool", "{image}", "{mask}"))
    with pytest.raises(EnvironmentFault, match=r"deface\.command"):
        engine_of(
            settings,
            tmp_path,
            tmp_path / "log",
        )


def test_a_command_without_places_is_a_configuration_error(tmp_path: Path) -> None:
    flags = {"source": tmp_path / "s", "release": tmp_path / "r", "vault": tmp_path / "v"}
    with pytest.raises(ConfigError, match=r"deface.*\{image\} and \{mask\}"):
        load_settings(
            flags | {"deface": {"engine": "command", "command": ["tool"]}}, environment={}
        )
