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
