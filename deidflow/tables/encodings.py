"""The text of a table in any common encoding."""

from __future__ import annotations

import re

from deidflow.errors import ConfigError, UsageError

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_CODEPAGES = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "iso8859_2",
    "iso8859_15",
    "koi8_r",
    "mac_roman",
    "cp850",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "utf_16_le",
    "utf_16_be",
]
"""What spreadsheets export; charset-normalizer chooses among them."""
_WESTERN, _MAC = "cp1252", "mac_roman"
_FOREIGN_INSIDE = re.compile(r"(?:[a-z]|[A-Z](?=[^\x00-\x7f][a-z]))([^\x00-\x7f])")
_LEAST_GUESSED = 32
"""Bytes beyond ASCII from which a guess of the encoding is better than the commonest one."""


def decode(content: bytes, encoding: str = "") -> str:
    """The text of a table; raises UsageError where its encoding is wrong or not known."""
    if encoding:
        return _decode_as(content, encoding)
    for mark, codec in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return _decode_as(content, codec)
    if b"\0" not in content:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return _decode_as(content, _guess_encoding(content))


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except LookupError:
        raise ConfigError("the encoding is not known; try utf-8, cp1252 or utf-16") from None
    except UnicodeError:
        raise UsageError("the table has another encoding; name it with --encoding") from None


def _guess_encoding(content: bytes) -> str:
    from charset_normalizer import from_bytes

    foreign = sum(byte > 0x7F for byte in content)
    if foreign < _LEAST_GUESSED and b"\0" not in content and _is_western(content):
        return _unless_mac(content, _WESTERN)

    best = from_bytes(content, cp_isolation=_CODEPAGES).best()
    if best is None:
        raise UsageError("the encoding of the table cannot be told; name it with --encoding")
    return _unless_mac(content, best.encoding)


def _unless_mac(content: bytes, encoding: str) -> str:
    """Mac Roman where the encoding would put capitals into words: `MŸller`, `JŸrgen`."""
    is_mac = _has_capital_inside(content, encoding) and not _has_capital_inside(content, _MAC)
    return _MAC if is_mac else encoding


def _has_capital_inside(content: bytes, encoding: str) -> bool:
    text = content.decode(encoding, "replace")
    return any(match[1].isupper() for match in _FOREIGN_INSIDE.finditer(text))


def _is_western(content: bytes) -> bool:
    """Whether the bytes beyond ASCII are letters in cp1252, few of them side by side."""
    try:
        text = content.decode(_WESTERN)
    except UnicodeDecodeError:
        return False

    foreign = [letter for letter in text if not letter.isascii()]
    letters = sum(map(str.isalpha, foreign))
    together = re.findall(r"(?=[^\x00-\x7f]{2})", text)
    are_letters = 10 * letters >= 9 * len(foreign)
    return are_letters and 4 * len(together) <= len(foreign)
