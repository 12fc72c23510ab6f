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
-- What there is, in numbers, without a page of text: a count over 100,000 records takes 20 ms.
CREATE INDEX record_shape ON record (collection, source, created, imported, sensitivity, octet_length(text));
CREATE INDEX record_thread ON record (thread, position) WHERE thread != '';

-- What the owner changed of a record's labels, laid over what its importer says at every import.
CREATE TABLE own_label (
    place  INTEGER PRIMARY KEY,                  -- in the order in which they were said
    record INTEGER NOT NULL REFERENCES record (n) ON DELETE CASCADE,
    label  TEXT    NOT NULL,
    given  INTEGER NOT NULL,                     -- 1 added, 0 taken away
    UNIQUE (record, label)
) STRICT;
CREATE INDEX record_place ON record (id, collection, sensitivity);
CREATE INDEX record_imported ON record (imported);    -- what came since a grant was made

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

-- Vectors by another model, made beside those that answer: SPEC.md, "Another encoder".
CREATE TABLE next_vector (chunk INTEGER PRIMARY KEY REFERENCES chunk (id) ON DELETE CASCADE, vector BLOB NOT NULL) STRICT;

-- Which records changed or went since the snapshot of the index, and which snapshot counts: SPEC.md, "Snapshots of the
-- index". New ones have higher numbers; a trigger on every insertion took ten times as long as the insertion.
CREATE TABLE change (n INTEGER PRIMARY KEY AUTOINCREMENT, record INTEGER NOT NULL) STRICT;
CREATE TRIGGER record_changed AFTER UPDATE ON record BEGIN
    INSERT INTO change (record) VALUES (new.n);
END;
CREATE TRIGGER record_gone AFTER DELETE ON record BEGIN
    INSERT INTO change (record) VALUES (old.n);
END;
CREATE TABLE snapshot (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    name   TEXT    NOT NULL,                     -- of its list, a file in index/
    upto   INTEGER NOT NULL,                     -- the last row of `change` that is in it
    newest INTEGER NOT NULL                      -- no record with a higher number is in it
) STRICT;

