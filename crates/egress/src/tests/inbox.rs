//! Deliveries to bins of this server: handed over, never dialled.

use super::support::*;
use crate::{CourierConfig, Delivering, Inbox};
use bytes::Bytes;
use domain::guard::AddressGuard;
use domain::target::{TargetRules, TargetUrl};
use domain::{Outcome, RefusedRule};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use parking_lot::Mutex;
use std::sync::Arc;

const TOKEN: &str = "abcdefgh_-345678";
const OWN: &str = "http://127.0.0.1:8071";

/// Notes what it gets; knows one bin.
#[derive(Default)]
struct OneBin(Mutex<Vec<Request<Full<Bytes>>>>);

impl Inbox for OneBin {
    fn deliver(&self, token: &str, request: Request<Full<Bytes>>) -> Delivering<'_> {
        let is_known = token == TOKEN;
        Box::pin(async move {
            if !is_known {
                return None;
            }
            self.0.lock().push(request);
            let mut response = Response::new(Full::new(Bytes::from("taken ".repeat(10_000))));
            *response.status_mut() = StatusCode::ACCEPTED;
            Some(response)
        })
    }
}

/// A server on a loopback address that no subnet allows, found under a public name too.
fn bench(bin: Option<Arc<OneBin>>, https_only: bool) -> (Bench, Arc<RecordingDial>) {
    let guard = AddressGuard::new(Vec::new(), vec!["127.0.0.1:8071".parse().unwrap()]);
    let guard = guard.with_own_origins(vec![OWN.to_owned(), "http://hooks.example.com".to_owned()]);
    let rules = TargetRules { https_only, guard: Arc::new(guard) };
    let inbox = bin.map(|bin| bin as Arc<dyn Inbox>);
    let dial = Arc::new(RecordingDial::default());
    let config = CourierConfig { rules, inbox, ..patient() };
    (Bench::with_network(config, StubResolver::always("93.184.216.34"), dial.clone()), dial)
}

#[tokio::test]
async fn a_bin_of_this_server_gets_the_signed_request_without_a_connection() {
    let bin = Arc::new(OneBin::default());
    for https_only in [false, true] {
        let (bench, dial) = bench(Some(bin.clone()), https_only);
        let report = bench.attempt(&bench.target(&format!("{OWN}/in/{TOKEN}"))).await;
        assert_eq!(report.outcome, responded(202));
        assert_eq!(report.response.len(), CourierConfig::default().response_store_limit);
        assert!(dial.dialled.lock().is_empty());
    }
    let got = bin.0.lock();
    assert_eq!((got[0].method().as_str(), got[0].uri().to_string()), ("POST", format!("/in/{TOKEN}")));
    for name in ["host", "webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent"] {
        assert!(got[0].headers().get(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_bin_is_dialled_only_where_the_guard_lets_it() {
    let other = "some_other_token_1";
    for bin in [Some(Arc::new(OneBin::default())), None] {
        let (bench, dial) = bench(bin, false);
        let refused = Outcome::Refused { rule: RefusedRule::Address };
        assert_eq!(bench.outcome(&format!("{OWN}/in/{other}")).await, refused);
        assert!(dial.dialled.lock().is_empty());
        bench.outcome(&format!("http://hooks.example.com/in/{other}")).await;
        assert_eq!(
            *dial.dialled.lock(),
            ["93.184.216.34:80".parse().unwrap()],
            "a source of ours is reached from outside"
        );
        for url in [format!("{OWN}/api/v1/app"), format!("{OWN}/in/{TOKEN}?x"), format!("{OWN}/in/{TOKEN}/x")] {
            assert!(TargetUrl::parse(&url, bench.courier.rules()).is_err(), "{url}");
        }
    }
}

#[tokio::test]
async fn a_document_is_never_fetched_from_a_bin() {
    let bin = Arc::new(OneBin::default());
    let (bench, dial) = bench(Some(bin.clone()), false);
    let got = bench.courier.get(&format!("{OWN}/in/{TOKEN}"), 100, std::time::Duration::from_secs(1)).await;
    assert!(got.is_err() && dial.dialled.lock().is_empty() && bin.0.lock().is_empty());
}
