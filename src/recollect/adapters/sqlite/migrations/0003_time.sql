-- What occurred in a period, whatever its words; with the scope, so that other scopes are passed over.
create index memory_by_time on memory (occurred_at, scope, id);
