//! The simulator's only source of chance: SplitMix64, so that no dependency decides what a seed means.
//!
//! Only integer arithmetic and IEEE multiplication are used: the same seed gives the same bytes on every machine.

use journey::Millis;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finaliser: a bijection that leaves no pattern of its argument.
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A 64-bit hash of text under a seed: FNV-1a, mixed.
pub(crate) fn hash(seed: u64, text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ mix(seed), fnv))
}

/// A stream of chance.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream `stream` of a seed: streams of one seed have nothing to do with each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Random {
        Random(mix(
            mix(seed.wrapping_add(GOLDEN)) ^ stream.wrapping_mul(GOLDEN)
        ))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// At least 0, below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// 0 up to, but not including, `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// One of a few.
    pub(crate) fn small(&mut self, n: u8) -> u8 {
        self.below(u64::from(n)) as u8
    }

    /// One of `items`, which are not empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// The place of one of `weights`, by weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut rest = self.share() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (place, weight) in weights.enumerate() {
            last = place;
            rest -= weight;
            if rest < 0.0 {
                break;
            }
        }
        last
    }

    /// A length of time from `from` to `to` milliseconds, both included.
    pub(crate) fn millis(&mut self, from: i64, to: i64) -> Millis {
        Millis(from + self.below((to - from + 1) as u64) as i64)
    }

    /// A length of time from `from` to `to` seconds, to the millisecond.
    pub(crate) fn seconds(&mut self, from: i64, to: i64) -> Millis {
        self.millis(from * 1000, to * 1000)
    }

    /// A length of time from `from` to `to` minutes, to the millisecond.
    pub(crate) fn minutes(&mut self, from: i64, to: i64) -> Millis {
        self.millis(from * 60_000, to * 60_000)
    }

    /// Exponentially distributed with this mean, at most 44 times as much. The logarithm is taken piece by piece
    /// linearly: near enough for a shop, and the same everywhere.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        let bits = self.bits() | 1;
        let zeros = bits.leading_zeros();
        let fraction = (bits << zeros << 1) as f64 / 18_446_744_073_709_551_616.0;
        mean * std::f64::consts::LN_2 * (f64::from(zeros) + 1.0 - fraction)
    }
}

/// 128 bits in the shape of a random UUID (version 4), written over 36 bytes.
pub(crate) fn write_uuid(high: u64, low: u64, into: &mut [u8; 36]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = (u128::from(high & 0xffff_ffff_ffff_0fff | 0x4000) << 64)
        | u128::from(low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000);
    let mut shift = 128;
    for (place, byte) in into.iter_mut().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            *byte = b'-';
        } else {
            shift -= 4;
            *byte = HEX[(bits >> shift) as usize & 0xf];
        }
    }
}

/// 128 bits in the shape of a random UUID (version 4).
pub(crate) fn uuid(high: u64, low: u64) -> String {
    let mut text = [0; 36];
    write_uuid(high, low, &mut text);
    text.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let mut first = Random::new(1, 1);
        assert_eq!(first.bits(), Random::new(1, 1).bits());
        assert_ne!(first.bits(), Random::new(1, 2).bits());
    }

    #[test]
    fn an_exponential_has_its_mean() {
        let mut random = Random::new(7, 0);
        let mean = (0..100_000).map(|_| random.exponential(10.0)).sum::<f64>() / 100_000.0;
        assert!((9.5..10.9).contains(&mean), "{mean}");
    }

    #[test]
    fn a_length_lies_between_its_ends() {
        let mut random = Random::new(7, 1);
        let drawn: Vec<i64> = (0..1000).map(|_| random.millis(3, 5).0).collect();
        assert_eq!(
            (drawn.iter().min(), drawn.iter().max()),
            (Some(&3), Some(&5))
        );
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
    }
}
