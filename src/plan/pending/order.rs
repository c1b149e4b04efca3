//! Which of two versions comes first. Compares texts and knows no history.

use std::cmp::Ordering;

use crate::formats::Sequence;
use crate::model::ids::Version;

/// How versions follow each other: as their tool has it, else numbers by value, dotted ones (`1.10`) part by part, then
/// other texts by the number in front of them (`9_a` before `10_b`) and their letters. Numbers in front, because
/// comparing a number with a text by letters is no order at all (2 < 10 < 1a < 2).
#[derive(Clone, Copy, Debug)]
pub struct VersionOrder<'a>(&'a str, Sequence);

impl<'a> From<&'a Version> for VersionOrder<'a> {
    fn from(version: &'a Version) -> Self {
        Self::of(version, Sequence::Numbers)
    }
}

impl<'a> VersionOrder<'a> {
    /// In this sequence; of versions without one, as of numbers. Only those of one sequence are compared.
    pub fn of(version: &'a Version, sequence: Sequence) -> Self {
        Self(version.as_str(), sequence)
    }

    /// Whether it is one, with or without dots.
    pub fn is_number(self) -> bool {
        self.0.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn is_digits(self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The parts of a number, the most significant first, without the zeros that change nothing; none = a text.
    fn parts(self) -> Option<impl Iterator<Item = &'a str>> {
        if !self.is_number() {
            return None;
        }
        let significant = self.0.trim_end_matches(['0', '.']);
        // `10` must keep its zero, `1.0` need not
        let kept = self.0[significant.len()..].find('.').map_or(self.0.len(), |at| significant.len() + at);
        Some(self.0[..kept].split('.').map(|part| part.trim_start_matches('0')))
    }
}

impl<'a> VersionOrder<'a> {
    /// A text by what it begins with: whether by no digits, then how long and which number, then all of it.
    fn numbered(self) -> (bool, usize, &'a str, &'a str) {
        let digits = &self.0[..self.0.bytes().take_while(u8::is_ascii_digit).count()];
        let number = digits.trim_start_matches('0');
        (digits.is_empty(), number.len(), number, self.0)
    }
}

impl Ord for VersionOrder<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // most are dates or padded numbers, and tens of thousands are compared again and again
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        if let Sequence::Own(order) = self.1 {
            return order(self.0, other.0);
        }
        if self.0.len() == other.0.len() && self.is_digits() && other.is_digits() {
            return self.0.cmp(other.0);
        }
        match (self.parts(), other.parts()) {
            // without leading zeros, the longer number is the greater
            (Some(one), Some(two)) => {
                one.map(|part| (part.len(), part)).cmp(two.map(|part| (part.len(), part)))
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.numbered().cmp(&other.numbered()),
        }
    }
}

impl PartialOrd for VersionOrder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for VersionOrder<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for VersionOrder<'_> {}
