//! Durations as people write them: `500ms`, `90s`, `30m`, `1h30m`. A number alone says too little and is refused.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// Nothing there.
    #[error("a duration is empty; write one like 30s, 10m or 1h30m")]
    Empty,
    /// A number alone.
    #[error("{0} has no unit; did you mean {0}s?")]
    NoUnit(String),
    /// A unit that is none of ours.
    #[error("{0:?} is no unit of time; there are ms, s, m, h and d")]
    UnknownUnit(String),
    /// Not of the form at all.
    #[error("{0:?} is no duration; write one like 30s, 10m or 1h30m")]
    Malformed(String),
    /// More than a hundred years.
    #[error("{0} is too long")]
    TooLong(String),
}

const CENTURY_MS: u64 = 100 * 366 * 86_400 * 1000;

/// Reads a duration: whole numbers, each with a unit of `ms`, `s`, `m`, `h` or `d`; `0` needs none.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadDuration::Empty);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let zero = text.bytes().all(|b| b == b'0');
        return if zero { Ok(Duration::ZERO) } else { Err(BadDuration::NoUnit(text.to_owned())) };
    }
    let mut rest = text;
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        if digits == 0 {
            return Err(BadDuration::Malformed(text.to_owned()));
        }
        let scale = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => return Err(BadDuration::Malformed(text.to_owned())),
            _ => return Err(BadDuration::UnknownUnit(unit.to_owned())),
        };
        total_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(scale))
            .and_then(|part| total_ms.checked_add(part))
            .filter(|&sum| sum <= CENTURY_MS)
            .ok_or_else(|| BadDuration::TooLong(text.to_owned()))?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("30m", 1_800_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
            (" 5s ", 5000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, message) in [
            ("", "a duration is empty; write one like 30s, 10m or 1h30m"),
            ("30", "30 has no unit; did you mean 30s?"),
            ("30 minutes", "\"30 minutes\" is no duration; write one like 30s, 10m or 1h30m"),
            ("30min", "\"min\" is no unit of time; there are ms, s, m, h and d"),
            ("1.5h", "\"1.5h\" is no duration; write one like 30s, 10m or 1h30m"),
            ("-5s", "\"-5s\" is no duration; write one like 30s, 10m or 1h30m"),
            ("1h30", "\"1h30\" is no duration; write one like 30s, 10m or 1h30m"),
            ("99999999999999999999s", "99999999999999999999s is too long"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn parts_add_up(h in 0u64..100, m in 0u64..100, s in 0u64..100, ms in 0u64..1000) {
            let want = ((h * 60 + m) * 60 + s) * 1000 + ms;
            prop_assert_eq!(parse(&format!("{h}h{m}m{s}s{ms}ms")), Ok(Duration::from_millis(want)));
        }
    }
}
