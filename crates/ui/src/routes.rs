//! The table of pages: method, path, who may open it, what answers.
//!
//! The router and the tests of access read this one table. **Invariant:** a route without an [`Access`] doesn't compile, and
//! one that changes anything is never a `Get`.

use crate::call::{Call, Visit};
use crate::fault::Fault;
use crate::pages;
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

    Get "/portal" Public, pages::portal::show;
}
