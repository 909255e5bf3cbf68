//! Ranges of IP addresses.

use std::net::IpAddr;

/// An address or a range of them: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. IPv4 within IPv6 is the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    network: u128,
    mask: u128,
}

impl IpRange {
    /// Reads a range; `None` if it is none.
    pub fn parse(written: &str) -> Option<IpRange> {
        let (address, length) = match written.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (written.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length.parse().ok().filter(|length| *length <= longest)?,
            None => longest,
        };
        let mask = match 128 - longest + length {
            0 => 0,
            ones => u128::MAX << (128 - ones),
        };
        Some(IpRange {
            network: bits(address) & mask,
            mask,
        })
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.network
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, address: &str, expected: bool) {
        let range = IpRange::parse(range).expect("a range");
        assert_eq!(
            range.contains(address.parse().expect("an address")),
            expected,
            "{range:?} {address}"
        );
    }

    #[test]
    fn an_address_is_in_a_range_if_its_first_bits_are_the_same() {
        check("192.0.2.0/24", "192.0.2.255", true);
        check("192.0.2.0/24", "192.0.3.0", false);
        check("192.0.2.77/24", "192.0.2.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db8::1", true);
        check("192.0.2.0/24", "::ffff:192.0.2.9", true);
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "2001:db8::/129",
            "192.0.2.0/",
            "192.0.2.0/-1",
            "shop.example",
            "192.0.2.0/24/8",
        ] {
            assert_eq!(IpRange::parse(text), None, "{text}");
        }
    }
}
