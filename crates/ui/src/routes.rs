//! The table of pages: method, path, who may open it, what answers.
//!
//! The router and the tests of access read this one table. **Invariant:** a route without an [`Access`] doesn't compile, and
//! one that changes anything is never a `Get`.

use crate::call::{Call, Visit};
use crate::fault::Fault;
use crate::pages::accounts::{account, invite, login, reset, setup};
use crate::pages::{self, settings};
use crate::reply::Reply;
use crate::session::Right;
use std::pin::Pin;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Who is signed in and has the right.
    Needs(Right),
}

pub(crate) enum Handler {
    Call(fn(Call) -> HandlerFuture),
    Visit(fn(Visit) -> HandlerFuture),
}

pub(crate) struct Route {
    pub verb: Verb,
    pub path: &'static str,
    pub access: Access,
    pub handler: Handler,
}

macro_rules! routes {
    ($($verb:ident $path:literal $access:ident, $($handler:ident)::+;)*) => {
        pub(crate) static ROUTES: &[Route] = &[$(Route {
            verb: Verb::$verb,
            path: $path,
            access: routes!(@access $access),
            handler: routes!(@handler $access, $($handler)::+),
        },)*];
    };
    (@access Public) => { Access::Public };
    (@access $right:ident) => { Access::Needs(Right::$right) };
    (@handler Public, $($handler:ident)::+) => { Handler::Visit(|visit| Box::pin($($handler)::+(visit))) };
    (@handler $right:ident, $($handler:ident)::+) => { Handler::Call(|call| Box::pin($($handler)::+(call))) };
}

