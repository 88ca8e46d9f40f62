"""What a file of ours holds.

Names are stored as blobs of UTF-8, because text ends at a NUL for some functions of SQLite; statements cast them from text
and to text, which is faster than to have Python do it.

``log`` holds the changes (``tbl`` is set, ``was`` is the topic that the entry had before, ``value`` is NULL for a deletion) and
the messages (only ``topic`` is set); its first row of all, with neither, makes the file different from all others, so that
the log is never empty. ``seq`` grows, also over the end of the file, ``number`` counts the rows. ``head`` keeps the last change
of each stream that was trimmed from the log; its empty topic stands for the whole table. ``outcome`` holds what operations
did: NULL for one that was cancelled.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid

from dfbackends.drivers.sqlite.faults import Foreign

APPLICATION = 0x64666273
FORMAT = 1

_SCHEMA = """
CREATE TABLE entry(
    tbl BLOB NOT NULL, name BLOB NOT NULL, topic BLOB NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY(tbl, name)
) WITHOUT ROWID;
CREATE INDEX entry_topic ON entry(tbl, topic, name) WHERE topic <> x'';
CREATE TABLE log(
    seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, op TEXT NOT NULL, tbl BLOB, name BLOB, topic BLOB, was BLOB, value BLOB
);
CREATE TABLE outcome(op TEXT NOT NULL PRIMARY KEY, revisions TEXT, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE listener(address TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE head(
    tbl BLOB NOT NULL, topic BLOB NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL, PRIMARY KEY(tbl, topic)
) WITHOUT ROWID;
"""


def check(connection: sqlite3.Connection, path: str) -> bool:
    """Return whether the file is ready for use; False where it is empty.

    :raises Foreign: it is something else
    """
    foreign = Foreign(f"{path} is not a SQLite database; choose another path, or move the file away")
    # SQLite takes a file of one byte for an empty one, and would write over it.
    if os.path.getsize(path) == 1:
        raise foreign
    try:
        application, version, objects = _marks(connection)
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise foreign from error
        raise
    if application == APPLICATION and version == FORMAT:
        return True
    if application == APPLICATION:
        raise Foreign(
            f"{path} has format {version}, and this version of dfbackends reads format {FORMAT}; "
            "dump it with the version that wrote it, and load the dump into a new file"
        )
    if application or version or objects:
        raise Foreign(f"{path} is a SQLite database of another application; choose another path")
    return False


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    # One transaction, so that a file that another process is filling is either empty or whole.
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        [[application]] = connection.execute("PRAGMA application_id")
        [[version]] = connection.execute("PRAGMA user_version")
        [[objects]] = connection.execute("SELECT count(*) FROM sqlite_master")
    finally:
        if alone and connection.in_transaction:
            connection.execute("ROLLBACK")
    return application, version, objects


def create(connection: sqlite3.Connection) -> None:
    """Fill an empty file, in the transaction that is open."""
    for statement in _SCHEMA.split(";")[:-1]:
        connection.execute(statement)
    connection.execute("INSERT INTO log(seq, number, op) VALUES (?, 0, ?)", (time.time_ns() // 1000, uuid.uuid4().hex))
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
