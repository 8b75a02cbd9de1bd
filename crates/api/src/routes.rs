//! The table of routes: method, path, who may call, what answers.
//!
//! The router, the metrics and the tests of access all read this one table. **Invariant:** a route without an
//! [`Access`] doesn't compile.

use crate::auth::Capability::{
    self, CreateAttempts, ManageEndpoint, ManageEndpointSecret, ManageTransformations, ViewBase, ViewEndpointSecret,
};
use crate::body::Upload;
use crate::call::{Call, Visit};
use crate::handlers::{
    api_key, application as app, attempt, audit, auth, batch, bin, conversion, endpoint, event, event_type, explain,
    export, figures, form, health, hook, import, issue, link, message, operational, poller, portal, request,
    request_again, search, secret, simulate, source, source_endpoint as source_ep, stream, tail, task,
};
use crate::openapi;
use crate::problem::Problem;
use crate::reply::Reply;
use std::pin::Pin;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }
}

/// Which credential a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// None at all.
    Public,
    /// An organisation's token.
    Org,
    /// An organisation's token, or one of the application in the path that has the capability.
    App(Capability),
    /// An organisation's token, or any application's that has the capability.
    Shared(Capability),
    /// An application's token alone.
    OwnToken,
}

/// Who sees to idempotency keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Keep the answer and give it again.
    Kept,
    /// The handler passes them to the store.
    Own,
}

pub(crate) struct Route {
    pub verb: Verb,
    pub path: &'static str,
    pub access: Access,
    pub keys: Keys,
    pub handler: Handler,
}

pub(crate) enum Handler {
    Call(fn(Call) -> HandlerFuture),
    /// Takes the body piece by piece, and no idempotency key: its answer is not kept.
    Upload(fn(Call, Upload) -> HandlerFuture),
    /// Needs no caller.
    Public(health::Page),
    /// Needs no caller: what its path holds is the key.
    Open(fn(Visit) -> HandlerFuture),
}

macro_rules! routes {
    ($($verb:ident $path:literal $access:expr, $($handler:ident)::+ $([$keys:ident])?;)*) => {
        pub(crate) static ROUTES: &[Route] = &[$(Route {
            verb: Verb::$verb,
            path: $path,
            access: $access,
            keys: routes!(@keys $($keys)?),
            handler: Handler::Call(|call| Box::pin($($handler)::+(call))),
        },)*
            public("/api/v1/health", health::Page::Alive),
            public("/api/v1/health/ping", health::Page::Alive),
            public("/livez", health::Page::Live),
            public("/readyz", health::Page::Ready),
            public("/metrics", health::Page::Metrics),
            upload(Verb::Post, "/api/v1/link/import", |call, body| Box::pin(import::create(call, body))),
            upload(Verb::Put, "/api/v1/link/import/{import_id}", |call, body| Box::pin(import::resume(call, body))),
            open("/openapi.json", |visit| Box::pin(openapi::show(visit))),
            open("/api/v1/share/{share_token}", |visit| Box::pin(bin::shared(visit))),
            open("/api/v1/share/{share_token}/request", |visit| Box::pin(bin::shared_requests(visit))),
            open("/api/v1/share/{share_token}/request/{request_id}", |visit| Box::pin(bin::shared_request(visit))),
        ];
    };
    (@keys) => { Keys::Kept };
    (@keys $keys:ident) => { Keys::$keys };
}

const fn public(path: &'static str, page: health::Page) -> Route {
    Route { verb: Verb::Get, path, access: Access::Public, keys: Keys::Kept, handler: Handler::Public(page) }
}

const fn open(path: &'static str, handler: fn(Visit) -> HandlerFuture) -> Route {
    Route { verb: Verb::Get, path, access: Access::Public, keys: Keys::Kept, handler: Handler::Open(handler) }
}

const fn upload(verb: Verb, path: &'static str, handler: fn(Call, Upload) -> HandlerFuture) -> Route {
    Route { verb, path, access: Access::Org, keys: Keys::Own, handler: Handler::Upload(handler) }
}

use Access::{App, Org, OwnToken, Shared};

