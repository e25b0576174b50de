-- The whole schema as it stands now. Migrations lead here; a test compares the two.
-- Times are integers: microseconds since 1970-01-01T00:00:00Z.

create table memory (
    key integer primary key autoincrement,
    id text not null unique,
    scope text not null,
    kind text not null check (kind in ('note', 'episode', 'fact')),
    content text not null,
    tags text not null,
    metadata text not null,
    source text,
    external_id text,
    occurred_at integer not null,
    created_at integer not null,
    updated_at integer not null,
    revision integer not null,
    importance real,
    expires_at integer,
    -- a note's
    name text,
    -- an episode's
    producer text,
    produced_for text,
    role text,
    session text,
    position integer,
    -- a fact's
    category text,
    tag text,
    feature text,
    valid_from integer,
    valid_to integer,
    -- the model whose vectors of this revision are complete
    embedded_by text,
    -- the set of its scope that a fact belongs to
    set_id text
) strict;

create unique index memory_by_name on memory (scope, name) where kind = 'note';
create unique index memory_by_external_id on memory (scope, session, external_id)
where kind = 'episode' and external_id is not null;
create index memory_by_session on memory (scope, session, position) where kind = 'episode';
create index memory_by_conversation on memory (scope, session, occurred_at, position, id)
where kind = 'episode';
create index fact_by_external_id on memory (external_id)
where kind = 'fact' and external_id is not null;
create index fact_by_set on memory (scope, set_id) where kind = 'fact';
create index memory_by_place on memory (
    scope, coalesce(name, ''), occurred_at, coalesce(position, 0), id
);
create index memory_by_time on memory (occurred_at, scope, id);
create index memory_by_embedding on memory (embedded_by, key);

create table revision (
    memory_id text not null,
    revision integer not null,
    seq integer not null,
    codec text not null,
    payload text,
    primary key (memory_id, revision)
) strict, without rowid;

create table link (
    from_id text not null,
    to_id text not null,
    type text not null,
    weight real not null,
    metadata text not null,
    primary key (from_id, to_id, type)
) strict, without rowid;
create index link_by_target on link (to_id);

create table registry (
    type text not null,
    id text not null,
    content text not null,
    updated_at integer not null,
    revision integer not null,
    primary key (type, id)
) strict, without rowid;

create table log (
    seq integer primary key autoincrement,
    at integer not null,
    actor text not null,
    origin text not null,
    verb text not null,
    record_id text not null,
    revision integer not null,
    before_scope text,
    before_name text,
    before_kind text,
    -- lets the vector matrix drop a memory that is gone
    memory_key integer
) strict;
create index log_by_record on log (record_id);

create table job (
    id integer primary key autoincrement,
    queue text not null,
    dedupe_key text not null,
    order_key text not null,
    payload text not null,
    run_after integer not null default 0,
    attempts integer not null default 0,
    token text,
    leased_until integer,
    dead integer not null default 0
) strict;
create unique index job_waiting on job (queue, dedupe_key) where token is null and dead = 0;

create table idempotency (
    key text primary key,
    request text not null,
    response text not null,
    at integer not null
) strict, without rowid;
create index idempotency_by_time on idempotency (at);

-- A passage's vector: float16, little endian, unit length. Rows are never updated, so that
-- a follower sees what is new by the key alone.
create table vector (
    key integer primary key autoincrement,
    memory_key integer not null,
    model text not null,
    ordinal integer not null,
    total integer not null,
    start integer not null,
    "end" integer not null,
    heading text not null,
    embedding blob not null,
    digest blob not null
) strict;
create index vector_by_memory on vector (memory_key, model, ordinal);

-- Rows are numbered by the memory and the length of its text, see words.py.
create virtual table text_index using fts5 (
    text, tokenize = 'porter unicode61 remove_diacritics 2'
);

-- Every occurrence of every word.
create virtual table text_term using fts5vocab (text_index, instance);

-- What recalls gave, and what became of it. These are no records: neither logged nor exported.
create table recall (
    key integer primary key autoincrement,
    id text not null unique,
    at integer not null,
    principal text
) strict;
create index recall_by_time on recall (at);

create table recalled (
    recall_key integer not null,
    rank integer not null,
    memory_id text,
    scope text not null,
    name text,
    distance real not null,
    -- where each arm that found it ranked it
    arms text not null,
    verdict text,
    confidence text,
    application text,
    primary key (recall_key, rank)
) strict, without rowid;
create index recalled_by_memory on recalled (memory_id);

-- How far a copy from another store has come; while there is a row, nobody else may use the file.
create table copying (
    progress text not null
) strict;
