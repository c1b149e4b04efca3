//! The judgement as a table, and what holds for every bundle and history.

use proptest::prelude::*;

use super::*;

const STRICT: Rules =
    Rules { out_of_order: false, changed: false, missing: false, sequence: Sequence::Numbers };
const SQLX: Rules = Rules { out_of_order: true, changed: false, missing: false, sequence: Sequence::Numbers };
const LOOSE: Rules = Rules::LENIENT;

fn bundle(versions: &[&str]) -> Bundle {
    let migrations = versions.iter().map(|version| Migration {
        version: Version::from(*version),
        name: format!("{version}_x.sql"),
        description: "x".to_owned(),
        path: format!("m/{version}_x.sql").into(),
        sql: "select 1".into(),
        checksum: version.as_bytes().to_vec(),
        transactional: true,
        follows: Vec::new(),
    });
    Bundle { format: "sqlx", folder: "m".into(), migrations: migrations.collect(), unread: Vec::new() }
}

/// `3` = applied whole, `3!` = half, `3~` = from a file with other contents, `3?` = without a checksum.
fn history(rows: &[&str]) -> Vec<Applied> {
    let row = |text: &&str| {
        let version = text.trim_end_matches(['!', '~', '?']);
        Applied {
            version: Version::from(version),
            description: format!("d{version}"),
            checksum: match text.chars().last() {
                Some('~') => Some(b"other".to_vec()),
                Some('?') => None,
                _ => Some(version.as_bytes().to_vec()),
            },
            success: !text.ends_with('!'),
        }
    };
    rows.iter().map(row).collect()
}

fn say(judgement: &Judgement) -> String {
    let texts = judgement.refusals.iter().map(ToString::to_string);
    texts.collect::<Vec<_>>().join("; ")
}

