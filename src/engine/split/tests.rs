//! What is one statement and what is not, engine by engine, and what holds for any text.

use proptest::prelude::*;

use super::*;
use crate::database::EngineName::{MySql, Postgres, Sqlite};
use crate::database::Position;

fn texts(script: &str, engine: EngineName) -> Vec<&str> {
    match split(script, engine) {
        Split::Statements(pieces) => pieces.iter().map(|piece| piece.text).collect(),
        other => panic!("{other:?}: {script}"),
    }
}

fn count(script: &str, engine: EngineName) -> usize {
    texts(script, engine).len()
}

fn pieces(script: &str, engine: EngineName) -> Vec<Piece<'_>> {
    match split(script, engine) {
        Split::Statements(pieces) => pieces,
        other => panic!("{other:?}: {script}"),
    }
}

#[test]
fn semicolons_in_quotes_and_comments_end_nothing() {
    for engine in [Postgres, MySql, Sqlite] {
        assert_eq!(texts("a ';' b; c \";\" d;", engine), ["a ';' b", "c \";\" d"]);
        assert_eq!(texts("a /* ; */ b; c -- ; '\n d", engine), ["a /* ; */ b", "c -- ; '\n d"]);
        assert_eq!(texts("a 'it''s;'; b", engine), ["a 'it''s;'", "b"]);
        assert_eq!(texts(";; ; /* x */ ; -- y\n;", engine), Vec::<&str>::new());
        assert_eq!(texts("", engine), Vec::<&str>::new());
        assert_eq!(texts("\u{feff}select 1;\u{feff}", engine)[0], "select 1");
    }
}

#[test]
fn backslashes_escape_only_where_the_server_says_so() {
    assert_eq!(texts(r"a '\'; b", Postgres), [r"a '\'", "b"]);
    assert_eq!(texts(r"a e'\';'; b", Postgres), [r"a e'\';'", "b"]);
    assert_eq!(texts("a e'x'\n'\\';'; b", Postgres), ["a e'x'\n'\\';'", "b"]);
    assert_eq!(texts(r"a '\';'; b", MySql), [r"a '\';'", "b"]);
    assert_eq!(texts("a \"\\\";\"; b", MySql), ["a \"\\\";\"", "b"]);
    assert_eq!(texts(r"a '\'; b", Sqlite), [r"a '\'", "b"]);
    assert_eq!(count(r"set standard_conforming_strings = off; a '\';'; b", Postgres), 3);
    assert_eq!(count(r"set standard_conforming_strings = on; a '\'; b", Postgres), 3);
    assert_eq!(count(r"SET sql_mode='NO_BACKSLASH_ESCAPES'; a '\'; b", MySql), 3);
    assert_eq!(count("SET sql_mode=CONCAT(@@sql_mode,',ANSI_QUOTES'); a \"\\\"; b", MySql), 3);
    assert_eq!(count("/*!40101 SET sql_mode='NO_BACKSLASH_ESCAPES' */; a '\\'; b", MySql), 3);
}

#[test]
fn comments_nest_only_in_postgres() {
    assert_eq!(count("a /* x /* y */ ; z */ b; c", Postgres), 2);
    assert_eq!(count("a /* x /* y */ ; z b; c", MySql), 3);
    assert_eq!(count("a /* x /* y */ ; z b; c", Sqlite), 3);
    assert_eq!(count("select 1 # ; no\n; b", MySql), 2);
    assert_eq!(count("select 5--1; b", MySql), 2);
    assert_eq!(count("select 1 #> 2; b", Postgres), 2);
    assert_eq!(count("a; /* to the end ;", Sqlite), 1);
}

#[test]
fn names_may_hold_anything() {
    assert_eq!(count("a `x;``y` b; c", MySql), 2);
    assert_eq!(count("a \"x;\"\"y\" b; c", Postgres), 2);
    assert_eq!(count("a [x;'y] b; c `;`", Sqlite), 2);
    assert_eq!(count("select a[1]; select ']'; c", Postgres), 3);
}

