"""Rules of devices: those that deidflow brings, and those of a site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from deidflow.burned.devices import load_rules
from deidflow.burned.rectangles import Rectangle, covered
from deidflow.errors import ConfigError

RULE = """
rules:
  - name: acme-page
    match: {Manufacturer: "acme*", Modality: US, Rows: 100, ImageType: "*SECONDARY*"}
    blank: [{top: 0, left: 10, rows: 20, columns: 50}, {top: 90, left: 0, rows: 99, columns: 5, frames: [2]}]
    texts: ["ACME [0-9]"]
    faceless: true
"""


def rules_file(tmp_path: Path, text: str = RULE) -> Path:
    path = tmp_path / "site-rules.yaml"
    path.write_text(text)
    return path


def header(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_rule_fits_where_all_its_values_do(tmp_path: Path) -> None:
    rules = load_rules([rules_file(tmp_path)])
    page = header(
        Manufacturer="ACME Corp", Modality="US", Rows=100, ImageType=["DERIVED", "SECONDARY"]
    )
    treatment = rules.treatment(page)
    assert (treatment.rules, treatment.texts, treatment.faceless) == (
        ("acme-page",),
        ("ACME [0-9]",),
        True,
    )
    page.Rows = 101
    assert rules.treatment(page).rectangles == ()
    assert rules.treatment(header()).rules == ()


def test_a_rectangle_covers_its_frames_as_far_as_the_image_goes(tmp_path: Path) -> None:
    page = header(Manufacturer="ACME", Modality="US", Rows=100, ImageType=["X", "SECONDARY"])
    rectangles = load_rules([rules_file(tmp_path)]).treatment(page).rectangles
    pixels = covered(rectangles, (2, 100, 30))
    assert pixels[0].sum() == 20 * 20
    assert pixels[1].sum() == 20 * 20 + 10 * 5
    nothing = covered([Rectangle(200, 0, 5, 5), Rectangle(0, 0, 5, 5, (9,))], (2, 100, 30))
    assert not nothing.any()
    assert not np.shares_memory(pixels, nothing)


def test_the_rules_that_deidflow_brings_are_sound() -> None:
    rules = load_rules().rules
    assert len(rules) == len({rule.name for rule in rules}) > 10
    assert all(rule.rectangles for rule in rules)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Manufacturer:", "Manufacturr:", "line 4: .*did you mean 'Manufacturer'"),
        ("top: 0, left: 10", "top: -1, left: 10", "line 5: .*greater than or equal to 0"),
        ("faceless:", "faceles:", "line 7: .*faceles"),
        ('"ACME [0-9]"', '"*"', "fits any text"),
        ("acme-page", "ge-us-logiq9", "two device rules named 'ge-us-logiq9'"),
        ("match: {", "match: {} #", "match"),
        ("rules:", "rule:", "rule"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        load_rules([rules_file(tmp_path, RULE.replace(old, new, 1))])


def test_a_file_of_rules_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="file of device rules cannot be read"):
        load_rules([tmp_path / "none.yaml"])
