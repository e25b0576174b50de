-- Facts are few among many messages.
create index fact_by_set on memory (scope, set_id) where kind = 'fact';
