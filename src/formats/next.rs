//! What `bellwether new` writes: a format names the next migration, from what the bundle holds and the time alone. The
//! numbering that formats share stands here. Writes nothing itself.

use crate::model::scaffold::Addition;

/// The next migration of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These files, the one to edit first.
    Files(Vec<NewFile>),
    /// This file, which counts once people have put something into another.
    Listed(NewFile, Addition),
    /// No file: people put it into one that is there.
    Lines(Addition),
    /// The format's own tool writes its migrations: the command line that does, to be pasted, if there is one.
    Tool(Option<String>),
    /// There can be none; why, in a clause.
    None(String),
}

/// A file that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name, in the migrations folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl NewFile {
    /// A file with this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Steps in which people leave room for later.
const STEPS: [u128; 3] = [10, 100, 1000];
/// Numbers of so few digits are counted, whatever the gaps.
const COUNTED: usize = 6;

/// The number after these, which stand in order as they are written in the names: counted on and padded like the last
/// one, or a UTC timestamp (`yyyymmddHHMMSS`), as which it also begins. Never one that is not after the last. `now`:
/// milliseconds since 1970.
pub fn number(before: &[&str], now: i64) -> String {
    let Some((last, rest)) = before.split_last() else { return timestamp(now) };
    let newest: u128 = last.parse().unwrap_or_default();
    let step = rest.last().and_then(|text| newest.checked_sub(text.parse().ok()?)).unwrap_or(1);
    let step = if STEPS.contains(&step) { step } else { 1 };
    let width = last.len();
    let counted = |step: u128| format!("{:0width$}", newest.saturating_add(step));
    if last.trim_start_matches('0').len() <= COUNTED {
        return counted(step);
    }
    let clock = match is_unix(newest, now) {
        true => (now / 1000).to_string(),
        false => timestamp(now),
    };
    // the newest may be of a clock that is ahead of ours, or of this very second
    if clock.parse::<u128>().is_ok_and(|clock| clock > newest) { clock } else { counted(1) }
}

/// Seconds since 1970, as some projects number their files: up to a year from now, since 2001.
fn is_unix(number: u128, now: i64) -> bool {
    let latest = now / 1000 + 366 * 86_400;
    number >= 1_000_000_000 && u128::try_from(latest).is_ok_and(|latest| number <= latest)
}

/// `20240301142233`, UTC.
pub fn timestamp(now: i64) -> String {
    crate::model::moment::plain(now).chars().filter(char::is_ascii_digit).collect()
}

/// Words as a part of a file's name: `Add users' e-mail` becomes `Add_users_e-mail`. Empty if nothing is left.
pub fn file_words(words: &str) -> String {
    let parts = words.split(|c: char| !c.is_alphanumeric() && c != '-');
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// As [`file_words`], in lower case and without `-`.
pub fn snake_words(words: &str) -> String {
    file_words(&words.replace('-', " ")).to_lowercase()
}

/// The digits with which a name begins.
pub fn digits(name: &str) -> &str {
    &name[..name.bytes().take_while(u8::is_ascii_digit).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn numbering_goes_on_as_it_was() {
        for (before, next) in [
            (&[][..], "20231114221320"),
            (&["0001"], "0002"),
            (&["0001", "0002"], "0003"),
            (&["1", "2", "9"], "10"),
            (&["008", "009"], "010"),
            (&["0099", "9999"], "10000"),
            (&["0010", "0020"], "0030"),
            (&["100", "200"], "300"),
            (&["0010", "0011"], "0012"),
            (&["20230101000000"], "20231114221320"),
            (&["20230301"], "20231114221320"),
            (&["0001", "20230101000000"], "20231114221320"),
            (&["1690000000"], "1700000000"),
            // of this second, and of a clock that is ahead
            (&["20231114221320"], "20231114221321"),
            (&["20990101000000"], "20990101000001"),
            (&["1700000000"], "1700000001"),
            (&["9223372036854775806"], "9223372036854775807"),
        ] {
            assert_eq!(number(before, NOW), next, "{before:?}");
        }
    }

    #[test]
    fn words_become_a_name() {
        for (words, name, snake) in [
            ("add_users", "add_users", "add_users"),
            ("Add users' e-mail!", "Add_users_e-mail", "add_users_e_mail"),
            ("  a  b.up ", "a_b_up", "a_b_up"),
            ("Größe ändern", "Größe_ändern", "größe_ändern"),
            ("../..", "", ""),
        ] {
            assert_eq!((file_words(words).as_str(), snake_words(words).as_str()), (name, snake));
        }
        assert_eq!(digits("0042_a1.sql"), "0042");
        assert_eq!(digits("éa"), "");
    }
}