#[test]
fn dollar_quotes_have_tags() {
    assert_eq!(count("do $$ begin; end $$; b", Postgres), 2);
    assert_eq!(count("do $x$ ; $$ ; $y$ ; $x$; b", Postgres), 2);
    assert_eq!(count("select $1; select a$b$; select c$b$", Postgres), 3);
    assert_eq!(count("select $été$ ; $été$; b", Postgres), 2);
}

#[test]
fn parentheses_hold_a_rule_together() {
    assert_eq!(
        count(
            "create rule r as on insert to t do also (insert into a values (1); delete from b); c",
            Postgres
        ),
        2
    );
    assert_eq!(count("a (; b", MySql), 2);
}

#[test]
fn sql_bodies_of_postgres_end_with_their_end() {
    let body = "create or replace function f(a int) returns int begin atomic select case when a > 0 then 1 else 2 end; \
                select 2 as end; end; select 1";
    assert_eq!(count(body, Postgres), 2);
    assert_eq!(count("begin; create table t(a int); end; select 1", Postgres), 4);
    assert_eq!(count("create procedure p() language sql as $$ select 1; $$; b", Postgres), 2);
    assert_eq!(count("create function f() returns int begin atomic; return 1; end; b", Postgres), 2);
}

#[test]
fn triggers_of_sqlite_end_with_their_end() {
    let trigger =
        "CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM y; END";
    assert_eq!(texts(&format!("{trigger}; SELECT 1"), Sqlite), [trigger, "SELECT 1"]);
    assert_eq!(texts(trigger, Sqlite), [trigger]);
    assert_eq!(count("create table trigger_log(a); begin; end; c", Sqlite), 4);
    assert!(matches!(split("create trigger t begin select 1; select 2;", Sqlite), Split::Whole { .. }));
}

#[test]
fn compound_bodies_of_mysql_end_with_their_end() {
    let one = [
        "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; ELSEIF b THEN SELECT 2; ELSE SELECT 3; END IF; END",
        "CREATE DEFINER=`a`@`%` PROCEDURE IF NOT EXISTS p(IN x ENUM('a','b')) READS SQL DATA COMMENT 'x;' l: BEGIN LEAVE l; END l",
        "CREATE FUNCTION f(a INT) RETURNS SET('a','b') DETERMINISTIC BEGIN RETURN IF(a, 1, 2); END",
        "CREATE FUNCTION f(a INT) RETURNS INT RETURN CASE a WHEN 1 THEN 2 END",
        "CREATE FUNCTION f() RETURNS INT CASE 1 WHEN 1 THEN RETURN 2; ELSE BEGIN END; END CASE",
        "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW FOLLOWS begin SET NEW.a = 1",
        "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF NEW.a THEN SET NEW.b = CASE 1 WHEN 1 THEN 2 END; END IF",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY COMMENT 'do' DO BEGIN DELETE FROM t; DELETE FROM u; END",
        "ALTER EVENT e DO BEGIN SELECT 1; END",
        "CREATE PROCEDURE p() BEGIN DECLARE done INT DEFAULT 0; DECLARE c CURSOR FOR SELECT 1; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; DECLARE EXIT HANDLER FOR SQLSTATE '23000', 1062 BEGIN ROLLBACK; END; OPEN c; r: REPEAT FETCH c INTO x; UNTIL done = CASE 1 WHEN 1 THEN 1 END END REPEAT r; CLOSE c; END",
        "CREATE PROCEDURE p() BEGIN WHILE a > (SELECT CASE 1 WHEN 1 THEN 2 END) DO SET a = a - 1; END WHILE; LOOP SELECT begin, end FROM t; END LOOP; CASE a WHEN 1 THEN SELECT 1; WHEN 2 THEN CASE WHEN b THEN SELECT 2; END CASE; END CASE; END",
        "CREATE PROCEDURE p() BEGIN IF CASE a WHEN 1 THEN TRUE END THEN SELECT 1; END IF; SELECT IF(a, b, c); SELECT REPEAT('a', 3); END",
        "BEGIN NOT ATOMIC DECLARE x INT; IF x THEN SELECT 1; END IF; END",
        "l: BEGIN NOT ATOMIC SELECT 1; END",
        "FOR i IN 1..3 DO INSERT INTO t VALUES (i); END FOR",
        "IF 1 THEN SELECT 1; ELSE SELECT 2; END IF",
        "CREATE FUNCTION f RETURNS STRING SONAME 'x.so'",
        "CREATE ALGORITHM=MERGE DEFINER=a@b SQL SECURITY DEFINER VIEW v AS SELECT CASE 1 WHEN 1 THEN 2 END AS begin",
        "/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`l`*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END */",
        "/*M!100100 SELECT ';' ; SELECT 2 */",
    ];
    for statement in one {
        assert_eq!(texts(&format!("{statement}; SELECT 99"), MySql), [statement, "SELECT 99"]);
        assert_eq!(texts(&format!("DELIMITER //\n{statement} //\nDELIMITER ;\nx;"), MySql), [statement, "x"]);
    }
    assert_eq!(count("BEGIN; INSERT INTO t VALUES (1); COMMIT; BEGIN WORK; SELECT 1", MySql), 5);
}

