-- How far a copy of the tenant from another store has come; while it is there, nobody else may use it.
alter table tenant add column copying text;