routes! {
    // The hot path is the first row: the front finds it without the router.
    Post "/api/v1/app/{app_id}/msg" Org, message::create [Own];
    Post "/api/v1/app/{app_id}/msg/batch" Org, batch::create [Own];
    Get "/api/v1/app/{app_id}/msg" App(ViewBase), message::list;
    Get "/api/v1/app/{app_id}/msg/{msg_id}" App(ViewBase), message::get;
    Delete "/api/v1/app/{app_id}/msg/{msg_id}/content" Org, message::delete_content;

    Get "/api/v1/app" Org, app::list;
    Post "/api/v1/app" Org, app::create;
    Get "/api/v1/app/{app_id}" App(ViewBase), app::get;
    Put "/api/v1/app/{app_id}" Org, app::put;
    Patch "/api/v1/app/{app_id}" Org, app::patch;
    Delete "/api/v1/app/{app_id}" Org, app::delete;

    Get "/api/v1/app/{app_id}/endpoint" App(ViewBase), endpoint::list;
    Post "/api/v1/app/{app_id}/endpoint" App(ManageEndpoint), endpoint::create;
    Get "/api/v1/app/{app_id}/endpoint/{endpoint_id}" App(ViewBase), endpoint::get;
    Put "/api/v1/app/{app_id}/endpoint/{endpoint_id}" App(ManageEndpoint), endpoint::put;
    Patch "/api/v1/app/{app_id}/endpoint/{endpoint_id}" App(ManageEndpoint), endpoint::patch;
    Delete "/api/v1/app/{app_id}/endpoint/{endpoint_id}" App(ManageEndpoint), endpoint::delete;
    Get "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers" App(ViewBase), secret::get_headers;
    Put "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers" App(ManageEndpoint), secret::put_headers;
    Patch "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers" App(ManageEndpoint), secret::patch_headers;
    Get "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret" App(ViewEndpointSecret), secret::get;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate" App(ManageEndpointSecret), secret::rotate [Own];
    Get "/api/v1/app/{app_id}/endpoint/{endpoint_id}/stats" App(ViewBase), endpoint::stats;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example" App(CreateAttempts), endpoint::send_example;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/verify" App(CreateAttempts), explain::endpoint [Own];
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover" App(CreateAttempts), task::recover;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing" App(CreateAttempts), task::replay_missing;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay" App(CreateAttempts), task::bulk_replay;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay" App(CreateAttempts), task::replay;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay/estimate" App(CreateAttempts), task::estimate [Own];
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/pause" App(ManageEndpoint), endpoint::pause;
    Post "/api/v1/app/{app_id}/endpoint/{endpoint_id}/resume" App(ManageEndpoint), endpoint::resume;
    Get "/api/v1/app/{app_id}/endpoint/{endpoint_id}/msg" App(ViewBase), attempt::list_attempted_messages;

    Get "/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}" App(ViewBase), attempt::list_by_endpoint;
    Get "/api/v1/app/{app_id}/attempt/msg/{msg_id}" App(ViewBase), attempt::list_by_message;
    Get "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}" App(ViewBase), attempt::get;
    Delete "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content" Org, attempt::delete_content;
    Get "/api/v1/app/{app_id}/msg/{msg_id}/endpoint" App(ViewBase), attempt::list_destinations;
    Post "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend" App(CreateAttempts), attempt::resend;

    Get "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/request" App(CreateAttempts), request_again::get;

    Get "/api/v1/app/{app_id}/msg/stream" App(ViewBase), stream::messages;
    Get "/api/v1/app/{app_id}/poller/{sink_id}" App(ViewBase), poller::poll;
    Get "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}" App(ViewBase), poller::consumer_poll;
    Post "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek" App(ViewBase), poller::consumer_seek;

    Get "/ingest/api/v1/source/{source_id}/request/stream" Org, stream::source_requests;
    Get "/api/v1/bin/{bin_id}/request/stream" Org, stream::bin_requests;
    Get "/api/v1/listen" Org, stream::listen;

    Get "/api/v1/hook" Org, hook::list;
    Post "/api/v1/hook" Org, hook::create [Own];
    Delete "/api/v1/hook/{hook_id}" Org, hook::delete;
    Get "/api/v1/event" Org, event::list;

    Get "/api/v1/event-type" Shared(ViewBase), event_type::list;
    Post "/api/v1/event-type" Org, event_type::create;
    Post "/api/v1/event-type/import/openapi" Org, event_type::import;
    Get "/api/v1/event-type/{event_type_name}" Shared(ViewBase), event_type::get;
    Put "/api/v1/event-type/{event_type_name}" Org, event_type::put;
    Patch "/api/v1/event-type/{event_type_name}" Org, event_type::patch;
    Delete "/api/v1/event-type/{event_type_name}" Org, event_type::delete;
    Get "/api/v1/event-type/{event_type_name}/endpoint" Org, event_type::subscribers;

    Post "/api/v1/auth/app-portal-access/{app_id}" Org, auth::portal_access [Own];
    Post "/api/v1/auth/dashboard-access/{app_id}" Org, auth::portal_access [Own];
    Post "/api/v1/auth/logout" OwnToken, auth::logout [Own];
    Post "/api/v1/auth/app/{app_id}/expire-all" Org, portal::expire_all;
    Get "/api/v1/auth/portal" OwnToken, portal::whoami;
    Get "/api/v1/app/{app_id}/test-inbox" App(ViewBase), portal::inboxes;
    Post "/api/v1/app/{app_id}/test-inbox" App(ManageEndpoint), portal::create_inbox;
    Delete "/api/v1/app/{app_id}/test-inbox/{inbox_id}" App(ManageEndpoint), portal::delete_inbox;
    Get "/api/v1/app/{app_id}/test-inbox/{inbox_id}/request" App(ViewBase), portal::inbox_requests;

    Get "/api/v1/api-key" Org, api_key::list;
    Post "/api/v1/api-key" Org, api_key::create [Own];
    Delete "/api/v1/api-key/{key_id}" Org, api_key::delete;
    Get "/api/v1/audit" Org, audit::list;

    Get "/api/v1/background-task" Shared(ViewBase), task::list;
    Get "/api/v1/background-task/{task_id}" Shared(ViewBase), task::get;
    Get "/api/v1/background-task/{task_id}/report" Shared(ViewBase), task::report;
    Post "/api/v1/background-task/{task_id}/pause" Shared(CreateAttempts), task::pause;
    Post "/api/v1/background-task/{task_id}/resume" Shared(CreateAttempts), task::resume;
    Post "/api/v1/background-task/{task_id}/cancel" Shared(CreateAttempts), task::cancel;

    Get "/api/v1/tail" Org, tail::of_organisation;
    Get "/api/v1/app/{app_id}/tail" App(ViewBase), tail::of_app;

    Get "/api/v1/figures/throughput" Org, figures::throughput;
    Get "/api/v1/figures/queue" Org, figures::queue;
    Get "/api/v1/figures/application" Org, figures::applications;
    Get "/api/v1/figures/event-type" Org, figures::event_types;
    Get "/api/v1/figures/endpoint/{endpoint_id}" Org, figures::endpoint;
    Get "/api/v1/figures/source" Org, figures::sources;
    Get "/api/v1/issue" Org, issue::list;
    Get "/api/v1/issue/{issue_id}" Org, issue::get;
    Patch "/api/v1/issue/{issue_id}" Org, issue::patch;
    Get "/api/v1/search/message" Org, search::messages;
    Get "/api/v1/search/application" Org, search::applications;

    Get "/api/v1/operational-webhook/endpoint" Org, operational::list;
    Post "/api/v1/operational-webhook/endpoint" Org, operational::create;
    Get "/api/v1/operational-webhook/endpoint/{endpoint_id}" Org, operational::get;
    Put "/api/v1/operational-webhook/endpoint/{endpoint_id}" Org, operational::put;
    Delete "/api/v1/operational-webhook/endpoint/{endpoint_id}" Org, operational::delete;
    Get "/api/v1/operational-webhook/endpoint/{endpoint_id}/headers" Org, operational::get_headers;
    Put "/api/v1/operational-webhook/endpoint/{endpoint_id}/headers" Org, operational::put_headers;
    Get "/api/v1/operational-webhook/endpoint/{endpoint_id}/secret" Org, operational::get_secret;
    Post "/api/v1/operational-webhook/endpoint/{endpoint_id}/secret/rotate" Org, operational::rotate;

    Get "/ingest/api/v1/source" Org, source::list;
    Post "/ingest/api/v1/source" Org, source::create;
    Get "/ingest/api/v1/source/{source_id}" Org, source::get;
    Put "/ingest/api/v1/source/{source_id}" Org, source::put;
    Patch "/ingest/api/v1/source/{source_id}" Org, source::patch;
    Delete "/ingest/api/v1/source/{source_id}" Org, source::delete;
    Post "/ingest/api/v1/source/{source_id}/token/rotate" Org, source::rotate;
    Post "/ingest/api/v1/source/{source_id}/simulate" Org, simulate::send;
    Post "/ingest/api/v1/source/{source_id}/dashboard" Org, auth::source_access [Own];
    Get "/ingest/api/v1/source/{source_id}/log" App(ViewBase), request::log;
    Get "/ingest/api/v1/source/{source_id}/endpoint" App(ViewBase), source_ep::list;
    Post "/ingest/api/v1/source/{source_id}/endpoint" App(ManageEndpoint), source_ep::create;
    Get "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}" App(ViewBase), source_ep::get;
    Put "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}" App(ManageEndpoint), source_ep::put;
    Delete "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}" App(ManageEndpoint), source_ep::delete;
    Get "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/headers" App(ViewBase), source_ep::get_headers;
    Put "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/headers" App(ManageEndpoint), source_ep::put_headers;
    Get "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/secret" App(ViewEndpointSecret), source_ep::get_secret;
    Post "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/secret/rotate" App(ManageEndpointSecret),
        source_ep::rotate_secret;
    Get "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/transformation" App(ViewBase),
        source_ep::get_transformation;
    Patch "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/transformation" App(ManageTransformations),
        source_ep::patch_transformation;

    Get "/ingest/api/v1/source/{source_id}/request" App(ViewBase), request::list;
    Delete "/ingest/api/v1/source/{source_id}/request" Org, request::delete_all;
    Get "/ingest/api/v1/source/{source_id}/request/{request_id}" App(ViewBase), request::get;
    Delete "/ingest/api/v1/source/{source_id}/request/{request_id}" Org, request::delete;
    Get "/ingest/api/v1/source/{source_id}/request/{request_id}/raw" App(ViewBase), request::raw;
    Post "/ingest/api/v1/source/{source_id}/request/{request_id}/accept" Org, request::accept;
    Post "/ingest/api/v1/source/{source_id}/request/{request_id}/replay" Org, request::replay;
    Get "/ingest/api/v1/source/{source_id}/export" App(ViewBase), export::export;
    Get "/api/v1/source-type" Shared(ViewBase), source::kinds;

    Get "/api/v1/bin" Org, bin::list;
    Post "/api/v1/bin" Org, bin::create;
    Get "/api/v1/bin/{bin_id}" Org, bin::get;
    Patch "/api/v1/bin/{bin_id}" Org, bin::patch;
    Delete "/api/v1/bin/{bin_id}" Org, bin::delete;
    Post "/api/v1/bin/{bin_id}/promote" Org, bin::promote;
    Post "/api/v1/bin/{bin_id}/share" Org, bin::share;
    Delete "/api/v1/bin/{bin_id}/share" Org, bin::unshare;
    Get "/api/v1/bin/{bin_id}/export" Org, export::export;
    Get "/api/v1/bin/{bin_id}/request" Org, request::list;
    Delete "/api/v1/bin/{bin_id}/request" Org, request::delete_all;
    Get "/api/v1/bin/{bin_id}/request/{request_id}" Org, request::get;
    Delete "/api/v1/bin/{bin_id}/request/{request_id}" Org, request::delete;
    Get "/api/v1/bin/{bin_id}/request/{request_id}/raw" Org, request::raw;
    Post "/api/v1/bin/{bin_id}/request/{request_id}/accept" Org, request::accept;
    Post "/api/v1/bin/{bin_id}/request/{request_id}/replay" Org, request::replay;

    Post "/api/v1/conversion" Org, conversion::create;
    Get "/api/v1/link" Org, link::list;
    Post "/api/v1/link" Org, link::create;
    Get "/api/v1/link/{link_id}" Org, link::get;
    Patch "/api/v1/link/{link_id}" Org, link::patch;
    Delete "/api/v1/link/{link_id}" Org, link::delete;
    Get "/api/v1/link/{link_id}/qr" Org, link::qr;
    Get "/api/v1/link/{link_id}/stats" Org, link::stats;
    Get "/api/v1/link/{link_id}/event" Org, link::events;
    Get "/api/v1/link/{link_id}/export" Org, link::export;

    Get "/api/v1/link/import" Org, import::list;
    Get "/api/v1/link/import/{import_id}" Org, import::get;
    Get "/api/v1/link/import/{import_id}/error" Org, import::errors;

    Get "/api/v1/form" Org, form::list;
    Post "/api/v1/form" Org, form::create;
    Get "/api/v1/form/{form_id}" Org, form::get;
    Patch "/api/v1/form/{form_id}" Org, form::patch;
    Delete "/api/v1/form/{form_id}" Org, form::delete;
    Get "/api/v1/form/{form_id}/stats" Org, form::stats;
    Get "/api/v1/form/{form_id}/event" Org, form::events;
    Get "/api/v1/form/{form_id}/export" Org, form::export;
}
