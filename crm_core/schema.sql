-- What the domain keeps beside the modules' own tables, which their definitions make.

-- Every version of every definition; the newest of a kind and slug counts. Append-only.
CREATE TABLE IF NOT EXISTS meta.definitions (
    kind varchar NOT NULL,
    id varchar NOT NULL,
    slug varchar NOT NULL,
    version integer NOT NULL,
    state varchar NOT NULL,
    document varchar NOT NULL,
    change_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    snapshot bigint NOT NULL
);

-- The last number given by each auto-number field, moved only under the writer lock.
CREATE TABLE IF NOT EXISTS ops.counters (
    name varchar NOT NULL,
    value bigint NOT NULL
);

-- Up to when a team (or a user without one) has read the messages of a record; `version` is the snapshot that wrote it.
CREATE TABLE IF NOT EXISTS ops.read_marks (
    reader varchar NOT NULL,
    record_id uuid NOT NULL,
    read_at timestamptz NOT NULL,
    version bigint
);

-- How a person likes the pages: folds, columns, pins. The newest row of a key holds; `value` is JSON.
CREATE TABLE IF NOT EXISTS ops.preferences (
    person varchar NOT NULL,
    key varchar NOT NULL,
    value varchar NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL
);

-- What a person is writing at a record and has not sent yet; `content` is JSON, `null` where nothing is left of it.
CREATE TABLE IF NOT EXISTS ops.drafts (
    person varchar NOT NULL,
    record_id uuid NOT NULL,
    place varchar NOT NULL,
    content varchar NOT NULL,
    version bigint NOT NULL,
    kept_at timestamptz NOT NULL
);

-- Entries that somebody keeps on top of a record's timeline; a module with a field `pinned` keeps it there instead.
CREATE TABLE IF NOT EXISTS ops.pins (
    record_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    module varchar NOT NULL,
    pinned_at timestamptz NOT NULL,
    change_id uuid NOT NULL
);

CREATE TABLE IF NOT EXISTS access.users (
    slug varchar NOT NULL,
    name varchar NOT NULL,
    email varchar,
    role varchar NOT NULL,
    teams varchar[],
    time_zone varchar,
    language varchar,
    active boolean NOT NULL,
    change_id uuid,
    version bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS access.teams (
    slug varchar NOT NULL,
    name varchar NOT NULL,
    change_id uuid,
    version bigint NOT NULL
);

-- Only the SHA-256 of a key is kept: whoever reads the lake cannot use it.
CREATE TABLE IF NOT EXISTS access.api_keys (
    id varchar NOT NULL,
    sha256 varchar NOT NULL,
    label varchar NOT NULL,
    role varchar NOT NULL,
    user_slug varchar,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    change_id uuid,
    version bigint NOT NULL
);

-- Private addresses of people's own calendars, of which only the SHA-256 is kept, as of keys.
CREATE TABLE IF NOT EXISTS access.calendar_feeds (
    sha256 varchar NOT NULL,
    user_slug varchar NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    change_id uuid,
    version bigint NOT NULL
);

-- Append-only: the newest of an address, channel and purpose counts.
CREATE TABLE IF NOT EXISTS access.consents (
    id uuid NOT NULL,
    address varchar NOT NULL,
    channel varchar NOT NULL,
    module varchar,
    record_id uuid,
    purpose varchar NOT NULL,
    state varchar NOT NULL,
    source varchar,
    wording varchar,
    occurred_at timestamptz NOT NULL,
    change_id uuid NOT NULL
);

-- The answers that the public intake gave under an Idempotency-Key; each counts for 24 hours.
CREATE TABLE IF NOT EXISTS ops.idempotency (
    key varchar NOT NULL,
    body_sha256 varchar NOT NULL,
    answer varchar NOT NULL,
    created_at timestamptz NOT NULL,
    change_id uuid NOT NULL
);

-- Every message that came by mail, once for each way it came: stored, dead (it could not be read or kept; `reason` says
-- why, and its bytes lie under `sha256`), or ignored (it had come before). `unanswerable` is why no flow may answer it.
CREATE TABLE IF NOT EXISTS ops.mail_in (
    id uuid NOT NULL,
    via varchar NOT NULL,
    mailbox varchar,
    uidvalidity bigint,
    uid bigint,
    sha256 varchar,
    size bigint NOT NULL,
    envelope_from varchar,
    envelope_to varchar[],
    received_at timestamptz NOT NULL,
    state varchar NOT NULL,
    reason varchar,
    sender varchar,
    subject varchar,
    unanswerable varchar,
    communication_id uuid,
    module varchar,
    record_id uuid,
    change_id uuid NOT NULL
);

-- How far each mailbox was read: up to `last_uid` of one UIDVALIDITY, moved with the messages in one commit; `error` is why
-- it cannot be read now.
CREATE TABLE IF NOT EXISTS ops.mailboxes (
    name varchar NOT NULL,
    uidvalidity bigint,
    last_uid bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    error varchar
);

-- The colour of a tag of a module, for everybody; a tag that is not here has none. `version` grows with every change.
CREATE TABLE IF NOT EXISTS ops.tag_colours (
    module varchar NOT NULL,
    tag varchar NOT NULL,
    color varchar NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    change_id uuid NOT NULL
);
