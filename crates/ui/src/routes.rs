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

    Get "/portal" Public, pages::portal::show;

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
    Post "/tools/verify" Resend, tools::verify::judge;
}
