//! The pages, wired to the API that they call in-process.
//!
//! **Invariant:** the pages know the API by a trait only, and the API knows nothing of pages.

use std::sync::Arc;

use api::{Actor, Api, Body};
use domain::guard::AddressGuard;
use domain::RetrySchedule;
use ingest::Fetch;
use store::Store;
use ui::{Backend, BoxFuture, Reach, ShownSetting, Ui, UiConfig};

use crate::data_dir::DataDir;
use crate::inbound::Fetcher;
use crate::settings::Settings;

/// The API, before the pages were merged into it.
struct InProcess(Api);

impl Backend for InProcess {
    fn call(&self, actor: ui::Actor, request: Request) -> BoxFuture<Response> {
        let api = self.0.clone();
        let actor = Actor { org: actor.org, org_text: actor.org_text, name: actor.name.into(), address: actor.address };
        Box::pin(async move { api.call_as(actor, request).await })
    }
}

/// Asks a URL by the courier's rules whether this server is there.
struct Asked {
    fetcher: Arc<Fetcher>,
    installation: String,
}

impl Reach for Asked {
    fn check(&self, origin: String) -> BoxFuture<Result<(), String>> {
        let (fetcher, installation) = (self.fetcher.clone(), self.installation.clone());
        if is_inner(&origin) {
            let text = format!("Only this machine or its network reaches {origin}. That is fine to begin with.");
            return Box::pin(std::future::ready(Err(text)));
        }
        Box::pin(async move {
            match fetcher.get(&format!("{origin}/reachable")).await {
                Ok(text) if text == installation.as_bytes() => Ok(()),
                Ok(_) => Err(format!(
                    "Another server answers at {origin}: look at the name, and at the proxy before this one."
                )),
                Err(why) => {
                    Err(format!("{origin} gave no answer from here ({why}). Others may reach it all the same."))
                }
            }
        })
    }
}

/// Whether an origin is not of the public Internet, as far as it can be told without a look-up.
fn is_inner(origin: &str) -> bool {
    let Ok(url) = url::Url::parse(origin) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(ip)) => AddressGuard::default().check_ip(ip.into()).is_err(),
        Some(url::Host::Ipv6(ip)) => AddressGuard::default().check_ip(ip.into()).is_err(),
        Some(url::Host::Domain(name)) => {
            !name.contains('.') || name.ends_with(".localhost") || name.ends_with(".local")
        }
        None => true,
    }
}

type Request = hyper::Request<Body>;
type Response = hyper::Response<Body>;

/// The API and the pages over one store.
pub fn merge(
    api: Api,
    store: &Store,
    settings: &Settings,
    data_dir: &DataDir,
    shown: Vec<ShownSetting>,
    fetcher: Arc<Fetcher>,
) -> Api {
    let config = UiConfig {
        backend: Arc::new(InProcess(api.clone())),
        public_url: settings.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
        portal_origins: settings.portal_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
        trusted_proxies: settings.trusted_proxies.clone(),
        body_limit: usize::try_from(settings.request_body_limit.bytes()).unwrap_or(usize::MAX),
        body_read_timeout: settings.body_read_timeout,
        tickets: data_dir.ticket_key(),
        settings: shown,
        reach: Some(Arc::new(Asked { fetcher, installation: data_dir.ticket_key().installation() })),
        version: env!("CARGO_PKG_VERSION"),
        retry: RetrySchedule::new(settings.retry_schedule.clone(), settings.retry_jitter_percent),
        disable_after: settings.endpoint_disable_after,
    };
    api.merge(Ui::new(store.clone(), config).router())
}
