//! The button that chooses light, dark, or what the system says; the mark for browsers' tabs.
//!
//! **Invariant:** sets a cookie and nothing else.

use crate::call::Visit;
use crate::fault::Fault;
use crate::reply::Reply;

const YEAR_S: u64 = 365 * 24 * 3600;

pub(crate) async fn set(visit: Visit) -> Result<Reply, Fault> {
    let form = visit.form();
    let theme = match form.get("theme") {
        theme @ ("light" | "dark") => theme,
        _ => "auto",
    };
    Ok(Reply::see(local(form.get("back"))).cookie("theme", theme, YEAR_S, false))
}

/// What browsers ask for where a page names no icon: files, answers in JSON.
pub(crate) async fn mark(_: Visit) -> Result<Reply, Fault> {
    Ok(Reply::file("image/svg+xml", include_str!("../../assets/mark.svg").to_owned()))
}

/// A path of this server, never another's.
pub(crate) fn local(path: &str) -> &str {
    let is_local = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']);
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_a_path_of_ours() {
        for (path, want) in [
            ("/apps?x=1", "/apps?x=1"),
            ("//evil.test", "/"),
            ("https://evil.test", "/"),
            ("/\\evil.test", "/"),
            ("/\t/evil.test", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(path), want, "{path:?}");
        }
    }
}
