-- One row a run: which version of which flow, for which change of which record, and what became of it.
-- `committed` is the snapshot that stored the run and its effects; `chain` names the flows that led here, in order.
CREATE TABLE IF NOT EXISTS ops.flow_runs (
    id uuid NOT NULL,
    flow varchar NOT NULL,
    flow_id varchar NOT NULL,
    flow_version integer NOT NULL,
    module varchar NOT NULL,
    record_id uuid,
    event varchar NOT NULL,
    snapshot bigint NOT NULL,
    change_id uuid,
    load_id uuid,
    actor varchar NOT NULL,
    state varchar NOT NULL,
    depth integer NOT NULL,
    chain varchar[] NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error varchar,
    failed_step integer,
    trace json,
    committed bigint NOT NULL,
    parent_id uuid,
    parent_step integer,
    start varchar
);

-- What waits: a run that goes on at `due_at`, or when the event comes that its step waits for. Gone once it went on.
CREATE TABLE IF NOT EXISTS ops.flow_timers (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    flow varchar NOT NULL,
    flow_id varchar NOT NULL,
    flow_version integer NOT NULL,
    module varchar NOT NULL,
    record_id uuid NOT NULL,
    step integer NOT NULL,
    due_at timestamptz NOT NULL,
    by_event boolean NOT NULL,
    came boolean,
    created_at timestamptz NOT NULL,
    change_id uuid NOT NULL,
    committed bigint NOT NULL
);

-- One row a step that a run did: what it wrote where. `fields` are the columns whose value is this run's.
CREATE TABLE IF NOT EXISTS ops.flow_effects (
    run_id uuid NOT NULL,
    flow_id varchar NOT NULL,
    step integer NOT NULL,
    action varchar NOT NULL,
    module varchar NOT NULL,
    record_id uuid,
    outcome varchar NOT NULL,
    fields varchar[] NOT NULL,
    detail varchar,
    committed bigint NOT NULL,
    attempt integer,
    seconds double
);

-- What is to leave the house. A message itself is a record of `communications`; a webhook has none, but the record of
-- its run (`module`, `record_id`) and what it says. `host` is whose limits count; `consent*` is what was seen last.
CREATE TABLE IF NOT EXISTS ops.outbox (
    id uuid NOT NULL,
    channel varchar NOT NULL,
    communication_id uuid,
    run_id uuid,
    flow varchar,
    load_id uuid,
    recipient varchar NOT NULL,
    reply_to varchar,
    message_id varchar,
    state varchar NOT NULL,
    reason varchar,
    attempts integer NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    change_id uuid NOT NULL,
    purpose varchar,
    attachments varchar[],
    flow_id varchar,
    module varchar,
    record_id uuid,
    host varchar,
    url varchar,
    payload varchar,
    headers varchar,
    consent varchar,
    consent_id uuid,
    consent_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz
);

-- Every attempt, written before it is made; `state` is sending until the answer is known.
CREATE TABLE IF NOT EXISTS ops.deliveries (
    id uuid NOT NULL,
    outbox_id uuid NOT NULL,
    attempt integer NOT NULL,
    state varchar NOT NULL,
    server varchar,
    answer varchar,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

-- The answers given to commands under an idempotency key.
CREATE TABLE IF NOT EXISTS ops.flow_commands (
    key varchar NOT NULL,
    body_sha256 varchar NOT NULL,
    answer varchar NOT NULL,
    actor varchar NOT NULL,
    created_at timestamptz NOT NULL
);

-- What flows tell people: one row a user. Whether he may know of the record is asked when he reads it.
CREATE TABLE IF NOT EXISTS ops.notifications (
    id uuid NOT NULL,
    user_slug varchar NOT NULL,
    title varchar,
    text varchar NOT NULL,
    module varchar NOT NULL,
    record_id uuid NOT NULL,
    flow varchar,
    run_id uuid,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    change_id uuid NOT NULL,
    snapshot bigint NOT NULL,
    kind varchar,
    records bigint
);

-- Up to which moment the clock of a flow was looked at, for flows that wait for a time or a date: append-only, the last
-- commit counts. `runs` is what was set off then.
CREATE TABLE IF NOT EXISTS ops.flow_ticks (
    flow_id varchar NOT NULL,
    until timestamptz NOT NULL,
    runs bigint NOT NULL,
    change_id uuid NOT NULL,
    committed bigint NOT NULL
);
