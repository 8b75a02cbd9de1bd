//! Well-known user agents, by hand: what each must be found to be.

use crate::visit::agent::Agent;

fn check(user_agent: &str, device: &'static str, os: &'static str, browser: &'static str) {
    let want = Agent { bot: false, device: Some(device), os: Some(os), browser: Some(browser) };
    assert_eq!(Agent::of(user_agent.as_bytes()), want, "{user_agent}");
}

const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
const APPLE: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";

#[test]
fn browsers_of_desktops_are_known() {
    let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
    let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
    let linux = "Mozilla/5.0 (X11; Linux x86_64)";
    let chrome = "Chrome/142.0.0.0 Safari/537.36";
    check(&format!("{windows} {WEBKIT} {chrome}"), "desktop", "Windows", "Chrome");
    check(&format!("{mac} {WEBKIT} {chrome}"), "desktop", "macOS", "Chrome");
    check(&format!("{linux} {WEBKIT} {chrome}"), "desktop", "Linux", "Chrome");
    check(&format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} {chrome}"), "desktop", "ChromeOS", "Chrome");
    check(&format!("{windows} {WEBKIT} {chrome} Edg/142.0.0.0"), "desktop", "Windows", "Edge");
    check(&format!("{windows} {WEBKIT} {chrome} OPR/126.0.0.0"), "desktop", "Windows", "Opera");
    check(&format!("{mac} {WEBKIT} {chrome} Vivaldi/7.6.3797.63"), "desktop", "macOS", "Vivaldi");
    check(
        &format!("{windows} {WEBKIT} Chrome/140.0.0.0 YaBrowser/25.10.0.0 Safari/537.36"),
        "desktop",
        "Windows",
        "Yandex Browser",
    );
    check(&format!("{mac} {APPLE} Version/26.1 Safari/605.1.15"), "desktop", "macOS", "Safari");
    check(&format!("{mac} {APPLE} Version/18.6 Safari/605.1.15 Ddg/18.6"), "desktop", "macOS", "DuckDuckGo");
    check(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "desktop",
        "Windows",
        "Firefox",
    );
    check(
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "desktop",
        "Linux",
        "Firefox",
    );
    check(
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "desktop",
        "Windows",
        "Internet Explorer",
    );
    check(
        &format!("{windows} {WEBKIT} Slack/4.46.101 Chrome/140.0.7339.133 Electron/38.1.2 Safari/537.36"),
        "desktop",
        "Windows",
        "Electron",
    );
}

#[test]
fn browsers_of_phones_and_tablets_are_known() {
    let android = "Mozilla/5.0 (Linux; Android 10; K)";
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X)";
    check(&format!("{android} {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36"), "phone", "Android", "Chrome");
    check(&format!("{android} {WEBKIT} Chrome/142.0.0.0 Safari/537.36"), "tablet", "Android", "Chrome");
    check(
        &format!("{android} {WEBKIT} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"),
        "phone",
        "Android",
        "Samsung Internet",
    );
    check(
        &format!("{android} {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0"),
        "phone",
        "Android",
        "Edge",
    );
    check(
        &format!("{android} {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36 (Ecosia android@142.0.0.0)"),
        "phone",
        "Android",
        "Chrome",
    );
    check(
        &format!("Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36"),
        "phone",
        "Android",
        "Chrome",
    );
    check("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "phone", "Android", "Firefox");
    check("Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0", "tablet", "Android", "Firefox");
    check(&format!("{iphone} {APPLE} Version/26.1 Mobile/15E148 Safari/604.1"), "phone", "iOS", "Safari");
    check(&format!("{iphone} {APPLE} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"), "phone", "iOS", "Chrome");
    check(&format!("{iphone} {APPLE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15"), "phone", "iOS", "Firefox");
    check(&format!("{iphone} {APPLE} GSA/392.0.829398500 Mobile/15E148 Safari/604.1"), "phone", "iOS", "Google app");
    check(
        &format!("Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {APPLE} Version/18.7 Mobile/15E148 Safari/604.1"),
        "tablet",
        "iPadOS",
        "Safari",
    );
    check(
        &format!(
            "Mozilla/5.0 (Linux; Android 11; KFTRWI) {WEBKIT} Silk/135.6.4 like Chrome/135.0.7049.116 Safari/537.36"
        ),
        "tablet",
        "Android",
        "Silk",
    );
    check(
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
        "phone",
        "Android",
        "Opera Mini",
    );
}

