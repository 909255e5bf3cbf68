//! A visitor's address: read for what a deployment excludes and for the lookup, and cut before anything else may see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::json::Scalar;

/// The address that an event names: of several, as proxies list them in `X-Forwarded-For`, the first; a port is none of it. What
/// is no address is as good as absent: Genesys' API takes it too.
pub(crate) fn read(said: &Scalar<'_>) -> Option<IpAddr> {
    let Scalar::Text(text) = said else {
        return None;
    };
    let first = text.split(',').next().unwrap_or_default().trim();
    let with_port = |text: &str| text.parse().ok().map(|address: SocketAddr| address.ip());
    let bare = first.strip_prefix('[').and_then(|b| b.strip_suffix(']'));
    let address: Option<IpAddr> = bare.unwrap_or(first).parse().ok();
    let address = address.or_else(|| with_port(first))?;
    Some(address.to_canonical())
}

/// The network of /24 or /48 that an address is in, by its first address.
pub(crate) fn cut(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

/// The network of an address, where this text is one and nothing else, and its name says so: a version has four numbers too.
pub(crate) fn cut_text(name: &str, text: &str) -> Option<String> {
    let may_be = text.len() <= 64 && text.bytes().any(|b| matches!(b, b'.' | b':'));
    if !may_be {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let says_so = ["ip", "addr", "address", "forwarded_for", "forwardedfor"];
    if !says_so.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let address: IpAddr = text.trim().parse().ok()?;
    Some(cut(address.to_canonical()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_to_its_network() {
        for (said, expected) in [
            ("203.0.113.77", Some("203.0.113.0")),
            (" 2001:db8:1:2:3:4:5:6 ", Some("2001:db8:1::")),
            ("[2001:db8::1]", Some("2001:db8::")),
            ("::ffff:203.0.113.77", Some("203.0.113.0")),
            ("203.0.113.77:49152", Some("203.0.113.0")),
            ("[2001:db8::1]:443", Some("2001:db8::")),
            ("203.0.113.77, 198.51.100.1", Some("203.0.113.0")),
            ("unknown, 203.0.113.77", None),
            ("203.0.113", None),
            ("localhost", None),
            ("", None),
        ] {
            let cut = read(&Scalar::Text(said.into())).map(|address| cut(address).to_string());
            assert_eq!(cut.as_deref(), expected, "{said}");
        }
        assert_eq!(read(&Scalar::Integer(1)), None);
    }
}
