CREATE VIRTUAL TABLE docs USING fts5(title, body, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO docs VALUES ('one;', 'it''s a text'), ('two', 'another; text');
