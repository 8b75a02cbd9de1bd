//! Settings of an organisation, its team and its keys; the audit log.

use super::{Who, World};
use http::StatusCode;
use serde_json::json;
use store::Role;

#[tokio::test]
async fn what_is_wrong_with_a_setting_is_said_beside_it_and_nothing_is_lost() {
    let world = World::new().await;
    let bad = [("name", "Acme"), ("public_url", "hooks.example.com")];
    let page = world.post(Who::Owner, "/settings/organisation", &bad).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.says("no path").says("value=\"hooks.example.com\"").says("value=\"Acme\"");
    assert_eq!(world.store.profile(world.org(Who::Owner)).name, "");
    let good = [("name", "Acme <b>"), ("public_url", "https://Hooks.example.com/")];
    assert_eq!(world.post(Who::Owner, "/settings/organisation", &good).await.status, StatusCode::SEE_OTHER);
    let profile = world.store.profile(world.org(Who::Owner));
    assert_eq!((profile.public_url.as_deref(), profile.steps_hidden), (Some("https://hooks.example.com"), true));
    world.get(Who::Owner, "/settings/organisation").await.says("Acme &#60;b&#62;").says_not("Acme <b>");
}

#[tokio::test]
async fn the_brand_keeps_what_it_was_given_and_refuses_what_could_be_markup() {
    let world = World::new().await;
    let logo = "data:image/png;base64,iVBORw0KGgo=";
    let brand = [
        ("brand_name", "Acme hooks"),
        ("logo", logo),
        ("own_accent", "on"),
        ("accent", "#AA2211"),
        ("font", "Inter"),
        ("scheme", "dark"),
        ("origins", "https://app.acme.example/\nhttps://b.example"),
    ];
    assert_eq!(world.post(Who::Owner, "/settings/portal", &brand).await.status, StatusCode::SEE_OTHER);
    let profile = world.store.profile(world.org(Who::Owner));
    assert_eq!((profile.brand.accent.as_deref(), profile.brand.dark), (Some("#aa2211"), Some(true)));
    assert_eq!((profile.brand.logo.as_deref(), profile.brand.unbranded), (Some(logo), true));
    assert_eq!(profile.portal_origins, ["https://app.acme.example", "https://b.example"]);
    world.get(Who::Owner, "/settings/portal").await.says("Acme hooks").says("#aa2211").says("https://b.example");
    for (field, value, says) in [
        ("logo", "data:image/svg+xml;base64,PHN2Zz4=", "PNG, JPEG or WebP image"),
        ("origins", "https://*.example", "20 at most"),
        ("font", "x\"; }", "letters, digits"),
    ] {
        let page = world.post(Who::Owner, "/settings/portal", &[(field, value)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        page.says(says);
    }
    assert_eq!(world.store.profile(world.org(Who::Owner)), profile);
}

#[tokio::test]
async fn an_owner_invites_changes_roles_and_removes_after_typing_the_address() {
    let world = World::new().await;
    let made =
        world.post(Who::Owner, "/settings/team/invite", &[("email", "new@example.com"), ("role", "support")]).await;
    made.says("http://hooks.test/invite?ticket=invite.").says("new@example.com");
    world.post(Who::Owner, "/settings/team/invite", &[("email", "support@example.com")]).await.says("has this e-mail");
    let (support, _) = world.store.person_by_email("support@example.com").await.unwrap().unwrap();
    let id = world.store.codec().text(support.id);
    world.post(Who::Owner, &format!("/settings/team/{id}/role"), &[("role", "developer")]).await;
    assert_eq!(world.store.person(support.org, support.id).await.unwrap().role, Role::Developer);
    let (owner, _) = world.store.person_by_email("owner@example.com").await.unwrap().unwrap();
    let own = world.store.codec().text(owner.id);
    let last = world.post(Who::Owner, &format!("/settings/team/{own}/role"), &[("role", "support")]).await;
    assert_eq!(last.status, StatusCode::CONFLICT);
    last.says("at least one owner");
    let remove = format!("/settings/team/{id}/remove");
    let unsure = world.post(Who::Owner, &remove, &[("confirm", "yes")]).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gone = world.post(Who::Owner, &remove, &[("confirm", "Support@example.com")]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert_eq!(world.get(Who::Support, "/account").await.status, StatusCode::SEE_OTHER, "signed out");
    let mine =
        world.post(Who::Owner, &format!("/settings/team/{own}/remove"), &[("confirm", "owner@example.com")]).await;
    assert_eq!(mine.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_key_is_shown_once_and_revoked_after_typing_its_name() {
    let world = World::new().await;
    let page = world.post(Who::Owner, "/settings/keys", &[("name", "")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.says("Give it a name").says("Choose at least one");
    let fields = [("name", "billing"), ("scope", "read"), ("scope", "messages:send"), ("expires", "30")];
    let made = world.post(Who::Owner, "/settings/keys", &fields).await;
    made.says("shown only this once").says("eyJ");
    let list = world.get(Who::Owner, "/settings/keys").await;
    list.says("billing").says("ends").says_not("eyJ");
    let keys = world.api(Who::Owner, "GET", "/api/v1/api-key", json!(null)).await;
    let id = keys["data"][0]["id"].as_str().unwrap();
    assert_eq!(keys["data"][0]["createdBy"], "person:owner@example.com");
    let path = format!("/settings/keys/{id}/revoke");
    assert_eq!(world.post(Who::Owner, &path, &[("confirm", "no")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.post(Who::Owner, &path, &[("confirm", "billing")]).await.status, StatusCode::SEE_OTHER);
    world.get(Who::Owner, "/settings/keys").await.says("revoked");
}

#[tokio::test]
async fn the_servers_settings_show_no_secret_and_can_be_searched() {
    let world = World::new().await;
    world
        .get(Who::Owner, "/settings/server")
        .await
        .says("jwt-secret")
        .says("********")
        .says("env POSTRIDER_JWT_SECRET");
    world.get(Who::Owner, "/settings/server?q=TOKENS").await.says("jwt-secret");
    world.get(Who::Owner, "/settings/server?q=nothing").await.says("No setting is like that").says_not("jwt-secret");
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_its_filters_are_in_the_url() {
    let world = World::new().await;
    world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": "<img src=x>", "uid": "a"})).await;
    world.post(Who::Owner, "/settings/organisation", &[("name", "Acme"), ("public_url", "")]).await;
    let all = world.get(Who::Owner, "/audit").await;
    all.says("app.create").says("organisation.update").says("owner@example.com").says_not("<img src=x");
    let some = world.get(Who::Owner, "/audit?action=organisation&actor=owner%40example.com").await;
    some.says("organisation.update").says_not("<code>app.create</code>").says("Clear filters");
    world.get(Who::Owner, "/audit?object=none").await.says("Nothing on this page is like that");
    world.get(Who::Owner, "/audit?since=never").await.says("RFC 3339");
    for _ in 0..31 {
        world.post(Who::Owner, "/settings/organisation", &[("name", "Acme"), ("public_url", "")]).await;
    }
    let first = world.get(Who::Owner, "/audit?action=organisation").await;
    let next = first.body.split("href=\"/audit").find(|part| part.contains("after=")).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    world.get(Who::Owner, &format!("/audit{next}")).await.says("organisation.update").says_not(">Older<");
}
