-- What became of every file that was loaded, and what waits for others.

-- One row a load. The counts are in rows and balance: read = inserted + updated + unchanged + rejected.
CREATE TABLE IF NOT EXISTS ops.loads (
    id uuid NOT NULL,
    module varchar NOT NULL,
    source varchar NOT NULL,
    actor varchar NOT NULL,
    mode varchar NOT NULL,
    key varchar[],
    state varchar NOT NULL,
    silent boolean NOT NULL,
    files json,
    contract json,
    rows_read bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    rejected bigint NOT NULL,
    values_rejected bigint NOT NULL,
    pending_references bigint NOT NULL,
    deleted bigint NOT NULL,
    notes varchar[],
    snapshot bigint,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    change_id uuid NOT NULL,
    undone_at timestamptz,
    undone_by varchar
);

-- The bytes that a module was loaded from, so that the same file is known again.
CREATE TABLE IF NOT EXISTS ops.loaded_files (
    module varchar NOT NULL,
    source varchar NOT NULL,
    sha256 varchar NOT NULL,
    load_id uuid NOT NULL
);

-- Every value and row that was not taken as it came. `row` has the cells by header, to be mended and replayed.
CREATE TABLE IF NOT EXISTS ops.rejects (
    load_id uuid NOT NULL,
    module varchar NOT NULL,
    file varchar NOT NULL,
    line bigint,
    "column" varchar,
    field varchar,
    value varchar,
    reason varchar NOT NULL,
    code varchar NOT NULL,
    row_loaded boolean NOT NULL,
    record_id uuid,
    row json
);

-- A reference whose target is not there yet: `key` is how the source names it. Resolved when the target comes.
CREATE TABLE IF NOT EXISTS ops.pending_references (
    id uuid NOT NULL,
    place varchar NOT NULL,
    record_id uuid NOT NULL,
    field varchar NOT NULL,
    targets varchar[] NOT NULL,
    by_field varchar,
    key varchar NOT NULL,
    source varchar NOT NULL,
    load_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by uuid
);

-- The contract of each source with a module: append-only, the newest version counts.
CREATE TABLE IF NOT EXISTS ops.sources (
    source varchar NOT NULL,
    module varchar NOT NULL,
    version integer NOT NULL,
    contract json NOT NULL,
    actor varchar NOT NULL,
    change_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL
);
