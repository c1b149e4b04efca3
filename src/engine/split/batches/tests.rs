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
        ("SELECT 1\nGO -- the first\nSELECT 2", vec!["SELECT 1", "SELECT 2"]),
        ("-- about it\nSELECT 1\nGO", vec!["-- about it\nSELECT 1"]),
        ("\u{feff}GO\nSELECT 1", vec!["SELECT 1"]),
        ("SELECT 1\nGO 2 -- twice\nSELECT 2\nGO--once\n", vec!["SELECT 1", "SELECT 1", "SELECT 2"]),
        ("SELECT 1\nGO /* the end */\nSELECT 2", vec!["SELECT 1", "SELECT 2"]),
        ("SELECT 1\n/* the end */ GO\nSELECT 2", vec!["SELECT 1", "SELECT 2"]),
        (
            "SELECT 1\n/* a\nb */GO/* /* c */ */ 2 /* d */ -- it's\nSELECT 2",
            vec!["SELECT 1", "SELECT 1", "SELECT 2"],
        ),
        ("SELECT 1\nGO /* of\n2 */\nSELECT 2", vec!["SELECT 1", "/* of\n2 */\nSELECT 2"]),
        ("SELECT 1\rGO\rSELECT 2\r", vec!["SELECT 1", "SELECT 2"]),
        (
            "-- a\rSELECT 1 -- b\rgo 2\r\r-- c\rSELECT 2",
            vec!["-- a\rSELECT 1", "-- a\rSELECT 1", "-- c\rSELECT 2"],
        ),
        ("SELECT 1\n\u{a0}GO\u{a0}2\u{a0}\nSELECT 2", vec!["SELECT 1", "SELECT 1", "SELECT 2"]),
        ("SELECT (1\nGO\nSELECT 2\n", vec!["SELECT (1", "SELECT 2"]),
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
        "SELECT 1 /* x */ GO",
        "SELECT '\n' GO",
        "CREATE TABLE t (\n  go int,\n  b int)",
        "SELECT\ngo.a,\ngo, go_live\nFROM goods\ngo@1\ngo#1\nGO[a]",
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
        ("SELECT 1\nGO FASTER", "GO FASTER", 2),
        ("SELECT 1\nGO 0\nSELECT 2", "GO 0", 2),
        ("SELECT 1\nGO 2;\r\nSELECT 2", "GO 2;", 2),
        ("SELECT 1\n/* x */ GO 2 3\r\nSELECT 2", "GO 2 3", 2),
        ("SELECT (1)\nGO -1\n", "GO -1", 2),
        ("SELECT 1\nGO /* never\nends", "GO /* never", 2),
        ("SELECT\ngo; SELECT 2", "go; SELECT 2", 2),
    ] {
        let Split::Client { command: found, line: at, .. } = split(script) else { panic!("{script}") };
        assert_eq!((found.as_str(), at), (command, line));
    }
    assert_eq!(texts("SELECT\n:x"), ["SELECT\n:x"]);
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
    fn comments_beside_go_are_blanks(
        batches in proptest::collection::vec(batch(), 1..5),
        before in "[ \t]{0,2}(/\\*[a-z' ]{0,5}\\*/[ \t]{0,2}){0,2}",
        go in "[gG][oO]",
        after in "[ \t]{0,2}(/\\*( GO |/\\*'\\*/|[a-z])*\\*/[ \t]?){0,2}",
        times in 1..4_usize,
        remark in "(--[a-z '*/]{0,8})?",
    ) {
        for end in ["\n", "\r\n", "\r"] {
            for count in [String::new(), format!(" {times}")] {
                let line = format!("{end}{before}{go}{count}{after}{remark}{end}");
                let script: String = batches.iter().map(|batch| format!("{batch}{line}")).collect();
                let times = if count.is_empty() { 1 } else { times };
                let expected: Vec<_> =
                    batches.iter().flat_map(|batch| std::iter::repeat_n(batch.as_str(), times)).collect();
                prop_assert_eq!(texts(&script), expected);
            }
        }
    }

    #[test]
    fn a_line_that_begins_with_go_ends_a_batch_or_is_refused(
        go in "[ \t]{0,2}(/\\*[a-z ]{0,3}\\*/ ?)?[gG][oO]",
        more in "( [a-z]{1,4}| [0-9]{1,3} ?[;,a-z+.]| ?;| 0{1,3}| 1 1| [-+]1| '1'| \\[1\\]| \"1\"| [1-9][0-9]{5,30})",
        end in "(\n|\r|\r\n)",
    ) {
        let script = format!("SELECT 1{end}{go}{more}{end}SELECT 2");
        let refused = matches!(split(&script), Split::Client { line: 1 | 2, .. });
        prop_assert!(refused, "{:?}", split(&script));
    }

    #[test]
    fn names_that_begin_with_go_are_names(go in "[gG][oO]", more in "([a-zA-Z0-9_$@#ä][a-z]{0,5}|[.,)(=+*\\]\\[])") {
        let script = format!("SELECT 1 AS{}{go}{more}", "\n");
        // a bracket that opens a name needs its end
        let script = if more == "[" { script + "]" } else { script };
        prop_assert_eq!(texts(&script), [&script]);
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
