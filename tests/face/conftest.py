"""One prepared template and one registered head for all tests of the room."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import warped_head, warped_tomography
from deidflow.face.prepare import Resonance
from deidflow.face.register import register
from deidflow.face.template import Template, load_template


@pytest.fixture(scope="session")
def template(template_file: Path) -> Template:
    return load_template(template_file)


@lru_cache(maxsize=4)
def head(seed: int) -> sitk.Image:
    """A warped head of 2 mm."""
    return warped_head(seed)


@lru_cache(maxsize=1)
def tomography() -> sitk.Image:
    """A warped pseudo-CT of 2 mm with a headrest."""
    return warped_tomography(41)


@pytest.fixture(scope="session")
def registered(template: Template) -> np.ndarray:
    """Subject world -> template world of `head(5)`."""
    return register(Resonance.of(head(5)).ranked, template.ranked)