#[test]
fn what_is_pending_refused_and_ahead() {
    struct Case<'a>(&'a [&'a str], &'a [&'a str], Rules, &'a [usize], &'a str, &'a [&'a str]);
    let dirty = "migration 2 (2_x.sql) is half applied";
    let cases = [
        // bundle, history, rules, pending, refusals, ahead
        Case(&["1", "2"], &[], STRICT, &[0, 1], "", &[]),
        Case(&["1", "2"], &["1"], STRICT, &[1], "", &[]),
        Case(&["1", "2"], &["2", "1"], STRICT, &[], "", &[]),
        Case(&["1", "2"], &["1?", "2"], STRICT, &[], "", &[]),
        Case(&["1", "2"], &["1", "2", "3"], STRICT, &[], "", &["3"]),
        Case(&["1", "2"], &["1", "2!"], LOOSE, &[1], dirty, &[]),
        // names that begin with numbers
        Case(
            &["9_a", "10_b"],
            &["10_b"],
            STRICT,
            &[0],
            "9_a_x.sql is older than 10_b, which is applied already",
            &[],
        ),
        Case(
            &["9_a", "11_c"],
            &["9_a", "10_b", "11_c", "100_d"],
            STRICT,
            &[],
            "migration 10_b (d10_b) was applied, but its file is not there",
            &["100_d"],
        ),
        Case(&["1", "2"], &["1~", "2"], SQLX, &[], "1_x.sql was changed after it was applied", &[]),
        Case(&["1", "2"], &["1~", "2"], LOOSE, &[], "", &[]),
        Case(
            &["1", "3"],
            &["1", "2"],
            SQLX,
            &[1],
            "migration 2 (d2) was applied, but its file is not there",
            &[],
        ),
        Case(&["1", "3"], &["1", "2"], LOOSE, &[1], "", &[]),
        Case(&["1", "3"], &["1", "2!"], LOOSE, &[1], "migration 2 (d2) is half applied", &[]),
        Case(&["1"], &["1", "2!"], LOOSE, &[], "migration 2 (d2) is half applied", &["2"]),
        Case(&["1", "2"], &["2"], STRICT, &[0], "1_x.sql is older than 2, which is applied already", &[]),
        Case(&["1", "2"], &["2"], SQLX, &[0], "", &[]),
        Case(&["1", "2"], &["2!"], STRICT, &[0, 1], dirty, &[]),
        Case(&["2", "10"], &["2"], STRICT, &[1], "", &[]),
        Case(&["001", "2"], &["1", "2"], LOOSE, &[], "", &[]),
        Case(&[], &["1", "2"], STRICT, &[], "", &["1", "2"]),
        Case(
            &["1", "2"],
            &["3", "9"],
            STRICT,
            &[0, 1],
            "1_x.sql is older than 9, which is applied already; 2_x.sql is older than 9, which is applied already",
            &["3", "9"],
        ),
    ];
    for Case(files, rows, rules, pending, refusals, ahead) in cases {
        let judgement = judge(&bundle(files), &history(rows), rules);
        let case = format!("{files:?} against {rows:?}");
        assert_eq!(judgement.pending, pending, "{case}");
        assert_eq!(say(&judgement), refusals, "{case}");
        assert_eq!(judgement.ahead.iter().map(Version::as_str).collect::<Vec<_>>(), ahead, "{case}");
    }
}

#[test]
fn an_empty_bundle_knows_nothing() {
    let nothing = bundle(&[]);
    assert_eq!(judge(&nothing, &[], STRICT).pending(&nothing), Pending::Unknown);
    assert_eq!(judge(&nothing, &history(&["1"]), STRICT).pending(&nothing), Pending::Unknown);
    let one = bundle(&["1"]);
    assert_eq!(judge(&one, &history(&["1"]), STRICT).pending(&one), Pending::None);
    assert_eq!(judge(&one, &history(&["1!"]), STRICT).pending(&one), Pending::Some(vec!["1".into()]));
}

#[test]
fn what_is_let_pass_is_named() {
    let lenient = Rules { changed: true, missing: true, ..SQLX };
    let judgement = judge(&bundle(&["1", "3", "10"]), &history(&["1~", "2"]), lenient);
    assert!(judgement.refusals.is_empty());
    let notices = judgement.notices();
    assert_eq!(
        notices,
        ["1 applied migration has no file here: 2", "1 file was changed after being applied: 1_x.sql"]
    );
    let many: Vec<String> = (2..30).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let notices = judge(&bundle(&["1", "40"]), &history(&many), lenient).notices();
    assert!(notices[0].starts_with("28 applied") && notices[0].ends_with("11 and 18 more"), "{notices:?}");
    assert!(judge(&bundle(&["1"]), &history(&["1", "2"]), lenient).accepted.is_empty());
}

#[test]
fn what_its_own_tool_applies_is_never_refused_by_us_and_always_named() {
    let strict = Rules { changed: false, missing: false, out_of_order: false, ..SQLX };
    let mut judgement = judge(&bundle(&["1", "3", "4", "10"]), &history(&["1~", "2", "4!", "10"]), strict);
    assert_eq!(judgement.refusals.len(), 4);
    assert!(judgement.notices().is_empty() && judgement.passed_over().is_some());
    judgement.leave_to_tool();
    assert!(judgement.refusals.is_empty() && judgement.passed_over().is_none());
    assert_eq!(
        judgement.notices(),
        [
            "1 applied migration has no file here: 2",
            "1 file was changed after being applied: 1_x.sql",
            "1 pending file is older than what is applied: 3_x.sql",
            "migration 4 (4_x.sql) is half applied",
        ]
    );
    let mut blind = Judgement::unknown(&bundle(&["1"]), "no table".to_owned(), strict);
    blind.unknown_because("another schema".into());
    assert_eq!(say(&blind), "what is applied cannot be told: another schema");
    blind.leave_to_tool();
    assert!(blind.refusals.is_empty() && blind.notices().is_empty());
    assert_eq!(blind.unknown.as_deref(), Some("another schema"));
}

#[test]
fn a_late_file_that_others_stand_for_is_not_late() {
    let strict = Rules { out_of_order: false, ..SQLX };
    let files = bundle(&["1", "2", "3"]);
    let mut judgement = judge(&files, &history(&["3"]), strict);
    judgement.leave_out(&files, &["1".into()]);
    assert_eq!(say(&judgement), "2_x.sql is older than 3, which is applied already");
    // who waits for it waits for all, among which those others are
    assert_eq!(judgement.pending_of(&files, &"1".into()), Pending::Some(vec!["2".into()]));
    let mut done = judge(&files, &history(&["2", "3"]), strict);
    done.leave_out(&files, &["1".into()]);
    assert_eq!(done.pending_of(&files, &"1".into()), Pending::None);
}

#[test]
fn states_come_by_version_and_name_the_file_where_there_is_one() {
    let judgement = judge(&bundle(&["1", "3", "10"]), &history(&["1", "2", "3~", "11"]), SQLX);
    let states: Vec<_> = judgement.states.iter().map(|s| (s.name.as_str(), s.state)).collect();
    use MigrationStanding as S;
    let expected = [
        ("1_x.sql", S::Applied),
        ("2_d2", S::Missing),
        ("3_x.sql", S::Changed),
        ("10_x.sql", S::Pending),
        ("11_d11", S::Ahead),
    ];
    assert_eq!(states, expected);
}

#[test]
fn what_a_tool_noted_stands_beside_what_failed() {
    let mut judgement = judge(&bundle(&["1", "2"]), &history(&["1", "2!", "9!"]), LOOSE);
    judgement.note(vec![
        ("1".into(), "whole".into()),
        ("2".into(), " it\n\n broke\n".into()),
        ("9".into(), "  ".into()),
    ]);
    let noted: Vec<_> = judgement.states.iter().map(|it| it.error.as_deref()).collect();
    assert_eq!(noted, [None, Some(" it\n\n broke\n"), Some("  ")]);
    assert_eq!(
        say(&judgement),
        "migration 2 (2_x.sql) is half applied: it broke; migration 9 (d9) is half applied"
    );
}

#[test]
fn versions_have_one_order() {
    let order = [
        "0",
        "1",
        "1.1",
        "1.2",
        "1.10",
        "2",
        "10",
        "18446744073709551616",
        "340282366920938463463374607431768211457",
        "1.",
        "1a",
        "9_a",
        "10_b",
        "",
        "v2",
    ];
    let order = order.map(Version::from);
    for (i, one) in order.iter().enumerate() {
        for (j, other) in order.iter().enumerate() {
            assert_eq!(VersionOrder::from(one).cmp(&VersionOrder::from(other)), i.cmp(&j), "{one} {other}");
        }
    }
    for (one, same) in [("007", "7"), ("1.0", "1"), ("1.02", "1.2"), ("0", "000"), ("10.0.0", "10")] {
        assert_eq!(VersionOrder::from(&one.into()), VersionOrder::from(&same.into()), "{one} {same}");
    }
    for (less, more) in
        [("0009", "0010"), ("9", "0010"), ("0009", "10"), ("20240101000009", "20240101000010")]
    {
        assert!(VersionOrder::from(&less.into()) < VersionOrder::from(&more.into()), "{less} {more}");
    }
}

#[test]
fn what_cannot_be_read_leaves_what_is_pending_unknown() {
    use crate::model::migration::Unread;
    let mut partly = bundle(&["1", "2"]);
    partly.unread.push(Unread { name: "3.xml".into(), checksum: vec![], why: "is XML".into() });
    assert_eq!(judge(&partly, &history(&["1", "2"]), STRICT).pending(&partly), Pending::Unknown);
    // what is recorded may stand on what was not understood
    let first = judge(&partly, &history(&["1"]), STRICT);
    assert_eq!((first.pending(&partly), first.pending.as_slice()), (Pending::Unknown, &[1][..]));
    assert_eq!(first.pending_of(&partly, &"2".into()), Pending::Unknown);
    assert_eq!(first.pending_of(&partly, &"1".into()), Pending::None);
    let blind = Judgement::unknown(&partly, "no table".to_owned(), STRICT);
    assert_eq!(blind.pending(&partly), Pending::Unknown);
    assert_eq!(blind.why_unknown(&partly).as_deref(), Some("3.xml is XML; no table"));
    let many = (0..7).map(|n| Unread { name: format!("{n}.xml"), checksum: vec![], why: "is XML".into() });
    let many = Bundle { unread: many.collect(), ..partly.clone() };
    let why = blind.why_unknown(&many).unwrap();
    assert!(why.contains("4.xml is XML; and 2 more files or parts are not understood; no table"), "{why}");
    // nor is anything ahead or missing that only the history has: it may be of what was not understood
    for rules in [STRICT, LOOSE, Rules { sequence: Sequence::Unordered, ..LOOSE }] {
        let judgement = judge(&partly, &history(&["0", "2", "3"]), rules);
        assert!(judgement.ahead.is_empty(), "{judgement:?}");
        let mut said = judgement.refusals.iter().chain(&judgement.accepted);
        assert!(!said.any(|it| matches!(it, Refusal::Missing { .. })), "{judgement:?}");
        let odd = [MigrationStanding::Ahead, MigrationStanding::Missing];
        assert!(judgement.states.iter().all(|it| !odd.contains(&it.state)), "{judgement:?}");
    }
    partly.migrations.clear();
    assert!(judge(&partly, &history(&["1", "2"]), STRICT).notices().is_empty());
    assert_eq!(judge(&partly, &[], STRICT).why_unknown(&partly).as_deref(), Some("3.xml is XML"));
    assert_eq!(judge(&partly, &[], STRICT).pending(&partly), Pending::Unknown);
}

#[test]
fn who_waits_for_one_migration_hears_why_that_one_is_unknown() {
    let files = bundle(&["1", "2", "3"]);
    let undecided = |version: &str| (Version::from(version), format!("only for db{version}"));
    let mut judgement = judge(&files, &[], STRICT);
    judgement.leave_open(&files, vec![undecided("1"), undecided("2")]);
    let why = |needed: Option<&str>, judgement: &Judgement| {
        let judgement = Judgement { needed: needed.map(Version::from), ..judgement.clone() };
        judgement.why_unknown(&files)
    };
    let of =
        |version: &str| Some(format!("{version}_x.sql is not there, and may never be: only for db{version}"));
    assert_eq!(why(None, &judgement), of("1"));
    assert_eq!(why(Some("1"), &judgement), of("1"));
    assert_eq!(why(Some("2"), &judgement), of("2"));
    assert_eq!(
        (why(Some("3"), &judgement), judgement.pending_of(&files, &"3".into())),
        (None, Pending::Some(vec!["3".into()]))
    );
    // any of the others may stand for it
    judgement.leave_out(&files, &["3".into()]);
    assert_eq!(
        (why(Some("3"), &judgement), judgement.pending_of(&files, &"3".into())),
        (of("1"), Pending::Unknown)
    );
}

#[test]
fn where_versions_have_no_order_everything_foreign_is_ahead() {
    let rules = Rules { sequence: Sequence::Unordered, ..LOOSE };
    let judgement = judge(&bundle(&["b9", "a1"]), &history(&["a0", "b9"]), rules);
    assert_eq!(judgement.ahead, ["a0".into()]);
    assert_eq!(judgement.pending, [1]);
    let names: Vec<_> = judgement.states.iter().map(|state| state.version.as_str()).collect();
    assert_eq!(names, ["b9", "a1", "a0"]);
}

#[test]
fn where_there_are_no_files_none_is_missing() {
    let mut judgement = judge(&bundle(&["2"]), &history(&["1", "2", "3", "4!"]), STRICT);
    judgement.leave_the_rest();
    let states: Vec<_> = judgement.states.iter().map(|it| (it.version.as_str(), it.state)).collect();
    use MigrationStanding as S;
    assert_eq!(states, [("1", S::Applied), ("2", S::Applied), ("3", S::Applied), ("4", S::Dirty)]);
    assert!(judgement.ahead.is_empty());
    assert_eq!(say(&judgement), "migration 4 (d4) is half applied");
}

#[test]
fn where_a_tool_has_an_order_of_its_own_it_is_that_one() {
    let rules = Rules { sequence: Sequence::LETTERS, ..STRICT };
    let judgement =
        judge(&bundle(&["10_a", "1_z", "2_b", "c"]), &history(&["10_a", "15_gone", "2_b", "9"]), rules);
    let states: Vec<_> = judgement.states.iter().map(|it| (it.version.as_str(), it.state)).collect();
    use MigrationStanding as S;
    assert_eq!(
        states,
        [
            ("10_a", S::Applied),
            ("15_gone", S::Missing),
            ("1_z", S::Pending),
            ("2_b", S::Applied),
            ("9", S::Missing),
            ("c", S::Pending)
        ]
    );
    assert!(judgement.ahead.is_empty());
    assert!(say(&judgement).contains("1_z_x.sql is older than 9") && !say(&judgement).contains("c_x.sql"));
    let ahead = judge(&bundle(&["10_a", "1_z"]), &history(&["2_b", "11_c", "d"]), rules).ahead;
    assert_eq!(ahead, ["2_b".into(), "d".into()]);
    // and only the same text is the same version
    assert_eq!(judge(&bundle(&["01", "1"]), &history(&["1"]), rules).pending, [0]);
}

#[test]
fn what_only_the_history_has_is_called_as_its_tool_calls_it() {
    for (format, version, description, name) in [
        ("sqlx", "4", "add index", "4_add_index"),
        ("goose", "4", "", "4"),
        ("refinery", "4", "m4", "V4__m4"),
        ("flyway", "4.1", "add index", "V4.1__add_index"),
        ("flyway", "B4", "all", "B4__all"),
        ("flyway", "R__all_views", "all views", "R__all_views"),
        ("liquibase", "db/a.sql::4::ann", "ann:4", "db/a.sql::4::ann"),
    ] {
        let row = Applied { description: description.to_owned(), ..history(&[version]).remove(0) };
        let judgement = judge(&Bundle::empty(format), &[row], LOOSE);
        assert_eq!(judgement.states[0].name, name, "{format}");
    }
}

fn versions() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(0u32..10_000, 1..30).prop_map(|set| set.iter().map(u32::to_string).collect())
}

#[test]
fn a_history_without_descriptions_leaves_no_empty_brackets() {
    let of =
        |description: &str| Refusal::Missing { version: "7".into(), description: description.to_owned() };
    assert_eq!(of("").to_string(), "migration 7 was applied, but its file is not there");
    assert_eq!(of("users").to_string(), "migration 7 (users) was applied, but its file is not there");
}

proptest! {
    #[test]
    fn after_a_prefix_exactly_the_rest_is_pending(all in versions(), cut in any::<prop::sample::Index>()) {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let cut = cut.index(all.len() + 1);
        let (bundle, rows) = (bundle(&all), history(&all[..cut]));
        let judgement = judge(&bundle, &rows, STRICT);
        prop_assert_eq!(&judgement.pending, &(cut..all.len()).collect::<Vec<_>>());
        prop_assert!(judgement.refusals.is_empty());
        prop_assert!(judgement.ahead.is_empty());
        prop_assert_eq!(judgement.pending(&bundle) == Pending::None, cut == all.len());
    }

    #[test]
    fn nothing_whole_and_unchanged_is_refused(all in versions(), chosen in prop::collection::vec(any::<bool>(), 30)) {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let some: Vec<&str> = all.iter().zip(&chosen).filter(|(_, yes)| **yes).map(|(v, _)| *v).collect();
        let judgement = judge(&bundle(&all), &history(&some), SQLX);
        prop_assert!(judgement.refusals.is_empty());
        prop_assert_eq!(judgement.pending.len() + some.len(), all.len());
    }

    #[test]
    fn every_row_and_every_file_has_one_standing(files in versions(), rows in versions(), strict in any::<bool>()) {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let judgement = judge(&bundle(&files), &history(&rows), if strict { STRICT } else { LOOSE });
        let all: std::collections::BTreeSet<_> = files.iter().chain(&rows).collect();
        prop_assert_eq!(judgement.states.len(), all.len());
        let missing = judgement.states.iter().filter(|s| s.state == MigrationStanding::Missing).count();
        let only_there = rows.iter().filter(|v| !files.contains(v)).count();
        prop_assert_eq!(missing + judgement.ahead.len(), only_there);
        prop_assert_eq!(judgement.refusals.is_empty(), !strict || missing == 0 && judgement.pending.iter().all(|i| {
            rows.iter().all(|row| row.parse::<u32>().unwrap() < files[*i].parse().unwrap())
        }));
    }
}