#[test]
fn views_inside_apps_are_people() {
    let ios = format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {APPLE} Mobile/22H20");
    let android = format!(
        "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015.A2; wv) {WEBKIT} Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36"
    );
    check(&ios, "phone", "iOS", "WebView");
    check(&android, "phone", "Android", "Android WebView");
    check(
        &format!(
            "{ios} [FBAN/FBIOS;FBAV/530.0.0.41.76;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.7;FBCR/Vodafone.de;FBOP/5]"
        ),
        "phone",
        "iOS",
        "Facebook",
    );
    check(&format!("{android} [FB_IAB/FB4A;FBAV/535.0.0.50.72;]"), "phone", "Android", "Facebook");
    check(
        &format!("{ios} Instagram 405.0.0.28.82 (iPhone15,2; iOS 18_7; de_DE; de; scale=3.00; 1179x2556; 810000000)"),
        "phone",
        "iOS",
        "Instagram",
    );
    check(
        &format!(
            "{android} musical_ly_2024204030 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/42.4.3 ByteLocale/en"
        ),
        "phone",
        "Android",
        "TikTok",
    );
    check(&format!("{ios} [LinkedInApp]/9.31.4510"), "phone", "iOS", "LinkedIn");
    check(&format!("{ios} MicroMessenger/8.0.64(0x18004034) NetType/WIFI Language/en"), "phone", "iOS", "WeChat");
    check(&format!("{ios} Safari Line/15.18.0"), "phone", "iOS", "LINE");
}

#[test]
fn televisions_and_consoles_are_told_from_desktops() {
    check(
        &format!("Mozilla/5.0 (SMART-TV; LINUX; Tizen 8.0) {WEBKIT} 108.0.5359.1/8.0 TV Safari/537.36"),
        "tv",
        "Tizen",
        "Safari",
    );
    check(
        &format!("Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/120.0.6099.270 Safari/537.36 WebAppManager"),
        "tv",
        "webOS",
        "Chrome",
    );
    check(
        "Mozilla/5.0 (PlayStation; PlayStation 5/11.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
        "console",
        "PlayStation",
        "Safari",
    );
}

#[test]
fn programs_are_bots() {
    let bots = [
        "",
        "-",
        "Mozilla/5.0",
        "Mozilla/5.0 (compatible)",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "facebookexternalhit/1.1",
        "Twitterbot/1.0",
        "WhatsApp/2.25.31.75 A",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
        "Mozilla/5.0 (Linux; Android 7.0; SM-G930V Build/NRD90M) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/59.0.3071.125 Mobile Safari/537.36 (compatible; Google-Read-Aloud; +https://support.google.com/webmasters/answer/1061943)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        "curl/8.14.1",
        "Wget/1.25.0",
        "python-requests/2.32.5",
        "Python/3.13 aiohttp/3.12.15",
        "Go-http-client/2.0",
        "axios/1.12.2",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "node",
        "undici",
        "okhttp/5.1.0",
        "Java/21.0.8",
        "Apache-HttpClient/5.5 (Java/21.0.8)",
        "libwww-perl/6.79",
        "PostmanRuntime/7.48.0",
        "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8 Build/AP4A.250205.002)",
        "MyApp/1 CFNetwork/3826.600.41 Darwin/24.6.0",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3.170816.012; Storebot-Google/1.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0.4044.138 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 SomeTool",
    ];
    for bot in bots {
        assert!(Agent::of(bot.as_bytes()).bot, "{bot}");
    }
}

#[test]
fn what_is_no_text_or_too_long_is_a_bot() {
    assert!(Agent::of(b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0\xff").bot);
    assert!(Agent::of(b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\x07 Firefox/145.0").bot);
    let long = format!("Mozilla/5.0 (X11; Linux x86_64{}) Gecko/20100101 Firefox/145.0", "; x".repeat(160));
    assert!(Agent::of(long.as_bytes()).bot);
}
