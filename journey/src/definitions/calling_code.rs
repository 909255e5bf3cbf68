//! Telephone numbers as they are written at home: what a deployment's default country means.

/// How a country is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallingCode {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// What stands before a national number abroad (ITU-T E.164).
    pub code: &'static str,
    /// The digits that a national number begins with at home, and loses abroad; empty: none.
    pub trunk: &'static str,
}

impl CallingCode {
    /// Of a country, if its numbers are known here.
    pub fn of(country: &str) -> Option<&'static CallingCode> {
        let known = |code: &&CallingCode| code.country == country;
        CALLING_CODES.iter().find(known)
    }
}

const fn calls(country: &'static str, code: &'static str, trunk: &'static str) -> CallingCode {
    CallingCode {
        country,
        code,
        trunk,
    }
}

/// The countries whose numbers can be told from what is written at home, in order.
pub const CALLING_CODES: &[CallingCode] = &[
    calls("AR", "54", "0"),
    calls("AT", "43", "0"),
    calls("AU", "61", "0"),
    calls("BE", "32", "0"),
    calls("BG", "359", "0"),
    calls("BR", "55", "0"),
    calls("CA", "1", "1"),
    calls("CH", "41", "0"),
    calls("CL", "56", ""),
    calls("CN", "86", "0"),
    calls("CO", "57", ""),
    calls("CY", "357", ""),
    calls("CZ", "420", ""),
    calls("DE", "49", "0"),
    calls("DK", "45", ""),
    calls("EE", "372", ""),
    calls("EG", "20", "0"),
    calls("ES", "34", ""),
    calls("FI", "358", "0"),
    calls("FR", "33", "0"),
    calls("GB", "44", "0"),
    calls("GR", "30", ""),
    calls("HK", "852", ""),
    calls("HR", "385", "0"),
    calls("HU", "36", "06"),
    calls("ID", "62", "0"),
    calls("IE", "353", "0"),
    calls("IL", "972", "0"),
    calls("IN", "91", "0"),
    calls("IS", "354", ""),
    calls("IT", "39", ""),
    calls("JP", "81", "0"),
    calls("KR", "82", "0"),
    calls("LT", "370", "0"),
    calls("LU", "352", ""),
    calls("LV", "371", ""),
    calls("MT", "356", ""),
    calls("MX", "52", ""),
    calls("MY", "60", "0"),
    calls("NL", "31", "0"),
    calls("NO", "47", ""),
    calls("NZ", "64", "0"),
    calls("PE", "51", "0"),
    calls("PH", "63", "0"),
    calls("PL", "48", ""),
    calls("PT", "351", ""),
    calls("RO", "40", "0"),
    calls("RS", "381", "0"),
    calls("RU", "7", "8"),
    calls("SA", "966", "0"),
    calls("SE", "46", "0"),
    calls("SG", "65", ""),
    calls("SI", "386", "0"),
    calls("SK", "421", "0"),
    calls("TH", "66", "0"),
    calls("TR", "90", "0"),
    calls("TW", "886", "0"),
    calls("UA", "380", "0"),
    calls("US", "1", "1"),
    calls("VN", "84", "0"),
    calls("ZA", "27", "0"),
];
