//! `postrider task list` and `postrider task watch`: replays of a running server, from a terminal or a script.
//!
//! **Invariant:** only reads; stopping the command leaves the task as it is.

use std::io::Write;
use std::time::Duration;

use clap::Subcommand;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::client;
use crate::commands::fail;
use crate::commands::listen::Format;
use crate::exit::Exit;

const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Between two looks at a task.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A server that is away for longer is given up: a restart takes less.
const AWAY_MAX: Duration = Duration::from_secs(60);

#[derive(Subcommand)]
pub enum TaskCommand {
    /// Print the newest tasks
    List {
        #[command(flatten)]
        at: At,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Follow a task to its end: exits with 0 when it is finished, with 1 when it failed or was canceled
    ///
    /// On a terminal one line is written anew; else a line for each change. A paused task is waited for. What a finished task
    /// made may still be under way: the last line says how much waits.
    Watch {
        /// The task, as `task list`, the task's page or the API name it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        at: At,
    },
}

/// Which server is asked, and how it answers.
#[derive(clap::Args)]
pub struct At {
    /// The server, instead of the address that the settings say it listens on [env: POSTRIDER_SERVER]
    #[arg(long, value_name = "URL")]
    pub server: Option<Url>,
    /// A token of the server's, instead of one made from the data folder [env: POSTRIDER_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Lines for people, or one JSON object, for each task or change
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// A server, and what lets this command in.
pub struct Remote {
    pub server: Url,
    pub token: String,
}

/// Why there is no answer to read.
enum Trouble {
    /// It will be the same next time.
    Refused(String),
    /// The server is busy, or away.
    Away(String),
}

impl Trouble {
    fn text(self) -> String {
        match self {
            Trouble::Refused(why) | Trouble::Away(why) => why,
        }
    }
}

pub async fn list(remote: Remote, output: Format, limit: u32, out: &mut dyn Write) -> Exit {
    let found = match get(&remote, &format!("/api/v1/background-task?limit={limit}&order=descending")).await {
        Ok(found) => found,
        Err(trouble) => return fail(trouble.text(), Exit::Failure),
    };
    let tasks = found.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if tasks.is_empty() && matches!(output, Format::Text) {
        let _ = writeln!(out, "no tasks yet: recovering or replaying messages makes one");
    }
    for task in tasks {
        let line = match output {
            Format::Json => task.to_string(),
            Format::Text => format!("{}  {}  {}", text(task, "id"), when(task), line(task)),
        };
        // A reader that went away has all it wanted.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Exit::Ok
}

/// `is_terminal`: `out` shows one line that is written anew.
pub async fn watch(remote: Remote, id: &str, output: Format, is_terminal: bool, out: &mut dyn Write) -> Exit {
    let part: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let path = format!("/api/v1/background-task/{part}");
    let mut told = String::new();
    let mut away_since: Option<Instant> = None;
    loop {
        let task = match get(&remote, &path).await {
            Ok(task) => task,
            Err(Trouble::Refused(why)) => return fail(why, Exit::Failure),
            Err(Trouble::Away(why)) => {
                if away_since.get_or_insert_with(Instant::now).elapsed() > AWAY_MAX {
                    return fail(why, Exit::Failure);
                }
                sleep(LOOK_EVERY).await;
                continue;
            }
        };
        away_since = None;
        let end = end(&task);
        let now = match output {
            Format::Json => task.to_string(),
            Format::Text => line(&task),
        };
        if now != told {
            let written = match (output, is_terminal) {
                (Format::Text, true) => write!(out, "\r\x1b[K{now}{}", if end.is_some() { "\n" } else { "" }),
                _ => writeln!(out, "{now}"),
            };
            if written.and_then(|()| out.flush()).is_err() {
                return Exit::Ok;
            }
            told = now;
        }
        if let Some(exit) = end {
            return exit;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The exit code of a task that has ended.
fn end(task: &Value) -> Option<Exit> {
    match text(task, "state") {
        "finished" => Some(Exit::Ok),
        "failed" | "canceled" => Some(Exit::Failure),
        _ => None,
    }
}

/// `running  endpoint.recover  71 %  2969 of 4182 made: 2900 delivered, 12 failed, 57 waiting  48 s left`.
fn line(task: &Value) -> String {
    let data = |name: &str| task.pointer(&format!("/data/{name}"));
    let number = |name: &str| data(name).and_then(Value::as_u64);
    let count = |name: &str| number(name).unwrap_or_default();
    let total = match (number("total"), data("totalIsAtLeast").and_then(Value::as_bool)) {
        (Some(total), Some(true)) => format!(" of more than {total}"),
        (Some(total), _) => format!(" of {total}"),
        (None, _) => String::new(),
    };
    let mut line = format!(
        "{:<8}  {}  {} %  {}{total} made: {} delivered, {} failed, {} waiting",
        text(task, "state"),
        text(task, "task"),
        count("progressPercent"),
        count("messagesSent"),
        count("delivered"),
        count("failed"),
        count("waiting"),
    );
    if count("canceled") > 0 {
        line.push_str(&format!(", {} canceled", count("canceled")));
    }
    if let Some(left) = number("secondsLeft").filter(|_| text(task, "state") == "running") {
        line.push_str(&format!("  {left} s left"));
    }
    line
}

/// When it was made, to the minute, in UTC.
fn when(task: &Value) -> String {
    text(task, "createdAt").chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn get(remote: &Remote, path: &str) -> Result<Value, Trouble> {
    let away = |why: String| Trouble::Away(why);
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", remote.token));
    let request = request.body(Full::default()).map_err(|e| Trouble::Refused(e.to_string()))?;
    let asked = async {
        let mut answer = client::send(&remote.server, request).await.map_err(|e| away(e.to_string()))?;
        let status = answer.response.status();
        let body = Limited::new(answer.response.body_mut(), ANSWER_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|e| away(e.to_string()))?.to_bytes()))
    };
    let (status, body) = match timeout(ANSWER_MAX, asked).await {
        Ok(answer) => answer?,
        Err(_) => return Err(away(format!("no answer from {} within {} s", remote.server, ANSWER_MAX.as_secs()))),
    };
    let value: Option<Value> = serde_json::from_slice(&body).ok();
    if status.is_success() {
        return value.ok_or_else(|| Trouble::Refused(format!("{} does not answer in JSON", remote.server)));
    }
    let said = value.as_ref().map(|v| text(v, "detail")).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
    let why = format!("{} answered {status}: {said}", remote.server);
    let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(if is_passing { away(why) } else { Trouble::Refused(why) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(state: &str) -> Value {
        let data = json!({"messagesSent": 12, "total": 20, "totalIsAtLeast": false, "delivered": 9, "failed": 1,
            "canceled": 0, "waiting": 2, "progressPercent": 60, "secondsLeft": 8});
        json!({"id": "qtask_1", "state": state, "task": "endpoint.recover", "createdAt": "2026-11-21T10:11:12Z", "data": data})
    }

    #[test]
    fn a_line_says_how_far_a_task_is() {
        let running = "running   endpoint.recover  60 %  12 of 20 made: 9 delivered, 1 failed, 2 waiting  8 s left";
        assert_eq!(line(&task("running")), running);
        assert!(!line(&task("paused")).contains("left"));
        assert_eq!(when(&task("running")), "2026-11-21 10:11");
    }

    #[test]
    fn a_task_ends_well_only_when_it_is_finished() {
        let ends = [("running", None), ("paused", None), ("finished", Some(Exit::Ok))];
        let bad = [("failed", Some(Exit::Failure)), ("canceled", Some(Exit::Failure))];
        for (state, want) in ends.into_iter().chain(bad) {
            assert_eq!(end(&task(state)), want, "{state}");
        }
    }
}
