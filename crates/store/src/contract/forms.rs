//! Forms: what is kept of them, and what a submission sees.

use super::Fixture;
use super::lists::walk;
use super::world::{ALL, SECOND, World, page};
use crate::*;
use domain::{AppId, FieldType, FormField, FormId, FormRoute, FormSpec};
use std::sync::Arc;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("form");

fn spec() -> FormSpec {
    let email = FormField { name: "email".into(), kind: FieldType::Email, required: true, ..FormField::default() };
    FormSpec { fields: vec![email], only_known_fields: true, files_max: 2, ..FormSpec::default() }
}
async fn create(w: &World, token: &str) -> Form {
    let fields = FormFields { name: "Contact".into(), spec: spec(), ..FormFields::default() };
    w.store.create_form(w.org, fields, token.into()).await.unwrap()
}
async fn route(w: &World, token: &str) -> Option<Arc<FormRoute>> {
    w.store.form_route(token).await.unwrap()
}
async fn patch(w: &World, form: FormId, f: impl FnOnce(&mut FormPatch)) -> Result<Form, StoreError> {
    let mut patch = FormPatch::default();
    f(&mut patch);
    w.store.patch_form(w.org, form, patch).await
}

pub async fn a_form_keeps_what_it_was_given(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let given = FormFields {
        app: Some(app),
        name: "Contact".into(),
        spec: spec(),
        metadata: Metadata::from([("k".into(), "v".into())]),
        disabled: true,
    };
    let made = w.store.create_form(w.org, given.clone(), "tok".into()).await.unwrap();
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        let form = w.store.form(w.org, made.id).await.unwrap();
        assert_eq!((form.id, form.org, form.app, &*form.token), (made.id, w.org, app, "tok"));
        assert_eq!((&*form.name, &form.spec, &form.metadata), ("Contact", &given.spec, &given.metadata));
        assert_eq!((form.disabled, form.updated_at), (true, w.now()));
        let r = route(&w, "tok").await.unwrap();
        assert_eq!((r.org, r.form, r.app, &*r.name), (w.org, made.id, app, "Contact"));
        assert_eq!((r.disabled, &r.spec), (true, &given.spec));
    }
}

pub async fn a_form_belongs_to_its_organisation(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok").await;
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.form(other, made.id).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.patch_form(other, made.id, FormPatch::default()).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.delete_form(other, made.id).await.unwrap_err(), NOT_FOUND);
    assert!(w.store.forms(other, page(ALL)).await.unwrap().data.is_empty());
    assert_eq!(w.store.own_app(w.org).await.unwrap(), made.app);
    let taken = w.store.create_form(other, FormFields::default(), "tok".into()).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    let fields = FormFields { app: Some(made.app), ..FormFields::default() };
    let foreign = w.store.create_form(other, fields, "tok2".into()).await;
    assert_eq!(foreign.unwrap_err(), StoreError::NotFound("application"));
    assert!(patch(&w, made.id, |p| p.app = Some(AppId(1))).await.is_err());
}

pub async fn patch_form_keeps_what_it_leaves_out(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok").await;
    w.clock.advance(SECOND);
    let kept = patch(&w, made.id, |_| {}).await.unwrap();
    assert_eq!((kept.app, &kept.name, &kept.spec), (made.app, &made.name, &made.spec));
    assert_eq!((&*kept.token, kept.disabled, kept.updated_at), ("tok", false, w.now()));
    let new = FormPatch {
        app: Some(w.app().await),
        name: Some("New".into()),
        spec: Some(FormSpec::default()),
        metadata: Some(Metadata::from([("k".into(), "v".into())])),
        disabled: Some(true),
    };
    let p = w.store.patch_form(w.org, made.id, new.clone()).await.unwrap();
    assert_eq!((Some(p.app), &*p.name, p.spec), (new.app, "New", FormSpec::default()));
    assert_eq!((p.metadata.len(), p.disabled), (1, true));
}

pub async fn a_submission_sees_a_change_at_once(f: F) {
    let w = World::new(f).await;
    assert!(route(&w, "tok").await.is_none());
    let made = create(&w, "tok").await;
    let known = route(&w, "tok").await.unwrap();
    assert!(Arc::ptr_eq(&known, &route(&w, "tok").await.unwrap()));
    patch(&w, made.id, |p| p.disabled = Some(true)).await.unwrap();
    assert!(route(&w, "tok").await.unwrap().disabled);
    w.store.delete_form(w.org, made.id).await.unwrap();
    assert!(route(&w, "tok").await.is_none());
    assert_eq!(w.store.form(w.org, made.id).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.delete_form(w.org, made.id).await.unwrap_err(), NOT_FOUND);
}

pub async fn forms_are_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut forms = Vec::new();
    for n in 0..20 {
        let made = create(&w, &format!("t{n}")).await;
        match n % 5 {
            0 => w.store.delete_form(w.org, made.id).await.unwrap(),
            _ => forms.push(made.id),
        }
    }
    let list = async |q| w.store.forms(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |f| f.id).await, forms);
    forms.reverse();
    assert_eq!(walk(Order::Descending, list, |f| f.id).await, forms);
}

pub async fn forms_go_with_their_application(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let fields = FormFields { app: Some(app), ..FormFields::default() };
    let made = w.store.create_form(w.org, fields, "tok".into()).await.unwrap();
    let stays = create(&w, "stays").await;
    assert!(route(&w, "tok").await.is_some());
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    for swept in [false, true] {
        if swept {
            w.sweep().await;
            w.restart().await;
        }
        assert!(route(&w, "tok").await.is_none() && route(&w, "stays").await.is_some());
        assert_eq!(w.store.form(w.org, made.id).await.unwrap_err(), NOT_FOUND);
        let listed = w.store.forms(w.org, page(ALL)).await.unwrap().data;
        assert!(listed.iter().map(|f| f.id).eq([stays.id]));
    }
}
