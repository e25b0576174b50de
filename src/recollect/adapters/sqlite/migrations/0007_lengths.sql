-- Rows of the text index are numbered by the memory and the length of its text, see words.py.
create temporary table kept as select rowid as key, text from text_index;
drop table text_index;
create virtual table text_index using fts5 (
    text, tokenize = 'porter unicode61 remove_diacritics 2'
);
insert into text_index (rowid, text) select text_row(key, text), text from temp.kept;
drop table temp.kept;

-- Every occurrence of every word.
create virtual table text_term using fts5vocab (text_index, instance);
