//! Which part of a name is a public suffix, and which is somebody's: by the list at <https://publicsuffix.org>, as the `psl`
//! crate of this build has it.
//!
//! `psl` is a decision tree in generic code, so every crate that asks it compiles it, tests apart. This one asks for all.

/// The registrable domain of a name: `shop.example.co.uk` → `example.co.uk`. None of a public suffix itself, nor of an empty
/// name; a suffix that the list does not know has one label.
pub fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// Whether somebody registered the name, or what it belongs to, under a suffix that the list knows.
pub fn is_registrable(name: &str) -> bool {
    psl::domain(name.as_bytes()).is_some_and(|domain| domain.suffix().is_known())
}

/// Whether the name was registered under a suffix of the internet's own, as `co.uk`, not under one that somebody hands out below a
/// domain of theirs, as `github.io`.
pub fn is_under_public_registry(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann))
}

/// Whether the name ends in a suffix that the list knows, or is one.
pub fn has_known_suffix(name: &[u8]) -> bool {
    psl::suffix(name).is_some_and(|suffix| suffix.is_known())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_who_registered_it() {
        assert_eq!(registrable("shop.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registrable("co.uk"), None);
        assert_eq!(registrable("a.b.nonsuch"), Some("b.nonsuch"));
        assert_eq!(registrable(""), None);
    }

    #[test]
    fn a_host_of_pages_is_no_registry() {
        for (name, public) in [
            ("www.google.co.uk", true),
            ("google.com", true),
            ("google.github.io", false),
            ("google.nonsuch", false),
        ] {
            assert_eq!(is_under_public_registry(name), public, "{name}");
        }
    }

    #[test]
    fn only_the_list_knows_a_suffix() {
        for (name, registered, known) in [
            ("www.example.com", true, true),
            ("com", false, true),
            ("b.nonsuch", false, false),
            ("nonsuch", false, false),
        ] {
            assert_eq!(is_registrable(name), registered, "{name}");
            assert_eq!(has_known_suffix(name.as_bytes()), known, "{name}");
        }
    }
}
