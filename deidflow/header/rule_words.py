"""Why a rule applies: the line of PS3.15 Table E.1-1 or of the profile, in words."""

from __future__ import annotations

from deidflow.header.profile import OPTION_COLUMNS, Deviation, Option

_EDITION = "PS3.15 2026d E.1-1"
ABSENT = "no released header has this group"
UNKNOWN = "not in the data dictionary"
OTHERS_KEPT = "the profile keeps what it does not name"
DATE_KEPT = "profile: dates.keep"
OWN_STATEMENT = "PS3.15 E.1.1: what a header says of its de-identification"
AGE_COMPUTED = "computed before birth and study date go"
BINARY_TEXT = "a text attribute that is written as binary"
TRIGGER_TIMES = "binned trigger times would not tell the phases apart"
FILE_META = "PS3.10 7.1: file meta is made of the released header"
SAFE_PRIVATE = "PS3.15 E.3.10-1: a safe private attribute"
PHYSICS = "private/physics.yaml: a physical quantity"
CSA_SCRUBBED = "profile: csa: scrub"
PRIVATE_KEPT = "profile: private: all"
PRIVATE_CREATOR = "PS3.5 7.8.1: the creator of private elements that stay"
PRIVATE_REMOVED = f"{_EDITION}: private attributes, X"
_CONTENT = "PS3.15 2026a E.3.4-1"
CONTENT_TYPE = f"{_CONTENT}: the concept identifies, and is written with another value type"
CONTENT_TEXT = f"not in {_CONTENT}: text keeps its words of acquisition"
CONTENT_NAME = f"not in {_CONTENT}: a name of a person"
CONTENT_VALUE = "PS3.3 C.17.3: the item's value type has no such value"
CONTENT_CODE = "a code that the standard does not have, with words that are not of acquisition"
CONTENT_FOREIGN = "PS3.3 C.17: not an attribute of reports"
CONTENT_UNIT = "a number in units that cannot be generalised"
CONTENT_TARGET = "PS3.3 C.17.3.2.5: the item that it refers to is not there"


def listed(row: dict[str, str], option: Option | None) -> str:
    """For a row of the table, whose action is that of an option or the basic one."""
    if option is None:
        return f"{_EDITION}: {row['basic']}"
    code = row[OPTION_COLUMNS[option]]
    return f"{_EDITION}: {code} by option {option}, otherwise {row['basic']}"


def content(row: dict[str, str], option: Option | None) -> str:
    """For a content item, by the row of its concept name."""
    if option is None:
        return f"{_CONTENT}: {row['meaning']}: {row['basic']}"
    code = row[OPTION_COLUMNS[option]]
    return f"{_CONTENT}: {row['meaning']}: {code} by option {option}, otherwise {row['basic']}"


def content_of_attribute(keyword: str) -> str:
    """For a content item that says what an attribute says."""
    return f"as {keyword}, of which it is the content item"


def unlisted(vr: str) -> str:
    """For a standard attribute that the table does not name."""
    return f"not in {_EDITION}: by its VR {vr}"


def category(name: str) -> str:
    """For an attribute of a category that is switched on or off."""
    return f"profile: categories.{name}"


def deviation(line: Deviation) -> str:
    """For an attribute that the profile names."""
    return f"profile: {line.attribute}: {line.reason}"
