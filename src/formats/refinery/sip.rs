//! SipHash-1-3 with a key of zeros (Aumasson and Bernstein, 2012), as refinery's checksums are made. No defence against
//! anybody: it is compared, never trusted.

/// A hash that is being made.
pub(super) struct Sip13 {
    state: [u64; 4],
    /// What does not fill a word yet, and of how many bytes it is.
    tail: (u64, u32),
    length: u8,
}

impl Sip13 {
    pub(super) fn new() -> Self {
        let state =
            [0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573];
        Self { state, tail: (0, 0), length: 0 }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.length = self.length.wrapping_add(1);
            self.tail.0 |= u64::from(*byte) << (8 * self.tail.1);
            self.tail.1 += 1;
            if self.tail.1 == 8 {
                self.word(self.tail.0);
                self.tail = (0, 0);
            }
        }
    }

    pub(super) fn finish(mut self) -> u64 {
        self.word(self.tail.0 | u64::from(self.length) << 56);
        self.state[2] ^= 0xff;
        for _ in 0..3 {
            self.round();
        }
        self.state.iter().fold(0, |all, part| all ^ part)
    }

    fn word(&mut self, word: u64) {
        self.state[3] ^= word;
        self.round();
        self.state[0] ^= word;
    }

    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.state;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.state = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The standard library's is the same one today.
        #[test]
        fn it_is_siphash_1_3(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut theirs = std::collections::hash_map::DefaultHasher::new();
            theirs.write(&bytes);
            let mut ours = Sip13::new();
            ours.write(&bytes);
            prop_assert_eq!(ours.finish(), theirs.finish());
        }
    }
}