routes! {
    Get "/" Read, pages::home::show;
    Post "/theme" Public, pages::theme::set;

    // Receiving: sources and the inspector.
    Get "/sources" Read, pages::sources::list;
    Get "/sources/new" Read, pages::sources::new;
    Post "/sources/new" Write, pages::sources::create;
    Get "/sources/{source}" Read, pages::sources::show;
    Get "/sources/{source}/stream" Read, pages::sources::stream;
    Get "/sources/{source}/export" Read, pages::sources::export;
    Post "/sources/{source}/edit" Write, pages::sources::edit;
    Post "/sources/{source}/state" Write, pages::sources::state;
    Post "/sources/{source}/forward" Write, pages::sources::forward;
    Post "/sources/{source}/rotate" Write, pages::sources::rotate;
    Post "/sources/{source}/delete" Write, pages::sources::delete;
    Get "/sources/{source}/requests/{request}" Read, pages::sources::request;
    Get "/sources/{source}/requests/{request}/raw" Read, pages::sources::raw;
    Post "/sources/{source}/requests/{request}/accept" Write, pages::sources::accept;
    Post "/sources/{source}/requests/{request}/replay" Resend, pages::sources::replay;
    Get "/inspector" Read, pages::inspector::list;
    Post "/inspector" Write, pages::inspector::create;
    Get "/inspector/{bin}" Read, pages::inspector::show;
    Get "/inspector/{bin}/stream" Read, pages::inspector::stream;
    Get "/inspector/{bin}/export" Read, pages::inspector::export;
    Post "/inspector/{bin}/answer" Write, pages::inspector::answer;
    Post "/inspector/{bin}/settings" Write, pages::inspector::settings;
    Post "/inspector/{bin}/share" Write, pages::inspector::share;
    Post "/inspector/{bin}/clear" Write, pages::inspector::clear;
    Post "/inspector/{bin}/delete" Write, pages::inspector::delete;
    Get "/inspector/{bin}/requests/{capture}/raw" Read, pages::inspector::raw;
    Post "/inspector/{bin}/requests/{capture}/replay" Resend, pages::inspector::replay;

    // Links, forms, and the wizards that connect them.
    Get "/links" Read, pages::links::list;
    Get "/links/new" Write, pages::links::new;
    Post "/links/new" Write, pages::links::create;
    Get "/links/import" Read, pages::links::import;
    Post "/links/import" Write, pages::links::start;
    Get "/links/import/{import}" Read, pages::links::import_errors;
    Get "/links/{link}" Read, pages::links::show;
    Get "/links/{link}/edit" Write, pages::links::edit;
    Post "/links/{link}/edit" Write, pages::links::edit;
    Get "/links/{link}/qr" Read, pages::links::qr;
    Get "/links/{link}/export" Read, pages::links::export;
    Post "/links/{link}/state" Write, pages::links::state;
    Post "/links/{link}/tell" Write, pages::links::tell;
    Post "/links/{link}/delete" Write, pages::links::delete;
    Get "/forms" Read, pages::forms::list;
    Get "/forms/new" Write, pages::forms::new;
    Post "/forms/new" Write, pages::forms::create;
    Get "/forms/{form}" Read, pages::forms::show;
    Get "/forms/{form}/edit" Write, pages::forms::edit;
    Post "/forms/{form}/edit" Write, pages::forms::edit;
    Get "/forms/{form}/export" Read, pages::forms::export;
    Post "/forms/{form}/state" Write, pages::forms::state;
    Post "/forms/{form}/tell" Write, pages::forms::tell;
    Post "/forms/{form}/delete" Write, pages::forms::delete;
    Get "/connect" Read, pages::connect::index;
    Get "/connect/form" Read, pages::connect::form;
    Post "/connect/form" Write, pages::connect::form_step;
    Get "/connect/link" Read, pages::connect::link;
    Post "/connect/link" Write, pages::connect::link_step;
    Get "/connect/zapier" Read, pages::connect::platform;
    Post "/connect/zapier" Write, pages::connect::platform_step;
    Post "/connect/zapier/example" Resend, pages::connect::platform_example;
    Get "/connect/make" Read, pages::connect::platform;
    Post "/connect/make" Write, pages::connect::platform_step;
    Post "/connect/make/example" Resend, pages::connect::platform_example;
    Get "/connect/ifttt" Read, pages::connect::platform;
    Post "/connect/ifttt" Write, pages::connect::platform_step;
    Post "/connect/ifttt/example" Resend, pages::connect::platform_example;
    Get "/login" Public, login::show;
    Post "/login" Public, login::enter;
    Post "/logout" Read, login::leave;
    Get "/setup" Public, setup::show;
    Post "/setup" Public, setup::create;
    Get "/setup/goal" Own, setup::goals;
    Post "/setup/goal" Own, setup::choose;
    Get "/invite" Public, invite::show;
    Post "/invite" Public, invite::join;
    Get "/reset" Public, reset::show;
    Post "/reset" Public, reset::set;
    Get "/reachable" Public, setup::reachable;
    Get "/account" Read, account::show;
    Post "/account/name" Read, account::rename;
    Post "/account/password" Read, account::password;
    Post "/account/shortcuts" Read, account::shortcuts;
    Post "/account/sessions" Read, account::close;

    Get "/settings" Read, settings::show;
    Get "/settings/organisation" Own, settings::organisation::show;
    Post "/settings/organisation" Own, settings::organisation::set;
    Post "/settings/organisation/check" Own, settings::organisation::check;
    Get "/settings/portal" Own, settings::portal::show;
    Post "/settings/portal" Own, settings::portal::set;
    Get "/settings/team" Own, settings::team::show;
    Post "/settings/team/invite" Own, settings::team::invite;
    Post "/settings/team/{person}/role" Own, settings::team::change_role;
    Get "/settings/team/{person}/remove" Own, settings::team::ask_remove;
    Post "/settings/team/{person}/remove" Own, settings::team::remove;
    Get "/settings/keys" Own, settings::keys::show;
    Post "/settings/keys" Own, settings::keys::create;
    Get "/settings/keys/{key}/revoke" Own, settings::keys::ask_revoke;
    Post "/settings/keys/{key}/revoke" Own, settings::keys::revoke;
    Get "/settings/server" Own, settings::server::show;
    Get "/audit" Own, pages::audit::show;
}
