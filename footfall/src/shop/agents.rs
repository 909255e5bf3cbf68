//! What the simulated visitors browse with.

/// A device with its browser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agent {
    /// As the browser says it.
    pub(crate) user_agent: &'static str,
    /// `desktop`, `mobile` or `tablet`.
    pub(crate) category: &'static str,
    /// Pixels.
    pub(crate) screen: (i32, i32),
    /// BCP 47.
    pub(crate) lang: &'static str,
}

const fn agent(
    category: &'static str,
    screen: (i32, i32),
    lang: &'static str,
    user_agent: &'static str,
) -> Agent {
    Agent {
        user_agent,
        category,
        screen,
        lang,
    }
}

const FULL_HD: (i32, i32) = (1920, 1080);
const IPHONE: (i32, i32) = (393, 852);
const ANDROID: (i32, i32) = (412, 915);

/// What people browse with.
pub(crate) const AGENTS: [Agent; 30] = [
    agent(
        "desktop",
        FULL_HD,
        "en-GB",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        FULL_HD,
        "en-US",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        (2560, 1440),
        "de-DE",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        FULL_HD,
        "en-GB",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    ),
    agent(
        "desktop",
        (1366, 768),
        "fr-FR",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    agent(
        "desktop",
        FULL_HD,
        "en-US",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    agent(
        "desktop",
        FULL_HD,
        "de-DE",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    agent(
        "desktop",
        FULL_HD,
        "pl-PL",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 OPR/123.0.0.0",
    ),
    agent(
        "desktop",
        (1512, 982),
        "en-US",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    ),
    agent(
        "desktop",
        (1440, 900),
        "en-GB",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    ),
    agent(
        "desktop",
        (1728, 1117),
        "en-US",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        (1440, 900),
        "es-ES",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    agent(
        "desktop",
        FULL_HD,
        "en-US",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        FULL_HD,
        "de-AT",
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    agent(
        "desktop",
        FULL_HD,
        "en-US",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    agent(
        "desktop",
        (1366, 768),
        "en-US",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    agent(
        "mobile",
        IPHONE,
        "en-GB",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "mobile",
        IPHONE,
        "en-US",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "mobile",
        (375, 812),
        "de-DE",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "mobile",
        IPHONE,
        "en-US",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "mobile",
        ANDROID,
        "en-GB",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    agent(
        "mobile",
        ANDROID,
        "de-DE",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.7444.48 Mobile Safari/537.36",
    ),
    agent(
        "mobile",
        (384, 854),
        "es-MX",
        "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.122 Mobile Safari/537.36",
    ),
    agent(
        "mobile",
        ANDROID,
        "fr-FR",
        "Mozilla/5.0 (Linux; Android 14; SM-A546B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    agent(
        "mobile",
        ANDROID,
        "it-IT",
        "Mozilla/5.0 (Android 14; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
    ),
    agent(
        "mobile",
        (393, 873),
        "en-IN",
        "Mozilla/5.0 (Linux; Android 13; Redmi Note 12) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    ),
    agent(
        "tablet",
        (820, 1180),
        "en-US",
        "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "tablet",
        (810, 1080),
        "de-DE",
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.96 Mobile/15E148 Safari/604.1",
    ),
    agent(
        "tablet",
        (800, 1280),
        "en-GB",
        "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    agent(
        "desktop",
        (1080, 1920),
        "en-GB",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessKiosk/4.2 Chrome/128.0.0.0 Safari/537.36",
    ),
];

const NO_SCREEN: (i32, i32) = (0, 0);

/// What robots browse with, by their own word.
pub(crate) const ROBOTS: [Agent; 6] = [
    agent(
        "other",
        NO_SCREEN,
        "en",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ),
    agent(
        "other",
        NO_SCREEN,
        "en",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    ),
    agent(
        "other",
        NO_SCREEN,
        "en",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    ),
    agent(
        "other",
        NO_SCREEN,
        "en",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    ),
    agent(
        "other",
        NO_SCREEN,
        "en",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
    ),
    agent("other", NO_SCREEN, "en", "python-requests/2.32.3"),
];
