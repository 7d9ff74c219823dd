-- What the lake itself keeps. DuckLake knows no constraint but NOT NULL; the write door keeps the rest.
CREATE SCHEMA IF NOT EXISTS crm;
CREATE SCHEMA IF NOT EXISTS meta;
CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA IF NOT EXISTS access;

-- One row a change: who, through which door, and why. `snapshot` is the one that the change made.
CREATE TABLE IF NOT EXISTS ops.changes (
    id uuid NOT NULL,
    actor varchar NOT NULL,
    door varchar NOT NULL,
    reason varchar NOT NULL,
    load_id uuid,
    flow_run_id uuid,
    cause_id uuid,
    depth integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    snapshot bigint NOT NULL
);

-- How far each reader of the change feed has come: append-only, the highest snapshot of a name counts.
CREATE TABLE IF NOT EXISTS ops.cursors (
    name varchar NOT NULL,
    snapshot bigint NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Field changes of snapshots that were expired, copied here before they went.
CREATE TABLE IF NOT EXISTS ops.history (
    module varchar NOT NULL,
    record_id uuid NOT NULL,
    field varchar NOT NULL,
    old varchar,
    new varchar,
    kind varchar NOT NULL,
    snapshot bigint NOT NULL,
    occurred_at timestamptz,
    change_id uuid,
    actor varchar,
    door varchar,
    reason varchar,
    load_id uuid,
    flow_run_id uuid
);
