"""What we say of BIDS in data files, beside the schema of BIDS."""

from __future__ import annotations

from typing import Any

import pytest

from deidflow.bids.kinds import kind_of
from deidflow.bids.names import BidsName
from deidflow.bids.sidecars import is_right
from deidflow.nifti.guess import bids_suffixes
from deidflow.resources import load_yaml

SHORT = {
    "acquisition": "acq", "ceagent": "ce", "tracer": "trc", "reconstruction": "rec",
    "direction": "dir", "inversion": "inv", "mtransfer": "mt",
}  # fmt: skip
NOT_OURS = {"subject", "session", "chunk"}
KNOWN = [
    (datatype, suffix)
    for datatype, suffixes in bids_suffixes().items()
    for suffix in sorted(suffixes)
    if datatype != "ct"
]


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of the version that checks names."""
    module = pytest.importorskip("bidsschematools.schema")
    return module.load_schema()


@pytest.mark.parametrize(("datatype", "suffix"), KNOWN)
def test_names_have_the_entities_of_the_schema(schema: Any, datatype: str, suffix: str) -> None:
    (rule,) = [
        rule
        for rule in schema.rules.files.raw[datatype].values()
        if suffix in rule.suffixes and ".nii.gz" in rule.extensions
    ]
    entities = {SHORT.get(key, key): level for key, level in rule.entities.items()}
    kind = kind_of(BidsName(datatype, suffix))

    assert set(kind.entities) == entities.keys() - NOT_OURS
    assert set(kind.needed) == {
        key for key, level in entities.items() if level == "required" and key not in NOT_OURS
    }


def test_values_are_of_the_kinds_of_the_schema(schema: Any) -> None:
    """Each field that a sidecar keeps takes and refuses the values that the schema does."""
    jsonschema = pytest.importorskip("jsonschema")
    values: list[Any] = ["text", "AP", "n/a", True, 0, -1.5, 2, [], [0.5, 0], [-1.5], ["a"], [True]]
    lists = load_yaml("standard/sidecar_fields.yaml")
    wrong = []
    for name in (*lists["tokens"], *lists["fields"]):
        if name in schema.objects.metadata and name != "ImageType":
            definition = schema.objects.metadata[name].to_dict()
            check = jsonschema.Draft202012Validator(definition)
            wrong += [
                (name, value) for value in values if check.is_valid(value) != is_right(name, value)
            ]
    assert wrong == []
