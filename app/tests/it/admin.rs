//! The first run, and the way back in: what the process prints, and what that opens.

use super::Place;
use super::support::client::{Answer, Connection};
use super::support::server::{Launch, Server};

const PASSWORD: &str = "four random words";

/// Submits a form as a browser without a session does.
fn post(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    };
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let mut connection = Connection::open(server.address, "").unwrap();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("connection", "close")];
    connection.request("POST", path, &headers, body.join("&").as_bytes()).unwrap()
}
fn get(server: &Server, path: &str, cookie: &str) -> Answer {
    let mut connection = Connection::open(server.address, "").unwrap();
    let headers = [("cookie", cookie), ("accept", "text/html"), ("connection", "close")];
    connection.request("GET", path, &headers, b"").unwrap()
}

/// The ticket of a printed link to this page.
fn ticket(text: &str, page: &str) -> String {
    let marker = format!("/{page}?ticket=");
    let (_, rest) = text.split_once(&marker).unwrap_or_else(|| panic!("no {marker} in\n{text}"));
    assert!(!rest.contains(&marker), "printed twice:\n{text}");
    rest.split_whitespace().next().unwrap().to_owned()
}

fn set_up(server: &Server, ticket: &str) -> Answer {
    let fields = [
        ("name", "Ana"),
        ("email", "ana@example.com"),
        ("password", PASSWORD),
        ("org_name", "Acme"),
        ("ticket", ticket),
    ];
    post(server, "/setup", &fields)
}
fn sign_in(server: &Server, password: &str) -> Answer {
    post(server, "/login", &[("email", "ana@example.com"), ("password", password)])
}
fn reset(launch: &Launch, args: &[&str]) -> String {
    let folder = launch.database().parent().unwrap().to_str().unwrap().to_owned();
    let run = launch.place.check(0, &[&["admin", "reset", "--data-dir", &folder][..], args].concat(), &[]);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    assert!(run.out.starts_with("http://127.0.0.1:8071/reset?ticket="), "{}", run.out);
    ticket(&run.out, "reset")
}

#[test]
fn a_new_server_prints_a_link_that_sets_it_up_once() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    server.wait_for_log("/setup?ticket=");
    let text = server.log_text();
    assert!(
        text.contains(&format!("http://{}/setup?ticket=", server.address)) && text.contains("30 minutes"),
        "{text}"
    );
    let ticket = ticket(&text, "setup");
    // Nobody gets in without it: there is no default password.
    for (email, password) in [("admin", "admin"), ("admin@example.com", ""), ("", "")] {
        assert_eq!(post(&server, "/login", &[("email", email), ("password", password)]).status, 401);
    }
    assert!(get(&server, "/login", "").text().contains("not set up yet"));
    assert_eq!(get(&server, "/", "").header("location"), Some("/login"));

    let made = set_up(&server, &ticket);
    assert_eq!((made.status, made.header("location")), (303, Some("/setup/goal")), "{}", made.text());
    let cookie = made.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(get(&server, "/account", &cookie).status, 200);
    assert_eq!(set_up(&server, &ticket).status, 403);

    server.terminate();
    assert_eq!(server.ends_within(super::support::DEADLINE), 0);
    let again = launch.start();
    assert_eq!(sign_in(&again, PASSWORD).status, 303);
    assert_eq!(get(&again, "/account", &cookie).status, 200, "a session outlives a restart");
    assert!(!again.log_text().contains("/setup"), "{}", again.log_text());
    assert_eq!(set_up(&again, &ticket).status, 403);
}

#[test]
fn a_reset_link_made_beside_a_running_server_opens_it_once() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    server.wait_for_log("/setup?ticket=");
    assert_eq!(set_up(&server, &ticket(&server.log_text(), "setup")).status, 303);
    let forgotten = reset(&launch, &[]);
    let set = |ticket: &str| {
        let fields = [("ticket", ticket), ("email", "ana@example.com"), ("password", "another random phrase")];
        post(&server, "/reset", &fields)
    };
    assert_eq!(set(&forgotten[..forgotten.len() - 3]).status, 403);
    assert_eq!(set(&forgotten).status, 303);
    assert_eq!(set(&forgotten).status, 403, "it was used");
    assert_eq!((sign_in(&server, PASSWORD).status, sign_in(&server, "another random phrase").status), (401, 303));
    let mine = reset(&launch, &["--email", "ana@example.com"]);
    assert!(get(&server, &format!("/reset?ticket={mine}"), "").text().contains("ana@example.com"));
    let nobodys = reset(&launch, &["--email", "nobody@example.com"]);
    assert_eq!(set(&nobodys).status, 403);
    // Made for another installation.
    let other = Launch::new(&[]);
    other.token();
    assert_eq!(set(&reset(&other, &[])).status, 403);
}

#[test]
fn a_reset_link_makes_the_owner_where_there_is_none() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let ticket = reset(&launch, &[]);
    let fields = [("ticket", &*ticket), ("name", "Ana"), ("email", "ana@example.com"), ("password", PASSWORD)];
    assert_eq!(post(&server, "/reset", &fields).status, 303);
    assert_eq!(sign_in(&server, PASSWORD).status, 303);
}

#[test]
fn what_admin_does_is_explained_and_what_is_no_address_is_refused() {
    let place = Place::new();
    let help = place.check(0, &["admin", "reset", "--help"], &[]).out;
    for part in ["works once", "within 30 minutes", "--email", "--org", "--data-dir", "running server"] {
        assert!(help.contains(part), "{part}\n{help}");
    }
    assert!(place.check(2, &["admin", "reset", "--email", "ana"], &[]).err.contains("ana@example.com"));
    let run = place.check(0, &["admin", "reset"], &[("POSTRIDER_PUBLIC_URL", "https://hooks.example.com/")]);
    assert!(run.out.starts_with("https://hooks.example.com/reset?ticket=reset."), "{}", run.out);
}
