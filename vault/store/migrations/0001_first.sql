-- The first schema. Times are integer microseconds since 1970-01-01T00:00:00Z. Everything in this
-- file, names included, is encrypted at rest by SQLCipher.

CREATE TABLE vault (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    id             TEXT    NOT NULL,             -- 32 hex digits, the same as in keyslots.json
    created        INTEGER NOT NULL,
    commit_counter INTEGER NOT NULL,             -- +1 in every transaction; compared with the sealed head
    audit_head     BLOB    NOT NULL              -- root hash of the audit tree after that transaction
) STRICT;

CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    n            INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,        -- random; tells nothing about order or number
    collection   TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    origin       TEXT    NOT NULL,               -- the importer's own id, unique within its source
    kind         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    url          TEXT    NOT NULL,
    thread       TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    created      INTEGER,
    updated      INTEGER,
    imported     INTEGER NOT NULL,
    people       TEXT    NOT NULL,               -- JSON array of names
    labels       TEXT    NOT NULL,               -- JSON array of names
    sensitivity  INTEGER NOT NULL,
    language     TEXT    NOT NULL,
    provenance   TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,               -- keyed hash over every imported field
    UNIQUE (source, origin)
) STRICT;
CREATE INDEX record_collection ON record (collection);

CREATE TABLE chunk (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    record  INTEGER NOT NULL REFERENCES record (n) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start   INTEGER NOT NULL,                    -- record.text[start:end], in code points
    end     INTEGER NOT NULL,
    vector  BLOB    NOT NULL,                    -- float32, little endian, unit length
    terms   BLOB    NOT NULL,                    -- uint32 pairs (term id, count), little endian, by term id
    UNIQUE (record, ordinal)
) STRICT;

CREATE TABLE term (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE grant_ (
    id        TEXT    PRIMARY KEY,
    client    TEXT    NOT NULL,
    purpose   TEXT    NOT NULL,
    actions   TEXT    NOT NULL,                  -- JSON array
    scope     TEXT    NOT NULL,                  -- JSON, permissions/SPEC.md
    status    TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    last_used INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    number INTEGER PRIMARY KEY,                  -- 0, 1, 2 ... without gaps: the leaf index
    time   INTEGER NOT NULL,
    client TEXT    NOT NULL,
    leaf   BLOB    NOT NULL,                     -- leaf hash
    salt   BLOB,                                 -- NULL when erased
    body   TEXT                                  -- canonical JSON (RFC 8785), NULL when erased
) STRICT;
CREATE INDEX entry_client ON entry (client, number);
CREATE TABLE node (level INTEGER NOT NULL, i INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, i)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
