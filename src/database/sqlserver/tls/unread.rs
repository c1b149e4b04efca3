//! What of an answer the driver gives up on matters all the same: an error, or that a transaction began or ended. Looks
//! for such tokens in the bytes of a message, wherever they may begin; what it does not find is not there.

/// Of a token with an error: its kind, its length, number, state, severity and the length of its text.
const ERROR_HEAD: usize = 11;
/// More than any error's token: a text has 2048 letters at most, two names 128 each.
const LONGEST_ERROR: usize = 10_000;

/// A message as far as it is read.
#[derive(Default)]
pub(super) struct Unread {
    /// The end of it, in which a token may have begun.
    tail: Vec<u8>,
}

/// Whether a token stands at the beginning of some bytes.
enum Found {
    Yes,
    No,
    /// There are too few of them to tell.
    Perhaps,
}

impl Unread {
    /// Another message begins.
    pub(super) fn forget(&mut self) {
        self.tail.clear();
    }

    /// Whether such a token is in these bytes, or ends in them.
    pub(super) fn holds(&mut self, bytes: &[u8]) -> bool {
        self.tail.extend(bytes);
        let begins = |(at, byte): (usize, &u8)| matches!(byte, 0xaa | 0xe3).then_some(at);
        let mut open = None;
        for at in self.tail.iter().enumerate().filter_map(begins) {
            match token(&self.tail[at..]) {
                Found::Yes => return true,
                Found::No => {}
                // what looks like a long one may hide another
                Found::Perhaps => open = open.or(Some(at)),
            }
        }
        self.tail.drain(..open.unwrap_or(self.tail.len()));
        false
    }
}

fn token(bytes: &[u8]) -> Found {
    if bytes[0] == 0xe3 { change(bytes) } else { error(bytes) }
}

/// A transaction that begins (8), or has ended (9, 10, 12, 17): its number has eight bytes.
fn change(bytes: &[u8]) -> Found {
    match *bytes {
        [_, 11, 0, 8, 8, ..] | [_, 11, 0, 9 | 10 | 12 | 17, 0, ..] => Found::Yes,
        [_, 11, 0, 8..=10 | 12 | 17] | [_, 11, 0] | [_, 11] | [_] => Found::Perhaps,
        _ => Found::No,
    }
}

/// An error: its parts are exactly as long as all of it.
fn error(bytes: &[u8]) -> Found {
    let short =
        |at: usize| bytes.get(at..at + 2).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let Some(length) = short(1) else { return Found::Perhaps };
    if length + 3 < ERROR_HEAD || length > LONGEST_ERROR {
        return Found::No;
    }
    let (Some(class), Some(text)) = (bytes.get(8), short(9)) else { return Found::Perhaps };
    // what has less is a message, and has another kind
    if !(11..=25).contains(class) {
        return Found::No;
    }
    let mut end = ERROR_HEAD + 2 * text;
    // two names, each with its length in front: of the server, of the procedure
    for _ in 0..2 {
        if end >= length + 3 {
            return Found::No;
        }
        let Some(name) = bytes.get(end) else { return Found::Perhaps };
        end += 1 + 2 * usize::from(*name);
    }
    // a line's number
    if end + 4 == length + 3 { Found::Yes } else { Found::No }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::tests::scripted;
    use super::*;

    fn found(pieces: &[&[u8]]) -> bool {
        let mut unread = Unread::default();
        pieces.iter().any(|piece| unread.holds(piece))
    }

    #[test]
    fn ends_of_transactions_are_found() {
        for ended in [9, 10, 12, 17] {
            let token = [&[0xe3, 11, 0, ended, 0, 8][..], &[7; 8]].concat();
            assert!(found(&[&token]) && found(&[&token[..3], &token[3..]]), "{ended}");
        }
        assert!(found(&[&[1, 0xe3, 11, 0, 8, 8, 7, 7, 7, 7, 7, 7, 7, 7, 0]]));
        // what looks like the beginning of a longer one hides none
        assert!(found(&[
            &[0xaa, 0, 4, 9, 0, 0, 0, 1, 16, 200, 0],
            &[0xe3, 11, 0, 10, 0, 8, 7, 7, 7, 7, 7, 7, 7, 7]
        ]));
        // its database
        assert!(!found(&[&[0xe3, 11, 0, 1, 2, 97, 0, 98, 0, 1, 97, 0, 0, 0]]));
    }

    proptest! {
        #[test]
        fn an_error_is_found_wherever_it_stands(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            text in "\\PC{0,60}",
            procedure in "[a-z.]{0,20}",
            class in 11..20_u8,
            cut in 1..12_usize,
        ) {
            let error = scripted::error_at(50_000, class, &text, &procedure, 7);
            let all = [before, error].concat();
            let pieces: Vec<_> = all.chunks(cut).collect();
            prop_assert!(found(&pieces));
        }

        #[test]
        fn rows_and_messages_are_none(text in "[ -~äβ]{0,200}", cut in 1..12_usize) {
            let rows = scripted::answered_with_text(Some((&text, Some(7))));
            let all = [rows, scripted::printed(&text), scripted::answered(3)].concat();
            let pieces: Vec<_> = all.chunks(cut).collect();
            prop_assert!(!found(&pieces));
        }
    }
}
