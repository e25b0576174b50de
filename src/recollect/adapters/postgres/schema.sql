-- The whole schema as it stands now. Migrations lead here; a test compares the two.
-- Text compares by code point, hence `collate "C"`. A key made by md5 stands for texts that may be
-- longer than an index takes.

create extension if not exists vector;

create text search dictionary recollect_english (template = snowball, language = english);

-- One row per tenant. Whoever writes holds it until the commit, so that the log is numbered in the
-- order of commits.
create table tenant (
    name text collate "C" primary key check (name <> ''),
    -- the number of the log's last line
    seq bigint not null default 0,
    -- what BM25 asks of all memories: how many, and how many words they hold together
    texts bigint not null default 0,
    words bigint not null default 0,
    -- how far a copy of it from another store has come; while it is there, nobody else may use it
    copying text
);

create sequence memory_key;

create table memory (
    tenant text collate "C" not null,
    key bigint not null,
    id text collate "C" not null,
    scope text collate "C" not null,
    kind text collate "C" not null check (kind in ('note', 'episode', 'fact')),
    content text collate "C" not null,
    tags text[] collate "C" not null,
    -- not jsonb, which makes of 1e300 an integer
    metadata json not null,
    source text collate "C",
    external_id text collate "C",
    occurred_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    revision bigint not null,
    importance double precision,
    expires_at timestamptz,
    -- a note's
    name text collate "C",
    -- an episode's
    producer text collate "C",
    produced_for text collate "C",
    role text collate "C",
    session text collate "C",
    position bigint,
    -- a fact's
    category text collate "C",
    tag text collate "C",
    feature text collate "C",
    set_id text collate "C",
    valid_from timestamptz,
    valid_to timestamptz,
    -- the model whose vectors of this revision are complete
    embedded_by text collate "C",
    session_key text collate "C" generated always as (md5(scope || E'\x1f' || session)) stored,
    external_key text collate "C" generated always as (md5(external_id)) stored,
    primary key (tenant, key)
);

create unique index memory_by_id on memory (tenant, id);
create unique index memory_by_name on memory (tenant, scope, name) where kind = 'note';
create unique index memory_by_external_id on memory (tenant, session_key, external_key)
where kind = 'episode';
create index fact_by_external_id on memory (tenant, external_key) where kind = 'fact';
create index memory_by_session on memory (tenant, session_key, position) where kind = 'episode';
create index memory_by_conversation on memory (tenant, session_key, occurred_at, position, id)
where kind = 'episode';
create index memory_by_place on memory (
    tenant, scope, coalesce(name, ''), occurred_at, coalesce(position, 0), id
);
create index memory_by_time on memory (tenant, occurred_at, id);
create index memory_by_embedding on memory (tenant, embedded_by, key);

create table revision (
    tenant text collate "C" not null,
    memory_id text collate "C" not null,
    revision bigint not null,
    seq bigint not null,
    codec text not null,
    payload text,
    primary key (tenant, memory_id, revision)
);

create table link (
    tenant text collate "C" not null,
    from_id text collate "C" not null,
    to_id text collate "C" not null,
    type text collate "C" not null,
    weight double precision not null,
    metadata json not null,
    type_key text collate "C" generated always as (md5(type)) stored,
    primary key (tenant, from_id, to_id, type_key)
);
create index link_by_target on link (tenant, to_id);

create table registry (
    tenant text collate "C" not null,
    type text collate "C" not null,
    id text collate "C" not null,
    content json not null,
    updated_at timestamptz not null,
    revision bigint not null,
    type_key text collate "C" generated always as (md5(type)) stored,
    id_key text collate "C" generated always as (md5(id)) stored,
    primary key (tenant, type_key, id_key)
);

create table log (
    tenant text collate "C" not null,
    seq bigint not null,
    at timestamptz not null,
    actor text not null,
    origin text not null,
    verb text not null,
    record_id text collate "C" not null,
    revision bigint not null,
    before_scope text collate "C",
    before_name text collate "C",
    before_kind text,
    primary key (tenant, seq)
);
create index log_by_name on log (tenant, record_id) where before_name is not null;
create index log_of_forgotten on log (tenant, before_scope) where verb = 'forget';

create table job (
    tenant text collate "C" not null,
    id bigint generated always as identity,
    queue text collate "C" not null,
    dedupe_key text collate "C" not null,
    order_key text collate "C" not null,
    payload json not null,
    run_after timestamptz not null,
    attempts integer not null default 0,
    token text,
    leased_until timestamptz,
    dead boolean not null default false,
    primary key (tenant, id)
);
create unique index job_waiting on job (tenant, md5(queue), md5(dedupe_key))
where token is null and not dead;

create table idempotency (
    tenant text collate "C" not null,
    key text collate "C" not null,
    request text not null,
    response text not null,
    at timestamptz not null,
    primary key (tenant, key)
);
create index idempotency_by_time on idempotency (tenant, at);

-- A passage's vector: of unit length, of any number of dimensions.
create table passage (
    tenant text collate "C" not null,
    memory_key bigint not null,
    ordinal integer not null,
    total integer not null,
    model text collate "C" not null,
    dimensions integer not null,
    start integer not null,
    "end" integer not null,
    heading text not null,
    embedding halfvec not null,
    digest bytea not null,
    primary key (tenant, memory_key, ordinal)
);
-- In the row, not beside it: an exact search reads all of them.
alter table passage alter column embedding set storage main;
create index passage_by_model on passage (tenant, model);

-- In how many memories a term stands, and which they are. A full-text index would serve no query
-- under row-level security: its operators are not leakproof.
create table term (
    tenant text collate "C" not null,
    term text collate "C" not null,
    memories bigint not null,
    primary key (tenant, term)
) with (fillfactor = 80);

create table posting (
    memory_key bigint not null,
    -- how often the term stands in the memory, and how many words that has
    occurrences integer not null,
    words integer not null,
    tenant text collate "C" not null,
    term text collate "C" not null,
    primary key (tenant, term, memory_key) include (occurrences, words)
);

-- What recalls gave, and what became of it. These are no records: neither logged nor exported.
create table recall (
    tenant text collate "C" not null,
    key bigint generated always as identity,
    id text collate "C" not null,
    at timestamptz not null,
    principal text,
    primary key (tenant, key)
);
create unique index recall_by_id on recall (tenant, id);
create index recall_by_time on recall (tenant, at);

create table recalled (
    tenant text collate "C" not null,
    recall_key bigint not null,
    rank integer not null,
    memory_id text collate "C",
    scope text collate "C" not null,
    name text collate "C",
    distance double precision not null,
    -- where each arm that found it ranked it
    arms json not null,
    verdict text,
    confidence text,
    application text,
    primary key (tenant, recall_key, rank)
);
create index recalled_by_memory on recalled (tenant, memory_id);

-- Nobody sees a row of a tenant that the transaction does not name, not even the tables' owner.
do $$
declare
    name text;
begin
    foreach name in array array[
        'memory', 'revision', 'link', 'registry', 'log', 'job', 'idempotency', 'passage', 'term',
        'posting', 'recall', 'recalled'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy one_tenant on %I using (tenant = current_setting(%L, true))',
            name, 'recollect.tenant'
        );
    end loop;
end $$;

alter table tenant enable row level security;
alter table tenant force row level security;
create policy one_tenant on tenant using (name = current_setting('recollect.tenant', true));
-- Who looks after every tenant asks for the list by name.
create policy listing on tenant for select using (
    current_setting('recollect.tenant', true) = '*'
);
