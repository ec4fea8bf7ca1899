"""What the values of each VR are: numbers of a size, text, dates or bytes (PS3.5 section 6.2)."""

from __future__ import annotations

SIZES = {
    b"US": 2,
    b"SS": 2,
    b"UL": 4,
    b"SL": 4,
    b"FL": 4,
    b"FD": 8,
    b"AT": 4,
    b"SV": 8,
    b"UV": 8,
}
"""Bytes per number of the VRs that hold binary numbers or tags."""
FORMATS = {
    b"US": "H",
    b"SS": "h",
    b"UL": "I",
    b"SL": "i",
    b"FL": "f",
    b"FD": "d",
    b"SV": "q",
    b"UV": "Q",
}
"""Formats of `struct` for binary numbers."""
FLOATING = frozenset((b"FL", b"FD"))
WIDE = frozenset((b"UL", b"SL", b"UV", b"SV", b"FD"))
"""VRs that can hold numbers of six digits or more without loss."""
NUMERIC_TEXT = frozenset((b"DS", b"IS"))
ENCODED = frozenset((b"LO", b"SH", b"ST", b"LT", b"UT", b"UC", b"PN"))
"""VRs whose text is in the character set of the header."""
TEXT = frozenset((b"LO", b"SH", b"ST", b"LT", b"UT", b"UC", b"CS", b"UR", b"AE"))
UNDIVIDED = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""VRs of text in which a backslash does not separate values."""
BINARY = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"))
TEMPORAL = frozenset((b"DA", b"TM", b"DT"))
PADDED_TEXT = TEXT | TEMPORAL | NUMERIC_TEXT | frozenset((b"UI", b"PN", b"AS"))
"""VRs whose values may end in padding that means nothing."""
LONGEST = {
    b"AE": 16,
    b"CS": 16,
    b"SH": 16,
    b"LO": 64,
    b"PN": 64,
    b"DS": 16,
    b"IS": 12,
    b"UI": 64,
}
"""Most characters of one value."""
