//! How the changesets of a folder are written, and one more in their manner: the dashes, the author, the id. Knows no
//! changelog.

use std::path::Path;

use crate::formats::folder::text;
use crate::formats::liquibase::changeset::{self, Changeset};
use crate::formats::next::{digits, file_words, number, snake_words};

/// Who wrote the first changeset, where nobody has written one: Liquibase wants a name.
const AUTHOR: &str = "bellwether";

/// How changesets are written here: those of the last file, and of the one before it.
#[derive(Default)]
pub(super) struct Neighbours {
    /// The last file's name.
    name: String,
    text: String,
    own: Vec<Changeset>,
    before: Vec<Changeset>,
}

impl Neighbours {
    pub(super) fn read(before: Option<&Path>, last: &Path) -> Option<Self> {
        let text_of = |path: &Path| text(path).ok();
        let changesets = |text: &str| changeset::parse(text).ok();
        let before = before.and_then(text_of).and_then(|text| changesets(&text)).unwrap_or_default();
        let text = text_of(last)?;
        let own = changesets(&text)?;
        let name = last.file_name()?.to_string_lossy().into_owned();
        Some(Self { name, text, own, before })
    }

    /// A new file of this name.
    pub(super) fn file(&self, name: &str, words: &str, now: i64) -> String {
        let id = self.id(name, words, now);
        format!("{}liquibase formatted sql\n\n{}", self.dashes(), self.changeset(&id, words))
    }

    /// One more changeset for the last file.
    pub(super) fn appended(&self, words: &str, now: i64) -> String {
        let ids: Vec<&str> = self.own.iter().map(|it| it.id.as_str()).collect();
        let last = ids.last().copied().unwrap_or_default();
        let front = last.trim_end_matches(|last: char| last.is_ascii_digit());
        let mut id = match &last[front.len()..] {
            "" => words_like(last, words),
            all if front.is_empty() => number(&[all], now),
            _ if front.ends_with(char::is_alphabetic) => words_like(last, words),
            counted => format!("{front}{}", number(&[counted], now)),
        };
        while ids.contains(&id.as_str()) {
            id.push_str("-2");
        }
        self.changeset(&id, words)
    }

    fn dashes(&self) -> &'static str {
        if self.text.trim_start_matches('\u{feff}').trim_start().starts_with("-- ") { "-- " } else { "--" }
    }

    /// Liquibase refuses a changeset that has no SQL yet. The words are a comment of its own: others may mean something.
    fn changeset(&self, id: &str, words: &str) -> String {
        let dashes = self.dashes();
        let author = self.own.last().map_or(AUTHOR, |last| &last.author);
        format!("{dashes}changeset {}:{}\n{dashes}comment: {}\n\n", word(author), word(id), words.trim())
    }

    /// An id in the manner of the neighbours: of the file's name, or of its number, or counted, or else its words.
    fn id(&self, name: &str, words: &str, now: i64) -> String {
        let Some(first) = self.own.first().map(|it| it.id.as_str()) else { return "1".to_owned() };
        let ids = |changesets: &[Changeset]| changesets.last().map(|it| it.id.clone()).unwrap_or_default();
        let (number_before, number_now) = (number_in(&self.name), number_in(name));
        let stem = |name: &str| name.strip_suffix(".sql").unwrap_or(name).to_owned();
        let is_number = |id: &str| !id.is_empty() && digits(id).len() == id.len();
        if first == stem(&self.name) {
            return stem(name);
        }
        if let Some(rest) = first.strip_prefix(number_before).filter(|_| !number_before.is_empty())
            && !rest.contains(char::is_alphabetic)
            && !rest.starts_with(|next: char| next.is_ascii_digit())
        {
            return format!("{number_now}{rest}");
        }
        if !is_number(first) {
            return words_like(first, words);
        }
        let (before, last) = (ids(&self.before), ids(&self.own));
        if self.before.first().is_some_and(|before| before.id == first) {
            return first.to_owned();
        }
        match (is_number(&before), is_number(&last)) {
            (true, true) => number(&[&before, &last], now),
            (false, true) => number(&[&last], now),
            (_, false) => words_like(first, words),
        }
    }
}

/// The first number in a name.
fn number_in(name: &str) -> &str {
    let at = name.find(|first: char| first.is_ascii_digit()).unwrap_or(name.len());
    digits(&name[at..])
}

/// An author or an id as a changeset's head takes it.
fn word(text: &str) -> String {
    match text.contains(|c: char| c.is_whitespace() || c == ':') {
        true => format!("\"{text}\""),
        false => text.to_owned(),
    }
}

/// Words as their neighbours are written.
pub(super) fn words_like(neighbour: &str, words: &str) -> String {
    match neighbour.contains('-') && !neighbour.contains('_') {
        true => snake_words(words).replace('_', "-"),
        false if neighbour.contains(char::is_uppercase) => file_words(words).replace('-', "_"),
        false => snake_words(words),
    }
}
