//! Takes the password out of text that others wrote.

use super::Target;

/// Shorter passwords would tear holes into ordinary words.
const SHORTEST: usize = 4;

/// `text` with `***` in place of the target's password, however much of it is percent-encoded there. Passwords of
/// fewer than 4 characters are left alone.
pub fn redact(text: &str, target: &Target) -> String {
    let Some(password) = target.password.as_ref().map(|secret| secret.expose()) else {
        return text.to_owned();
    };
    if password.chars().count() < SHORTEST {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match spelled(rest.as_bytes(), password.as_bytes()) {
            Some(length) => {
                clean.push_str("***");
                rest = &rest[length..];
            }
            None => {
                clean.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    clean
}

/// How many bytes of `text` spell the password from its beginning on, each byte raw or percent-encoded, a
/// blank also as a plus sign.
fn spelled(text: &[u8], password: &[u8]) -> Option<usize> {
    // several, since a percent sign in the password may stand for itself or begin its own code
    let mut ends = vec![0];
    for byte in password {
        let raw = |at: &&usize| text.get(**at).is_some_and(|it| it == byte || (*it, *byte) == (b'+', b' '));
        let raw = ends.iter().filter(raw).map(|at| at + 1);
        let encoded = ends.iter().filter(|at| text.get(**at..**at + 3).and_then(decoded) == Some(*byte));
        let mut next: Vec<usize> = raw.chain(encoded.map(|at| at + 3)).collect();
        next.sort_unstable();
        next.dedup();
        ends = next;
        if ends.is_empty() {
            return None;
        }
    }
    ends.last().copied()
}

fn decoded(three: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match three {
        [b'%', high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    }
}
