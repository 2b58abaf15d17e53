//! Random words from counters: no state, so any element can be made by any thread in any order.

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011) of several counters.
#[inline(always)]
pub fn philox<const C: usize>(mut state: [[u32; C]; 4], mut key: [u32; 2]) -> [[u32; C]; 4] {
    for _ in 0..10 {
        let [a, b, c, d] = state;
        for i in 0..C {
            let (x, y) = (u64::from(a[i]) * 0xd251_1f53, u64::from(c[i]) * 0xcd9e_8d57);
            state[0][i] = (y >> 32) as u32 ^ b[i] ^ key[0];
            state[1][i] = y as u32;
            state[2][i] = (x >> 32) as u32 ^ d[i] ^ key[1];
            state[3][i] = x as u32;
        }
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    state
}

/// Counters that one round of [`Uniforms`] serves.
const COUNTERS: usize = 16;

/// An endless stream of numbers in [0, 1), each with 53 random bits, that its key alone decides.
pub struct Uniforms {
    key: [u32; 2],
    round: u64,
    words: [[u32; COUNTERS]; 4],
    /// Numbers of `words` that are used up.
    used: usize,
}

impl Uniforms {
    pub fn new(key: u64) -> Uniforms {
        Uniforms { key: [key as u32, (key >> 32) as u32], round: 0, words: [[0; COUNTERS]; 4], used: 2 * COUNTERS }
    }

    #[inline]
    pub fn draw(&mut self) -> f64 {
        if self.used == 2 * COUNTERS {
            self.refill();
        }
        let (half, counter) = (self.used / COUNTERS, self.used % COUNTERS);
        self.used += 1;
        let bits = u64::from(self.words[2 * half][counter]) << 32 | u64::from(self.words[2 * half + 1][counter]);
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    fn refill(&mut self) {
        let mut state = [[0; COUNTERS]; 4];
        for c in 0..COUNTERS {
            let counter = self.round * COUNTERS as u64 + c as u64;
            state[0][c] = counter as u32;
            state[1][c] = (counter >> 32) as u32;
        }
        self.words = philox(state, self.key);
        self.round += 1;
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_words() {
        let one = |counter: [u32; 4], key| philox::<1>(counter.map(|word| [word]), key).map(|word| word[0]);
        let ones = u32::MAX;
        assert_eq!(one([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(one([ones; 4], [ones; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            one([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn uniforms_are_the_words_of_successive_counters() {
        let mut stream = Uniforms::new(0x1234_5678_9abc_def0);
        let got: Vec<f64> = (0..100).map(|_| stream.draw()).collect();
        for (i, &u) in got.iter().enumerate() {
            let (round, half, c) = (i / 32, i % 32 / 16, i % 16);
            let words = philox::<1>([[(round * 16 + c) as u32], [0], [0], [0]], [0x9abc_def0, 0x1234_5678]);
            let bits = u64::from(words[2 * half][0]) << 32 | u64::from(words[2 * half + 1][0]);
            assert_eq!(u, (bits >> 11) as f64 / 2f64.powi(53));
        }
        let mean = got.iter().sum::<f64>() / 100.0;
        assert!((mean - 0.5).abs() < 0.1 && got.iter().all(|u| (0.0..1.0).contains(u)));
    }
}
