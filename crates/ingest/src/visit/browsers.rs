//! Of which device, system and browser a user agent speaks.
//!
//! **Invariant:** a closed set of names, so that no visitor can fill the statistics with names of their own making. An order
//! is a rule: whoever pretends to be another stands before it (Edge says Chrome, Chrome says Safari).

use super::products::Parts;

/// A token that is looked for in the whole text, and what it stands for.
type Table = &'static [(&'static str, &'static str)];

/// The first of these counts.
const SYSTEMS: Table = &[
    ("Windows Phone", "Windows Phone"),
    ("Xbox", "Xbox"),
    ("PlayStation", "PlayStation"),
    ("PLAYSTATION", "PlayStation"),
    ("Nintendo", "Nintendo"),
    ("Windows", "Windows"),
    ("iPad", "iPadOS"),
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("AppleTV", "tvOS"),
    ("KAIOS", "KaiOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("Tizen", "Tizen"),
    ("Web0S", "webOS"),
    ("webOS", "webOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("BB10", "BlackBerry"),
    ("BlackBerry", "BlackBerry"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// Apps that show pages in a view of their own. The first counts.
const APPS: Table = &[
    ("Instagram", "Instagram"),
    ("Barcelona ", "Threads"),
    ("FBAN/Messenger", "Messenger"),
    ("MessengerForiOS", "Messenger"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("FB_IAB", "Facebook"),
    ("FBIOS", "Facebook"),
    ("MetaIAB", "Facebook"),
    ("musical_ly", "TikTok"),
    ("trill_", "TikTok"),
    ("TikTok", "TikTok"),
    ("BytedanceWebview", "TikTok"),
    ("LinkedInApp", "LinkedIn"),
    ("Snapchat", "Snapchat"),
    ("[Pinterest", "Pinterest"),
    ("Pinterest/", "Pinterest"),
    ("Twitter for", "X"),
    ("TwitterAndroid", "X"),
    ("Reddit/", "Reddit"),
    ("MicroMessenger", "WeChat"),
    ("KAKAOTALK", "KakaoTalk"),
    (" Line/", "LINE"),
    ("NAVER(", "Naver"),
    ("GSA/", "Google app"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
];

/// Browsers by the token that only they have. The first counts.
const BROWSERS: Table = &[
    ("SamsungBrowser", "Samsung Internet"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("EdgW/", "Edge"),
    ("Opera Mini", "Opera Mini"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera"),
    ("OPiOS/", "Opera"),
    ("Opera", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser", "Yandex Browser"),
    ("YaApp", "Yandex Browser"),
    ("YaSearch", "Yandex Browser"),
    ("Brave", "Brave"),
    ("UCBrowser", "UC Browser"),
    ("UCWEB", "UC Browser"),
    ("UBrowser", "UC Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("ArkWeb", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("HeyTapBrowser", "OPPO Browser"),
    ("VivoBrowser", "Vivo Browser"),
    ("Whale/", "Whale"),
    ("coc_coc_browser", "Coc Coc"),
    ("MQQBrowser", "QQ Browser"),
    ("QQBrowser", "QQ Browser"),
    ("Silk/", "Silk"),
    ("Puffin", "Puffin"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("Klar/", "Firefox"),
    ("SeaMonkey", "SeaMonkey"),
    ("PaleMoon", "Pale Moon"),
    ("Firefox", "Firefox"),
    ("Electron/", "Electron"),
    ("CriOS/", "Chrome"),
    ("; wv)", "Android WebView"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("BlackBerry", "BlackBerry Browser"),
    ("BB10", "BlackBerry Browser"),
    ("Android", "Android Browser"),
    ("Safari/", "Safari"),
    // A view of an iOS app says nothing but its engine.
    ("AppleWebKit/", "WebView"),
];

/// Tokens of televisions and what is plugged into them.
const TELEVISIONS: &[&str] = &[
    "TV",
    "BRAVIA",
    "Bravia",
    "CrKey",
    "Roku",
    "Web0S",
    "NetCast",
    "VIDAA",
    "AFTT",
    "AFTM",
    "AFTS",
    "AFTB",
    "AFTN",
    "AFTK",
    "AFTR",
    "AFTG",
    "MIBOX",
    "Chromecast",
];
const CONSOLES: &[&str] = &["PlayStation", "PLAYSTATION", "Nintendo", "Xbox"];
/// Tablets that say `Mobile`, or say nothing but their model.
const TABLETS: &[&str] = &[
    "iPad", "Tablet", "tablet", "Kindle", "PlayBook", "SM-T", "SM-X", "SM-P", "GT-P", "Nexus 7", "Nexus 9", "Nexus 10",
    "Pixel C",
];
const PHONES: &[&str] = &[
    "iPhone",
    "iPod",
    "Windows Phone",
    "IEMobile",
    "BlackBerry",
    "BB10",
    "KAIOS",
    "Opera Mini",
    "Opera Mobi",
    "J2ME",
    "MIDP",
    "Symbian",
];
const DESKTOPS: &[&str] = &["Windows", "Macintosh", "Mac OS X", "CrOS", "X11", "Linux"];

/// `desktop`, `phone`, `tablet`, `tv`, `console` or `other`.
pub(super) fn device(text: &str, parts: &Parts<'_>) -> &'static str {
    // Where the device is named; outside there are only apps.
    let platform = parts.comments.first().copied().unwrap_or_default();
    let says = |tokens: &[&str]| tokens.iter().any(|token| platform.contains(token));
    let is_mobile = parts.has(&["Mobile"]) || text.contains(" Mobile ") || platform.contains("Mobile");
    if says(CONSOLES) {
        return "console";
    }
    if is_television(text, platform) {
        return "tv";
    }
    if says(TABLETS) {
        return "tablet";
    }
    if says(PHONES) {
        return "phone";
    }
    if says(&["Android", "HarmonyOS", "OpenHarmony"]) {
        return if is_mobile || platform.contains("Phone") { "phone" } else { "tablet" };
    }
    if is_mobile && !says(&["Windows", "Macintosh", "CrOS"]) {
        return "phone";
    }
    if says(DESKTOPS) { "desktop" } else { "other" }
}

fn is_television(text: &str, platform: &str) -> bool {
    let whole_word = |token: &str| {
        text.match_indices(token).any(|(at, _)| {
            let after = text.get(at + token.len()..).and_then(|rest| rest.chars().next());
            !after.is_some_and(|c| c.is_ascii_alphabetic())
        })
    };
    TELEVISIONS.iter().any(|token| match *token {
        "TV" => whole_word(token),
        _ => platform.contains(token) || (*token == "CrKey" && text.contains(token)),
    })
}

pub(super) fn system(text: &str) -> Option<&'static str> {
    first(SYSTEMS, text)
}

pub(super) fn browser(text: &str) -> Option<&'static str> {
    first(APPS, text).or_else(|| first(BROWSERS, text))
}

fn first(table: Table, text: &str) -> Option<&'static str> {
    table.iter().find(|(token, _)| text.contains(token)).map(|(_, name)| *name)
}