CREATE TABLE grant_ (
    id           TEXT    PRIMARY KEY,
    client       TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    actions      TEXT    NOT NULL,               -- JSON array
    scope        TEXT    NOT NULL,               -- JSON, permissions/SPEC.md
    detail       TEXT    NOT NULL,
    limits       TEXT    NOT NULL,               -- JSON, permissions/SPEC.md
    approval     TEXT    NOT NULL,
    holder       TEXT    NOT NULL,               -- thumbprint of the key its bearer must prove, or ''
    status       TEXT    NOT NULL,
    paused_for   TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    last_used    INTEGER,
    fresh        INTEGER,                        -- usage before this time does not count
    records_then INTEGER NOT NULL,               -- records in scope when it was made
    version      INTEGER NOT NULL                -- +1 with every change of what it allows
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_token (id TEXT PRIMARY KEY, grant_ TEXT NOT NULL, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- What a client used. `spent` has a row for each minute in which it was answered, kept for 7 days: all so far, by its end.
CREATE TABLE spent (
    client  TEXT    NOT NULL,
    minute  INTEGER NOT NULL,                    -- minutes since 1970
    queries INTEGER NOT NULL,
    hits    INTEGER NOT NULL,                    -- records released, each time they were
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (client, minute)
) STRICT, WITHOUT ROWID;
CREATE TABLE released (
    client TEXT    NOT NULL,
    record TEXT    NOT NULL,                     -- record.id; the row outlives the record
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    times  INTEGER NOT NULL,
    PRIMARY KEY (client, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX released_first ON released (client, first);
CREATE INDEX released_last ON released (client, last);
CREATE INDEX released_record ON released (record);

-- How many different records left, by where they are filed now: SPEC.md, "Exposure". The triggers keep it.
CREATE TABLE exposed (
    client      TEXT    NOT NULL,                -- or '': to anybody
    collection  TEXT    NOT NULL,                -- '' for what was forgotten since
    sensitivity INTEGER NOT NULL,                -- -1 for what was forgotten since
    records     INTEGER NOT NULL,
    last        INTEGER NOT NULL,                -- when one of what is, or then was, filed here last left
    PRIMARY KEY (client, collection, sensitivity)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER released_first_time AFTER INSERT ON released BEGIN
    INSERT INTO exposed
        SELECT new.client, coalesce(max(collection), ''), coalesce(max(sensitivity), -1), 1, new.last
        FROM record WHERE id = new.record
        ON CONFLICT DO UPDATE SET records = records + 1, last = max(last, excluded.last);
    INSERT INTO exposed
        SELECT '', coalesce(max(collection), ''), coalesce(max(sensitivity), -1),
               NOT EXISTS (SELECT 1 FROM released WHERE record = new.record AND client != new.client), new.last
        FROM record WHERE id = new.record
        ON CONFLICT DO UPDATE SET records = records + excluded.records, last = max(last, excluded.last);
END;
CREATE TRIGGER released_again AFTER UPDATE OF last ON released WHEN new.last > old.last BEGIN
    UPDATE exposed SET last = max(last, new.last) WHERE client IN (new.client, '') AND (collection, sensitivity) =
        (SELECT coalesce(max(collection), ''), coalesce(max(sensitivity), -1) FROM record WHERE id = new.record);
END;
CREATE TRIGGER record_refiled AFTER UPDATE OF collection, sensitivity ON record
WHEN old.collection != new.collection OR old.sensitivity != new.sensitivity BEGIN
    INSERT INTO exposed
        SELECT client, new.collection, new.sensitivity, 1, last FROM released WHERE record = new.id
        UNION ALL
        SELECT '', new.collection, new.sensitivity, 1, max(last) FROM released WHERE record = new.id HAVING count(*)
        ON CONFLICT DO UPDATE SET records = records + 1, last = max(last, excluded.last);
    UPDATE exposed SET records = records - 1 WHERE collection = old.collection AND sensitivity = old.sensitivity
        AND client IN (SELECT client FROM released WHERE record = new.id
                       UNION ALL SELECT '' FROM released WHERE record = new.id);
    DELETE FROM exposed WHERE records = 0 AND collection = old.collection AND sensitivity = old.sensitivity;
END;
CREATE TRIGGER record_unfiled AFTER DELETE ON record BEGIN
    INSERT INTO exposed
        SELECT client, '', -1, 1, last FROM released WHERE record = old.id
        UNION ALL
        SELECT '', '', -1, 1, max(last) FROM released WHERE record = old.id HAVING count(*)
        ON CONFLICT DO UPDATE SET records = records + 1, last = max(last, excluded.last);
    UPDATE exposed SET records = records - 1 WHERE collection = old.collection AND sensitivity = old.sensitivity
        AND client IN (SELECT client FROM released WHERE record = old.id
                       UNION ALL SELECT '' FROM released WHERE record = old.id);
    DELETE FROM exposed WHERE records = 0 AND collection = old.collection AND sensitivity = old.sensitivity;
END;

-- The words that left: each wording of a record once, and which answers it left in.
CREATE TABLE wording (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    record TEXT    NOT NULL,                     -- record.id
    digest BLOB    NOT NULL,                     -- SHA-256, permissions/SPEC.md
    title  TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    UNIQUE (record, digest)
) STRICT;
CREATE TABLE departure (entry INTEGER NOT NULL, ordinal INTEGER NOT NULL, wording INTEGER NOT NULL, PRIMARY KEY (entry, ordinal)) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
    id      TEXT    PRIMARY KEY,                 -- WebAuthn's credential id, base64url
    name    TEXT    NOT NULL,
    key     BLOB    NOT NULL,                    -- attested credential data: id and COSE public key
    count   INTEGER NOT NULL,                    -- its signature counter, as seen last
    created INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    id      TEXT    PRIMARY KEY,
    asked   TEXT    NOT NULL,                    -- answer, access
    grant_  TEXT    NOT NULL,                    -- the grant whose holder asks
    client  TEXT    NOT NULL,
    key     TEXT    NOT NULL,                    -- equal requests have equal keys
    action  TEXT    NOT NULL,
    query   TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    terms   TEXT    NOT NULL,                    -- JSON
    records TEXT    NOT NULL,                    -- JSON array of ID:VERSION, what the owner is shown
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,                    -- silence until then denies
    verdict TEXT    NOT NULL,                    -- pending, approved, standing, used, denied, lapsed
    decided INTEGER,
    scope   TEXT    NOT NULL,                    -- approved for these conditions only, or ''
    until   INTEGER,
    granted TEXT    NOT NULL                     -- the grant made of it, or ''
) STRICT, WITHOUT ROWID;
CREATE INDEX request_grant ON request (grant_, key);
CREATE INDEX request_verdict ON request (verdict, created);
CREATE INDEX request_standing ON request (grant_, verdict);

-- OAuth clients that registered themselves while the owner let them; those that the vault knows have no row.
CREATE TABLE registration (
    id        TEXT    PRIMARY KEY,
    name      TEXT    NOT NULL UNIQUE,           -- the client of its grants
    redirects TEXT    NOT NULL,                  -- JSON array
    bound     INTEGER NOT NULL,                  -- its tokens need a key (DPoP)
    created   INTEGER NOT NULL,
    expires   INTEGER                            -- NULL once the owner granted it something
) STRICT, WITHOUT ROWID;

-- While the owner lets new clients register.
CREATE TABLE pairing (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    opened INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    left   INTEGER NOT NULL                      -- registrations that are still let in
) STRICT;

-- An OAuth client on its way to a grant. Secrets are kept as their SHA-256.
CREATE TABLE authorization (
    id        TEXT    PRIMARY KEY,               -- the request that the owner is asked
    flow      TEXT    NOT NULL,                  -- code, device
    client    TEXT    NOT NULL,                  -- its OAuth client id
    secret    BLOB    NOT NULL UNIQUE,           -- of the page that waits, or of the device code
    code      BLOB    UNIQUE,                    -- of the code, once there is one
    user_code TEXT    NOT NULL,                  -- what a device shows, or ''
    issuer    TEXT    NOT NULL,
    resource  TEXT    NOT NULL,
    redirect  TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    challenge TEXT    NOT NULL,                  -- PKCE, S256
    holder    TEXT    NOT NULL,                  -- thumbprint of the key that its tokens need, or ''
    stage     TEXT    NOT NULL,                  -- waiting, issued, redeemed, over
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_stage ON authorization (stage, expires);

-- The refresh tokens that came of one authorization, each good once.
CREATE TABLE family (
    id       TEXT    PRIMARY KEY,                -- authorization.id
    client   TEXT    NOT NULL,
    grant_   TEXT    NOT NULL UNIQUE,
    issuer   TEXT    NOT NULL,
    resource TEXT    NOT NULL,
    holder   TEXT    NOT NULL,
    ended    INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE refresh (
    secret  BLOB    PRIMARY KEY,                 -- SHA-256 of the token
    family  TEXT    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER                              -- when its successor was made
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_family ON refresh (family, created);

-- Browsers that the owner paired: plugins/browser/SPEC.md. Secrets are kept as their SHA-256.
CREATE TABLE browser (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL,
    client  TEXT    NOT NULL,                    -- of its grants
    origin  TEXT    NOT NULL,                    -- of its extension
    key     TEXT    NOT NULL,                    -- thumbprint of the key that it proves
    adds    TEXT    NOT NULL,                    -- the grant by which it saves, or ''
    finds   TEXT    NOT NULL,                    -- the grant by which it searches, or ''
    decides INTEGER NOT NULL,
    quiet   INTEGER NOT NULL,                    -- it is not told who will see what it saves
    created INTEGER NOT NULL,
    ended   INTEGER,
    refresh BLOB    UNIQUE                       -- NULL until it came for its tokens
) STRICT, WITHOUT ROWID;
CREATE TABLE browser_token (
    secret  BLOB    PRIMARY KEY,
    browser TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE site (
    browser TEXT    NOT NULL,
    origin  TEXT    NOT NULL,
    client  TEXT    NOT NULL,                    -- to which insertions there are released
    grant_  TEXT    NOT NULL,                    -- cut out of the browser's own, or ''
    blocked INTEGER NOT NULL,
    PRIMARY KEY (browser, origin)
) STRICT, WITHOUT ROWID;

-- Language models that answer for the owner, in the order of `place`.
CREATE TABLE provider (
    name   TEXT    PRIMARY KEY,                  -- the client of its grant
    url    TEXT    NOT NULL,                     -- ends before /chat/completions
    model  TEXT    NOT NULL,
    key    TEXT    NOT NULL,                     -- its secret, or ''
    window INTEGER NOT NULL,                     -- characters of a prompt
    grant_ TEXT    NOT NULL,
    place  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers to requests that came with an idempotency key, kept for a day so that they are done once.
CREATE TABLE once (
    grant_ TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    digest BLOB    NOT NULL,                     -- SHA-256 of the request
    time   INTEGER NOT NULL,
    answer TEXT    NOT NULL,                     -- JSON
    PRIMARY KEY (grant_, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_time ON once (time);

CREATE TABLE notice (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    time      INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    client    TEXT    NOT NULL,
    grant_    TEXT    NOT NULL,
    detail    TEXT    NOT NULL,                  -- JSON
    dismissed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE entry (
    number INTEGER PRIMARY KEY,                  -- 0, 1, 2 ... without gaps: the leaf index
    time   INTEGER NOT NULL,
    client TEXT    NOT NULL,
    leaf   BLOB    NOT NULL,                     -- leaf hash
    salt   BLOB,                                 -- NULL when erased
    body   TEXT                                  -- canonical JSON (RFC 8785), NULL when erased
) STRICT;
CREATE INDEX entry_client ON entry (client, number);

-- What the log is looked through by: of each entry that is not erased, and together by the hour. SPEC.md, "Filing".
CREATE TABLE filed (
    number  INTEGER PRIMARY KEY,                 -- entry.number
    client  TEXT NOT NULL,
    action  TEXT NOT NULL,
    outcome TEXT NOT NULL                        -- released, redacted, answered, denied, error, owner
) STRICT;
CREATE INDEX filed_outcome ON filed (outcome, number);
CREATE INDEX filed_client ON filed (client, outcome, number);
CREATE TABLE activity (
    hour    INTEGER NOT NULL,                    -- hours since 1970
    client  TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    entries INTEGER NOT NULL,
    PRIMARY KEY (hour, client, action, outcome)
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_action ON activity (action);
CREATE INDEX entry_time ON entry (time);               -- how a grant came to be
CREATE TABLE node (level INTEGER NOT NULL, i INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, i)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
