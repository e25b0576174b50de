-- How far a copy from another store has come; while there is a row, nobody else may use the file.
create table copying (
    progress text not null
) strict;