#[test]
fn delimiters_are_the_clients_and_not_sent() {
    let script =
        "delimiter $$\nCREATE PROCEDURE p() BEGIN SELECT 'a$$b'; END$$\nSELECT 1$$ DELIMITER ;\nSELECT 2;";
    assert_eq!(
        texts(script, MySql),
        ["CREATE PROCEDURE p() BEGIN SELECT 'a$$b'; END", "SELECT 1", "SELECT 2"]
    );
    assert_eq!(texts("DELIMITER ;;\na; b;;\nc ;;\nDELIMITER ;\nd;", MySql), ["a; b", "c", "d"]);
    assert_eq!(texts("a\nDELIMITER //\nb//\n", MySql), ["a", "b"]);
    assert_eq!(
        texts("create table t (\n delimiter int); b", MySql),
        ["create table t (\n delimiter int)", "b"]
    );
    assert_eq!(texts("DELIMITER go\ncategory 1; go\nb go", MySql), ["category 1;", "b"]);
    assert_eq!(texts("select 1\\G\nselect \\N; b\\g", MySql), ["select 1", "select \\N", "b"]);
    assert_eq!(texts("delimiter //\n'open;", MySql), ["'open;"]);
    assert_eq!(texts("DELIMITER //\r\na;//\r\nDELIMITER ;\r\nb;\r\n", MySql), ["a;", "b"]);
}

#[test]
fn what_does_not_end_is_sent_whole() {
    for (script, engine, why) in [
        ("a;\n'b", Postgres, "a quoted text that begins on line 2 does not end"),
        ("a $x$ b; $y$", Postgres, "a quoted text that begins on line 1 does not end"),
        ("/* /* */ a;", Postgres, "a comment that begins on line 1 does not end"),
        ("a `b;", MySql, "a quoted text that begins on line 1 does not end"),
        ("\n\nCREATE PROCEDURE p() BEGIN SELECT 1;", MySql, "a body that begins on line 3 does not end"),
        (
            "SET sql_mode=ORACLE; CREATE PROCEDURE p AS BEGIN a; END;",
            MySql,
            "sql_mode=ORACLE has another grammar of routines",
        ),
    ] {
        assert_eq!(split(script, engine), Split::Whole { reason: why.to_owned() }, "{script}");
    }
}

#[test]
fn what_talks_to_a_client_is_named_without_its_arguments() {
    for (script, engine, word, at) in [
        ("\\connect postgres://u:secret@h/d\nselect 1;", Postgres, "\\connect", (1, 1)),
        ("--\n\\restrict abc\n", Postgres, "\\restrict", (2, 1)),
        ("select 1;\n  .read other.sql\n", Sqlite, ".read", (2, 3)),
        ("source other.sql;", MySql, "source", (1, 1)),
        ("a; \\. other.sql", MySql, "\\.", (1, 4)),
    ] {
        let (line, column) = at;
        assert_eq!(split(script, engine), Split::Client { command: word.to_owned(), line, column });
    }
    assert_eq!(count("/*!999999\\- enable the sandbox mode */\na;", MySql), 1);
    assert_eq!(count("/*M!999999\\- enable the sandbox mode */\na;", MySql), 1);
}

