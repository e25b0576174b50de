-- The set of its scope that a fact belongs to.
alter table memory add column set_id text;
update memory set set_id = '' where kind = 'fact';
-- A session's newest messages, and the neighbours of one.
create index memory_by_conversation on memory (scope, session, occurred_at, position, id)
where kind = 'episode';
create index fact_by_external_id on memory (external_id)
where kind = 'fact' and external_id is not null;
