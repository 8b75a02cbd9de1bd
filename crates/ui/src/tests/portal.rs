//! The customers' portal: who may frame it, what it weighs, that it holds nobody's secret.

use super::{Answer, Who, World};
use crate::assets::ASSETS;
use store::Profile;

/// Bytes of the page and all that it loads, compressed.
const WEIGHT_MAX: usize = 60_000;

async fn page(world: &World, query: &str) -> Answer {
    world.get(Who::Nobody, &format!("/portal{query}")).await
}

fn ancestors(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy").to_owned();
    assert_eq!(answer.headers.get_all("content-security-policy").iter().count(), 1);
    policy.split_once("frame-ancestors ").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_page_is_framed_by_the_operators_origins_and_those_of_the_organisation_alone() {
    let world = World::new().await;
    let origins = vec!["https://app.one.example".to_owned(), "http://localhost:3000".to_owned()];
    let profile = Profile { portal_origins: origins, ..Profile::default() };
    world.store.set_profile(world.org(Who::Owner), profile).await.unwrap();
    let operator = "https://operator.example";
    for (query, want) in [
        ("", operator),
        ("?org=org_one", "https://operator.example https://app.one.example http://localhost:3000"),
        (
            "?org=org_one&darkMode=true&next=/logs",
            "https://operator.example https://app.one.example http://localhost:3000",
        ),
        ("?org=org_two", operator),
        ("?org=org_unseen", operator),
        ("?org=org_one%20*", operator),
        ("?org=%0d%0aset-cookie:%20x=1", operator),
        (&format!("?org={}", "x".repeat(5000)), operator),
    ] {
        let answer = page(&world, query).await;
        assert_eq!((answer.status.as_u16(), ancestors(&answer).as_str()), (200, want), "{query}");
        assert!(answer.header("set-cookie").is_empty() && answer.header("x-frame-options").is_empty());
    }
    assert_eq!(world.store.find_organisation("org_unseen").await.unwrap(), None, "a visit makes no organisation");
}

#[tokio::test]
async fn the_page_allows_nothing_inline_and_nothing_from_elsewhere() {
    let world = World::new().await;
    let answer = page(&world, "?org=org_one&logo=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    let policy = answer.header("content-security-policy");
    for part in
        ["default-src 'none';", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "form-action 'none';"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((answer.header("referrer-policy"), answer.header("cache-control")), ("no-referrer", "no-store"));
    answer.says("needs JavaScript").says_not("alert(1)").says_not("org_one").says_not("style=").says_not("onclick");
    let links = answer.body.matches("href=\"").count() + answer.body.matches("src=\"").count();
    let own = answer.body.matches("=\"/assets/").count();
    assert_eq!(links - own, 2, "but for the skip link and the empty icon, everything is an asset of ours");
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_weigh_little() {
    let world = World::new().await;
    let page = page(&world, "").await.body.len();
    let files: Vec<_> = ASSETS.iter().filter(|asset| asset.name.starts_with("portal/")).collect();
    assert!(files.len() > 5);
    let weight: usize = page + files.iter().map(|asset| asset.packed.len()).sum::<usize>();
    assert!(weight <= WEIGHT_MAX, "{weight}");
    for file in files.iter().filter(|asset| asset.kind.starts_with("text/javascript")) {
        let text = std::str::from_utf8(file.plain).unwrap();
        for import in text.lines().filter(|line| line.starts_with("import ")) {
            let from = import.rsplit_once(" from \"").map_or("", |(_, path)| path.trim_end_matches("\";"));
            let name = from.strip_prefix("./").map(|name| format!("portal/{name}"));
            assert!(name.is_some_and(|name| files.iter().any(|f| f.name == name)), "{}: {import}", file.name);
        }
        for never in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://"] {
            let is_svg =
                never == "http://" && text.matches("http://").count() == text.matches("http://www.w3.org/").count();
            assert!(!text.contains(never) || is_svg, "{}: {never}", file.name);
        }
    }
}
