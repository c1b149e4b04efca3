//! What ends a batch, and what only looks like it.

use proptest::prelude::*;

use super::*;

fn texts(script: &str) -> Vec<&str> {
    match split(script) {
        Split::Statements(pieces) => pieces.iter().map(|piece| piece.text).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_ends_at_a_line_that_is_go() {
    for (script, batches) in [
        ("SELECT 1", vec!["SELECT 1"]),
        ("SELECT 1\nGO\nSELECT 2", vec!["SELECT 1", "SELECT 2"]),
        ("SELECT 1\r\n  go \r\nSELECT 2\r\ngO\r\n", vec!["SELECT 1", "SELECT 2"]),
        ("SELECT 1;\nSELECT 2;\nGO", vec!["SELECT 1;\nSELECT 2;"]),
        ("GO\nGO\n-- nothing\nGO\nSELECT 1", vec!["SELECT 1"]),
        ("SELECT 1\nGO 3\n", vec!["SELECT 1", "SELECT 1", "SELECT 1"]),
        ("SELECT 1\nGO 0\nSELECT 2", vec!["SELECT 2"]),
        ("SELECT 1\nGO -- the first\nSELECT 2", vec!["SELECT 1", "SELECT 2"]),
        ("-- about it\nSELECT 1\nGO", vec!["-- about it\nSELECT 1"]),
        ("\u{feff}GO\nSELECT 1", vec!["SELECT 1"]),
        ("SELECT 1\nGO 2 -- twice\nSELECT 2\nGO 0--never\n", vec!["SELECT 1", "SELECT 1"]),
        ("\u{feff}SELECT 1\r\nGO 2 -- twice\r\n", vec!["SELECT 1", "SELECT 1"]),
        ("SELECT 1\n\tGO\t2\t\nSELECT 2", vec!["SELECT 1", "SELECT 1", "SELECT 2"]),
        ("SELECT '--'\nGO\n-- it's\nSELECT 2 /* ' */\nGO", vec!["SELECT '--'", "-- it's\nSELECT 2"]),
        (
            "CREATE PROC p AS BEGIN SELECT 1; END\nGO\nEXEC p",
            vec!["CREATE PROC p AS BEGIN SELECT 1; END", "EXEC p"],
        ),
        ("", vec![]),
        ("-- nothing\n/* at all */", vec![]),
    ] {
        assert_eq!(texts(script), batches, "{script:?}");
    }
}

#[test]
fn a_tools_messages_are_batches_too() {
    let script = "-- a\nSELECT 1;\n\nSELECT 2;\nGO\nSELECT 3;\nSELECT 4\n";
    let ends = [script.find("\n\n").unwrap() + 1, script.find("GO").unwrap()];
    let Split::Statements(pieces) = split_at(script, &ends) else { panic!("it is cut") };
    let places: Vec<_> = pieces.iter().map(|piece| (piece.text, piece.line)).collect();
    assert_eq!(places, [("-- a\nSELECT 1;", 2), ("SELECT 2;", 4), ("SELECT 3;\nSELECT 4", 6)]);
}

#[test]
fn what_only_looks_like_go_ends_nothing() {
    for script in [
        "SELECT '\nGO\n'",
        "SELECT 'it''s\nGO\n'",
        "SELECT \"a\nGO\n\"",
        "SELECT [a]]\nGO\n]",
        "/*\nGO\n*/ SELECT 1",
        "/* one /* two */\nGO\n*/ SELECT 1",
        "-- '\nSELECT 1 AS go",
        "SELECT 1 GO",
        "EXEC go_on",
        "GO_ON",
        "SELECT 1\nGO FASTER",
        "SELECT 1\nGOTO here",
        "SELECT 'never ends\nGO\n",
    ] {
        assert_eq!(texts(script), [script], "{script:?}");
    }
}

#[test]
fn a_batch_knows_where_it_was() {
    let script = "SELECT 1\nGO\n\n  -- ä\n  SELECT 2\nGO 2\n";
    let Split::Statements(pieces) = split(script) else { panic!("batches") };
    let places: Vec<_> = pieces.iter().map(|piece| (piece.line, piece.column)).collect();
    assert_eq!(places, [(1, 1), (5, 3), (5, 3)]);
    for piece in pieces {
        assert!(script[piece.offset..].starts_with(piece.text));
    }
}

#[test]
fn commands_to_sqlcmd_are_refused() {
    for (script, command, line) in [
        (":r other.sql\nGO", ":r", 1),
        ("SELECT 1\nGO\n  :setvar name x", ":setvar", 3),
        ("!!dir", "!!dir", 1),
        ("SELECT 1\nGO 1000000\n", "GO 1000000", 2),
        ("SELECT 1\n  go;\nSELECT 2", "go;", 2),
        ("SELECT 1\nGO ; -- the first\n", "GO ; -- the first", 2),
    ] {
        let Split::Client { command: found, line: at, .. } = split(script) else { panic!("{script}") };
        assert_eq!((found.as_str(), at), (command, line));
    }
    assert_eq!(texts("SELECT\n:x"), ["SELECT\n:x"]);
    assert_eq!(texts("SELECT\ngo; SELECT 2"), ["SELECT\ngo; SELECT 2"], "a column's name");
}

fn blank() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just(" "), Just("\t"), Just("\n"), Just("\r\n")], 0..4)
        .prop_map(|blanks| blanks.concat())
}

/// A batch without a line that is `GO` outside of strings and comments.
fn batch() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z]{3,8} ",
        "'([a-z \n]|''|\nGO\n)*' ",
        "\\[([a-z \n]|\\]\\]|\nGO\n)*\\] ",
        "/\\*( [a-z]|\n|\nGO\n)*\\*/ x ",
        "/\\*( [a-z]|/\\*(\nGO\n|')*\\*/|\r\nGO\r\n)*\\*/ x ",
        "\"([a-z \n]|\"\"|\r\nGO 2\r\n)*\" ",
        "--[a-z ']{0,8}\n x ",
        Just("; ".to_owned()),
    ];
    proptest::collection::vec(part, 1..8).prop_map(|parts| format!("x {}x", parts.concat()))
}

proptest! {
    #[test]
    fn batches_that_were_joined_come_back(
        batches in proptest::collection::vec(batch(), 1..6),
        go in "[gG][oO]",
        (before, after) in ("[ \t]{0,3}", blank()),
    ) {
        for end in ["\n", "\r\n"] {
            let script = batches.join(&format!("{end}{before}{go} {end}{after}"));
            prop_assert_eq!(texts(&script), batches.clone());
        }
    }

    #[test]
    fn no_text_is_too_strange(script in "(GO|go 2|'|\"|\\[|\\]|/\\*|\\*/|--|\n|\r| |:r|ä|;|[a-z]){0,40}") {
        if let Split::Statements(pieces) = split(&script) {
            let mut last = 0;
            for piece in pieces {
                prop_assert!(script[piece.offset..].starts_with(piece.text));
                prop_assert!(piece.offset >= last && !piece.text.trim().is_empty());
                last = piece.offset;
            }
        }
    }
}