#[test]
fn a_statement_is_placed_at_its_first_word() {
    let script = "-- é\n/* b */ select 1;\r\n\n  é2;/* c */ x";
    let seen: Vec<_> = pieces(script, Sqlite).iter().map(|p| (p.text, p.line, p.column)).collect();
    assert_eq!(seen, [("-- é\n/* b */ select 1", 2, 9), ("é2", 4, 3), ("/* c */ x", 4, 14)]);
    for piece in pieces(script, Sqlite) {
        assert!(script[piece.offset..].starts_with(piece.text));
    }
}

#[test]
fn places_are_counted_as_servers_and_people_do() {
    let text = "é\nab";
    assert_eq!(locate(text, 0), (1, 1));
    assert_eq!(locate(text, 2), (1, 2));
    assert_eq!(locate(text, 4), (2, 2));
    assert_eq!(locate(text, 1), (1, 1), "in the middle of a character");
    assert_eq!(locate(text, 99), (2, 3));
    assert_eq!(locate("\u{feff}a", 3), (1, 1));
    assert_eq!(byte_offset(text, Position::Character(1)), 2);
    assert_eq!(byte_offset(text, Position::Character(99)), text.len());
    assert_eq!(byte_offset(text, Position::Byte(1)), 0);
    assert_eq!(byte_offset(text, Position::Line(2)), 3);
    assert_eq!(byte_offset(text, Position::Line(0)), 0);
    assert_eq!(byte_offset(text, Position::Line(9)), text.len());
}

#[test]
fn own_transactions_are_found() {
    let found = |script, engine| {
        transaction_control(&pieces(script, engine), engine).map(|piece| piece.text.to_owned())
    };
    for script in [
        "COMMIT",
        "x; /* c */ commit work",
        "ROLLBACK",
        "rollback and chain",
        "BEGIN",
        "START TRANSACTION",
        "END",
        "abort",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "begin isolation level serializable",
    ] {
        assert!(found(script, Postgres).is_some(), "{script}");
    }
    for script in [
        "SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a",
        "PREPARE p AS SELECT 1",
        "do $$ begin commit; end $$",
        "select 'commit'",
        "-- commit\nselect 1",
        "set autocommit to off",
    ] {
        assert_eq!(found(script, Postgres), None);
    }
    for script in [
        "SET autocommit=0",
        "set @@autocommit = 1",
        "SET @a = 1, SESSION autocommit = 0",
        "XA START 'x'",
        "/*!40000 COMMIT */",
        "BEGIN WORK",
    ] {
        assert!(found(script, MySql).is_some(), "{script}");
    }
    assert_eq!(found("BEGIN NOT ATOMIC COMMIT; END; SET @autocommit = 1; SET x = 'autocommit'", MySql), None);
    assert!(found("create trigger t insert on x begin select 1; end; end transaction", Sqlite).is_some());
    assert_eq!(found("create trigger t insert on x begin select 1; end; abort", Sqlite), None);
}

#[test]
fn data_of_a_copy_is_no_sql() {
    let script = "COPY public.t (a, \"from\") FROM stdin;\n1\tit's; $$\n\\.\n\nselect 1;";
    let pieces = pieces(script, Postgres);
    assert_eq!(pieces.len(), 2);
    assert_eq!(pieces[1].text, "select 1");
    assert_eq!(copies_from_stdin(&pieces).unwrap().line, 1);
    for script in
        ["copy t from '/tmp/stdin'", "copy (select a from stdin) to stdout", "select copy from stdin"]
    {
        assert_eq!(copies_from_stdin(&self::pieces(script, Postgres)), None, "{script}");
    }
    assert_eq!(count("copy t from stdin;\n'no end", Postgres), 1);
}

