//! The table of pages: method, path, who may open it, what answers.
//!
//! The router and the tests of access read this one table. **Invariant:** a route without an [`Access`] doesn't compile, and
//! one that changes anything is never a `Get`.

use crate::call::{Call, Visit};
use crate::fault::Fault;
use crate::pages::accounts::{account, invite, login, reset, setup};
use crate::pages::{self, event_types, sending, settings, tools};
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
    Post "/steps/hide" Write, pages::home::hide_steps;
    Get "/search" Read, pages::find::jump;

    Get "/live" Read, pages::live::show;
    Get "/live/stream" Read, pages::live::stream;

    Get "/messages" Read, pages::messages::list;
    Get "/messages/resend" Resend, pages::messages::ask_resend;
    Post "/messages/resend" Resend, pages::messages::resend_many;
    Get "/messages/{message}" Read, pages::message::show;
    Get "/messages/{message}/payload" Read, pages::message::download;
    Get "/messages/{message}/curl/{endpoint}" Write, pages::message::curl;
    Post "/messages/{message}/resend" Resend, pages::message::resend;
    Get "/messages/{message}/edit" Write, pages::message::edit;
    Post "/messages/{message}/edit" Write, pages::message::send_edited;
    Post "/messages/{message}/delete-content" Write, pages::message::delete_content;

    Get "/issues" Read, pages::issues::list;
    Get "/issues/{issue}" Read, pages::issues::show;
    Post "/issues/{issue}/mute" Write, pages::issues::mute;
    Post "/issues/{issue}/resolve" Write, pages::issues::resolve;
    Post "/issues/{issue}/open" Write, pages::issues::open;
    Post "/issues/{issue}/pause-endpoint" Write, pages::issues::pause_endpoint;
    Post "/issues/{issue}/resume-endpoint" Write, pages::issues::resume_endpoint;
    Post "/issues/{issue}/test" Resend, pages::issues::test;

    Get "/tasks" Read, pages::tasks::list;
    Get "/tasks/{task}" Read, pages::tasks::show;
    Get "/tasks/{task}/report.csv" Read, pages::tasks::report;
    Post "/tasks/{task}/pause" Resend, pages::tasks::pause;
    Post "/tasks/{task}/resume" Resend, pages::tasks::resume;
    Post "/tasks/{task}/cancel" Resend, pages::tasks::cancel;
    Get "/replay" Resend, pages::replay::show;
    Post "/replay" Resend, pages::replay::start;

    Post "/theme" Public, pages::theme::set;
    Get "/favicon.ico" Public, pages::theme::mark;

    // An inbox that somebody shares: the token in the path is who may look.
    Get "/share/{share}" Public, pages::share::show;

    Get "/portal" Public, pages::portal::show;

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
    Post "/sources/{source}/simulate" Resend, pages::sources::simulate;
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
    Post "/settings/team/invitations/{invitation}/withdraw" Own, settings::team::withdraw;
    Post "/settings/team/{person}/role" Own, settings::team::change_role;
    Get "/settings/team/{person}/remove" Own, settings::team::ask_remove;
    Post "/settings/team/{person}/remove" Own, settings::team::remove;
    Get "/settings/keys" Own, settings::keys::show;
    Post "/settings/keys" Own, settings::keys::create;
    Get "/settings/keys/{key}/revoke" Own, settings::keys::ask_revoke;
    Post "/settings/keys/{key}/revoke" Own, settings::keys::revoke;
    Get "/settings/server" Own, settings::server::show;
    Get "/audit" Own, pages::audit::show;

    Get "/apps" Read, sending::apps::show;
    Get "/apps/export" Read, sending::apps::export;
    Get "/apps/new" Write, sending::app_forms::new;
    Post "/apps/new" Write, sending::app_forms::create;
    Get "/apps/{app}" Read, sending::app::show;
    Post "/apps/{app}/settings" Write, sending::app_forms::change;
    Post "/apps/{app}/portal" Write, sending::portal_link::make;
    Post "/apps/{app}/delete" Write, sending::app_forms::delete;
    Get "/apps/{app}/endpoints/new" Write, sending::endpoint_forms::new;
    Post "/apps/{app}/endpoints/new" Write, sending::endpoint_forms::create;
    Get "/apps/{app}/endpoints/{endpoint}" Read, sending::endpoint::show;
    Get "/apps/{app}/endpoints/{endpoint}/attempts.csv" Read, sending::attempt_list::export;
    Get "/apps/{app}/endpoints/{endpoint}/attempts/{message}" Read, sending::attempt_list::one;
    Post "/apps/{app}/endpoints/{endpoint}/test" Resend, sending::test_send::send;
    Get "/apps/{app}/endpoints/{endpoint}/test/{message}" Read, sending::test_send::panel;
    Post "/apps/{app}/endpoints/{endpoint}/resend" Resend, sending::actions::resend;
    Post "/apps/{app}/endpoints/{endpoint}/switch" Write, sending::actions::switch;
    Post "/apps/{app}/endpoints/{endpoint}/change" Write, sending::endpoint_forms::change;
    Post "/apps/{app}/endpoints/{endpoint}/reveal" Write, sending::endpoint_forms::reveal;
    Post "/apps/{app}/endpoints/{endpoint}/rotate" Write, sending::endpoint_forms::rotate;
    Post "/apps/{app}/endpoints/{endpoint}/delete" Write, sending::endpoint_forms::delete;

    Get "/event-types" Read, event_types::list::show;
    Get "/event-types/new" Write, event_types::edit::new;
    Post "/event-types/new" Write, event_types::edit::create;
    Get "/event-types/import" Write, event_types::import::show;
    Post "/event-types/import" Write, event_types::import::run;
    Get "/event-types/{type}" Read, event_types::show::show;
    Post "/event-types/{type}/change" Write, event_types::edit::change;
    Post "/event-types/{type}/schema" Write, event_types::edit::schema;
    Post "/event-types/{type}/send" Write, event_types::edit::send;
    Post "/event-types/{type}/delete" Write, event_types::edit::delete;

    Get "/tools/verify" Read, tools::verify::show;

    // The API reference.
    Get "/docs" Public, pages::docs::home;
    Get "/docs/{page}" Public, pages::docs::page;
    Post "/tools/verify" Resend, tools::verify::judge;
}
