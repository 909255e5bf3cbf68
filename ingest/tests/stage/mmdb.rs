//! A file in the MaxMind DB format, written here: a tree of 24-bit records over IPv6, then the data, then what it is.

/// A value of the data section.
pub(crate) enum Value {
    Text(&'static str),
    Small(u16),
    Number(u32),
    Large(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Text(text) => {
                head(2, text.len(), out);
                out.extend(text.as_bytes());
            }
            Value::Small(number) => {
                head(5, 2, out);
                out.extend(number.to_be_bytes());
            }
            Value::Number(number) => {
                head(6, 4, out);
                out.extend(number.to_be_bytes());
            }
            Value::Large(number) => {
                head(9, 8, out);
                out.extend(number.to_be_bytes());
            }
            Value::List(items) => {
                head(11, items.len(), out);
                items.iter().for_each(|item| item.write(out));
            }
            Value::Map(members) => {
                head(7, members.len(), out);
                for (name, value) in members {
                    Value::Text(name).write(out);
                    value.write(out);
                }
            }
        }
    }
}

/// A control byte: types beyond 7 stand in a byte of their own.
fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (size, more) = match size {
        0..29 => (size as u8, None),
        _ => (29, Some((size - 29) as u8)),
    };
    match kind {
        0..=7 => out.push(kind << 5 | size),
        _ => out.extend([size, kind - 7]),
    }
    out.extend(more);
}

#[derive(Clone, Copy)]
enum Branch {
    Nowhere,
    Node(usize),
    Data(usize),
}

/// A database of this name with these networks (address, length of the prefix, record).
pub(crate) fn database(name: &'static str, networks: &[(&str, u8, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Branch::Nowhere; 2]];
    let mut data = Vec::new();
    for (address, length, record) in networks {
        let (bits, length) = match address.parse().expect("an address") {
            std::net::IpAddr::V4(v4) => (u128::from(v4.to_bits()), length + 96),
            std::net::IpAddr::V6(v6) => (v6.to_bits(), *length),
        };
        let mut at = 0;
        for depth in 0..length {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == length {
                nodes[at][side] = Branch::Data(data.len());
                break;
            }
            at = match nodes[at][side] {
                Branch::Node(next) => next,
                _ => {
                    nodes.push([Branch::Nowhere; 2]);
                    let next = nodes.len() - 1;
                    nodes[at][side] = Branch::Node(next);
                    next
                }
            };
        }
        record.write(&mut data);
    }
    let mut file = Vec::new();
    for branch in nodes.iter().flatten() {
        let value = match branch {
            Branch::Nowhere => nodes.len(),
            Branch::Node(next) => *next,
            Branch::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend(&(value as u32).to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    Value::Map(vec![
        ("binary_format_major_version", Value::Small(2)),
        ("binary_format_minor_version", Value::Small(0)),
        ("build_epoch", Value::Large(1_700_000_000)),
        ("database_type", Value::Text(name)),
        (
            "description",
            Value::Map(vec![("en", Value::Text("written by a test"))]),
        ),
        ("ip_version", Value::Small(6)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::Number(nodes.len() as u32)),
        ("record_size", Value::Small(24)),
    ])
    .write(&mut file);
    file
}

/// A place as the City databases write it.
pub(crate) fn place(
    country: [&'static str; 2],
    region: [&'static str; 2],
    city: &'static str,
    zone: &'static str,
) -> Value {
    let named = |code, name| {
        let names = Value::Map(vec![("de", Value::Text("-")), ("en", Value::Text(name))]);
        Value::Map(vec![("iso_code", Value::Text(code)), ("names", names)])
    };
    let city = Value::Map(vec![("names", Value::Map(vec![("en", Value::Text(city))]))]);
    Value::Map(vec![
        ("city", city),
        ("country", named(country[0], country[1])),
        (
            "location",
            Value::Map(vec![("time_zone", Value::Text(zone))]),
        ),
        (
            "subdivisions",
            Value::List(vec![named(region[0], region[1])]),
        ),
    ])
}