#[test]
fn concurrent_work_on_indexes_is_named() {
    let of = |script: &str| concurrent_index(&pieces(script, Postgres)[0]);
    let index = |name: &str| Some(Concurrent::Index(name.to_owned()));
    let table = |name: &str| Some(Concurrent::OfTable(name.to_owned()));
    assert_eq!(of("create index concurrently a on t (x)"), index("a"));
    assert_eq!(
        of("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"A;b\" ON ONLY \"S\".t (x)"),
        index("\"S\".\"A;b\"")
    );
    assert_eq!(of("create index concurrently on s.t using gin (x)"), table("s.t"));
    assert_eq!(of("create index /* concurrently */ a on t (x)"), None);
    assert_eq!(of("drop index concurrently a"), None);
    assert_eq!(of("reindex index concurrently s.\"I\""), index("s.\"I\""));
    assert_eq!(of("reindex (verbose, concurrently) table t"), table("t"));
    assert_eq!(of("reindex (concurrently false) table t"), None);
    assert_eq!(of("reindex (concurrently) table concurrently t"), table("t"));
    assert_eq!(of("reindex schema concurrently s"), Some(Concurrent::Many));
    assert_eq!(of("reindex table t"), None);
    assert_eq!(of("select 1"), None);
}

#[test]
fn a_large_file_takes_linear_time() {
    let line = "INSERT INTO t VALUES (1, 'some text; with ''quotes''', /* c */ 2.5); ";
    let script = line.repeat(8 << 20 >> 6);
    for engine in [Postgres, MySql, Sqlite] {
        let begun = std::time::Instant::now();
        assert_eq!(count(&script, engine), 8 << 20 >> 6);
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }
}

fn engines() -> impl Strategy<Value = EngineName> {
    prop::sample::select(vec![Postgres, MySql, Sqlite])
}

/// Scraps that mean something to a splitter, in any order.
fn scraps() -> impl Strategy<Value = String> {
    let scraps = [
        "'",
        "\"",
        "`",
        "[",
        "]",
        "$$",
        "$x$",
        "--",
        "--\n",
        "#",
        "/*",
        "*/",
        "/*!50003 ",
        ";",
        "\n",
        " ",
        "\\",
        "E'",
        "(",
        ")",
        ":",
        "begin",
        "end",
        "case",
        "if",
        "then",
        "create",
        "trigger",
        "procedure p()",
        "function",
        "event",
        "do",
        "for each row",
        "declare exit handler for",
        "delimiter //\n",
        "//",
        "copy t from stdin;",
        "é",
        "loop",
        "repeat",
        "until",
        "while",
        "atomic",
        "not",
        "set sql_mode=ansi;",
        "\u{feff}",
        ".",
    ];
    prop::collection::vec(prop::sample::select(scraps.to_vec()), 0..40).prop_map(|scraps| {
        scraps.iter().fold(String::new(), |text, scrap| {
            let glued = scrap.len() % 2 == 0;
            text + scrap + if glued { "" } else { " " }
        })
    })
}

/// Whole statements, each of which is one in SQLite.
fn statements() -> impl Strategy<Value = Vec<String>> {
    let statement = prop::sample::select(vec![
        "select 1",
        "insert into t values ('a;''b', \"c;\", `d;`, [e;])",
        "-- first ;\nselect 2",
        "/* ; */ delete from t",
        "create trigger a after insert on t begin select 1; update t set a = case b when 1 then 2 end; end",
        "create temp trigger if not exists b before delete on t when old.a begin select 'end;'; end",
        "end",
        "begin",
        "create table [trigger;] (a, b)",
        "explain query plan create temporary trigger c insert on t begin select 1; end",
    ]);
    prop::collection::vec(statement.prop_map(str::to_owned), 0..12)
}

