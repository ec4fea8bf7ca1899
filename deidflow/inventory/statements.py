"""What a listing asks of its database, and of what the vault remembers."""

from __future__ import annotations

COLUMNS = "locator, sha256, verdict, reason, absent, header, own"
INSERT = (
    f"INSERT OR REPLACE INTO listing (is_read, {COLUMNS}) "  # noqa: S608 - names of ours
    "VALUES (1, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_HEADER = "INSERT OR IGNORE INTO main.headers VALUES (?, ?)"
FOUND = (
    "INSERT INTO listing (locator, size, mtime_ns, ctime_ns, inode, is_read) "
    "VALUES (?, ?, ?, ?, ?, 0)"
)
NUMBERED = (
    f"SELECT number, {COLUMNS} FROM listing "  # noqa: S608 - names of ours
    "WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number"
)
RECALL = """
UPDATE listing SET is_read = 1, sha256 = known.sha256, verdict = known.verdict,
    reason = known.reason, absent = known.absent, header = known.header, own = known.own
FROM known.files AS known
WHERE listing.number > ?1 AND listing.number <= ?1 + ?2
    AND known.path = CAST(?3 || listing.locator AS BLOB)
    AND known.size = listing.size AND known.mtime_ns = listing.mtime_ns
    AND known.ctime_ns = listing.ctime_ns AND known.inode = listing.inode AND known.reader = ?4
"""
READ = """
UPDATE listing SET is_read = 2, sha256 = ?, verdict = ?, reason = ?, absent = ?, header = ?, own = ?
WHERE locator = ?
"""
KEEP_HEADERS = """
INSERT OR IGNORE INTO known.headers SELECT digest, facts FROM main.headers
WHERE digest IN (SELECT header FROM listing WHERE number > ?1 AND is_read = 2)
"""
KEEP_FILES = """
INSERT OR REPLACE INTO known.files
SELECT CAST(?2 || locator AS BLOB), size, mtime_ns, ctime_ns, inode, ?3,
    sha256, verdict, reason, absent, header, own
FROM listing WHERE number > ?1 AND is_read = 2
"""
RECALL_HEADERS = """
INSERT OR IGNORE INTO main.headers SELECT digest, facts FROM known.headers
WHERE digest IN (SELECT header FROM listing)
"""
GONE = """
SELECT path FROM known.files WHERE path >= ?1 AND path < ?2
    AND NOT EXISTS (SELECT 1 FROM listing WHERE locator = substr(known.files.path, length(?1) + 1))
"""
