"""Every page that links lead to, from Home on.

**Invariant:** pages are found, not listed: a new page is looked at without a change here.
"""

import re
import urllib.parse

ID = re.compile(r"^[a-z]+_[0-9A-Za-z]{20,}$")
# Links that end the session, leave the server, or are files.
SKIP = re.compile(r"^/(logout|assets|api|ingest|in|l|f|c)(/|$)|\.(csv|har|ndjson|json|png|svg)$|/(export|download|qr|raw|stream|payload)")


def kind(url):
    """Which page it is, whatever it shows: ids become `:id`, and of the query only what chooses a view stays."""
    parts = urllib.parse.urlsplit(url)
    path = "/".join(":id" if ID.match(part) else part for part in parts.path.split("/"))
    path = re.sub(r"^/(event-types|docs|sources/new)/(?!new$|import$)[^/]+", r"/\1/:id", path)
    chosen = {name: value for name, value in urllib.parse.parse_qsl(parts.query) if name in ("tab", "view", "step", "as", "show", "body")}
    return path + ("?" + urllib.parse.urlencode(sorted(chosen.items())) if chosen else "")


def links(browser, origin):
    """Same-origin pages that the present page links to."""
    hrefs = browser.js("return [...document.querySelectorAll('a[href]')].map((a) => a.href)")
    found = []
    for href in hrefs:
        parts = urllib.parse.urlsplit(href or "")
        if f"{parts.scheme}://{parts.netloc}" == origin and not SKIP.search(parts.path):
            found.append(parts._replace(fragment="").geturl())
    return found


def pages(browser, origin, look=lambda url: None, start=("/",), limit=400, by=kind):
    """One URL for each kind of page, in the order found; opens each once, and lets `look` see it there."""
    seen, todo, out = set(), [origin + path for path in start], []
    while todo:
        url = todo.pop(0)
        if by(url) in seen:
            continue
        seen.add(by(url))
        assert len(seen) <= limit, f"more than {limit} kinds of pages: {sorted(seen)[-5:]}"
        browser.open(url)
        out.append(url)
        todo += links(browser, origin)
        look(url)
    return out


def name(url):
    """A file's name for a page."""
    return re.sub(r"[^a-z0-9]+", "-", kind(url).lower()).strip("-") or "home"