proptest! {
    #[test]
    fn any_text_splits_into_pieces_in_order(script in prop_oneof![scraps(), any::<String>()], engine in engines()) {
        if let Split::Statements(pieces) = split(&script, engine) {
            let mut end = 0;
            for piece in &pieces {
                prop_assert!(piece.offset >= end);
                prop_assert!(!piece.text.trim().is_empty());
                prop_assert!(script[piece.offset..].starts_with(piece.text));
                end = piece.offset + piece.text.len();
                let _ = (concurrent_index(piece), transaction_control(&pieces, engine), copies_from_stdin(&pieces));
            }
        }
    }

    #[test]
    fn nothing_is_lost_but_comments_and_delimiters(script in scraps(), engine in engines()) {
        if let Split::Statements(pieces) = split(&script, engine)
            && !script.contains("delimiter") && !script.contains("copy") && !script.contains('\\')
        {
            let mut rest = script.clone();
            for piece in pieces.iter().rev() {
                rest.replace_range(piece.offset..piece.offset + piece.text.len(), " ");
            }
            // what lies between the pieces holds no statement of its own
            let mut lexer = Lexer::new(&rest, engine);
            while let Some(token) = lexer.next() {
                let text = &rest[token.start..token.end];
                let idle = matches!(token.kind, Kind::Space | Kind::Comment | Kind::Open | Kind::Close);
                prop_assert!(idle || text == ";" || text == "\u{feff}", "{:?} in {:?}", text, script);
            }
        }
    }

    #[test]
    fn statements_of_sqlite_are_counted_as_sqlite_does(statements in statements(), blank in "[ \n]{0,2}(-- ;\n)?") {
        let script: String = statements.iter().map(|text| format!("{text}{blank};{blank}")).collect();
        prop_assert_eq!(count(&script, Sqlite), statements.len());
        prop_assert_eq!(complete(&script), statements.len());
    }

    #[test]
    fn places_agree_with_counting_anew(script in "[a é\n]{0,40}", offsets in prop::collection::vec(0usize..60, 0..6)) {
        let mut counter = place::Counter::new(&script);
        for offset in offsets {
            prop_assert_eq!(counter.at(offset), locate(&script, offset));
        }
    }
}

/// How often SQLite's own rule, asked after each `;`, says that a statement is complete: its states, written anew from
/// the table in the comment of `complete.c`, over words found by brute force.
fn complete(script: &str) -> usize {
    let mut text = String::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '\'' | '"' | '`' => rest[1..].find(c).map_or(rest.len(), |at| at + 2),
            '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            _ => 0,
        };
        text.push_str(match (skip, c) {
            (0, ';') => " ; ",
            (0, _) => &rest[..c.len_utf8()],
            (_, '-' | '/') => " ",
            _ => " quoted ",
        });
        rest = &rest[skip.max(if skip == 0 { c.len_utf8() } else { 0 })..];
    }
    // 0 start, 1 normal, 2 explain, 3 create, 4 trigger, 5 `;` in a trigger, 6 `END` after it
    let (mut state, mut found) = (0, 0);
    for word in text.split_whitespace() {
        state = match (state, word) {
            (0..=3 | 6, ";") => {
                found += usize::from(state != 0);
                0
            }
            (0, "explain") => 2,
            (0 | 2, "create") => 3,
            (2, "query" | "plan") => 2,
            (3, "temp" | "temporary") => 3,
            (3, "trigger") => 4,
            (4 | 5, ";") => 5,
            (5, "end") => 6,
            (4..=6, _) => 4,
            _ => 1,
        };
    }
    found
}

#[test]
fn what_sql_server_runs_in_no_transaction_is_known() {
    let refuses = |text: &str| {
        let Split::Statements(pieces) = split(text, EngineName::SqlServer) else { panic!("{text}") };
        refuses_transactions(&pieces[0], EngineName::SqlServer)
    };
    for text in [
        "-- why\nALTER DATABASE CURRENT SET RECOVERY SIMPLE",
        "create fulltext index on t (a) key index i",
        "BACKUP LOG a",
    ] {
        assert!(refuses(text), "{text}");
    }
    for text in ["CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "CREATE INDEX [database] ON t (a)"] {
        assert!(!refuses(text), "{text}");
    }
}
