//! The promises: what must hold at every step, and at the end.
//!
//! Reads the tables through the writer's own connection, between transactions. **Invariant:** judges by what the
//! outside knows (`model`); the tables are only compared with it.

use crate::model::{Fate, Model, Phase, item_of};
use crate::process::Process;
use crate::settings::Settings;
use crate::world::{Checked, show};
use domain::{DeliveryKey, EndpointId, MessageId, TaskId, Timestamp};
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use store::parts::Core;

/// What the tables say.
struct Tables {
    /// Attempts made before, as the lease says.
    leases: BTreeMap<DeliveryKey, u32>,
    /// Whether dead, and attempts made before.
    deliveries: BTreeMap<DeliveryKey, (bool, u32)>,
    /// Numbers, and whether they succeeded.
    attempts: BTreeMap<DeliveryKey, Vec<(u32, bool)>>,
    lanes: BTreeMap<EndpointId, (i64, i64)>,
}

fn rows<T>(conn: &Connection, sql: &str, f: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, String> {
    let read = || conn.prepare_cached(sql)?.query_map([], f)?.collect::<rusqlite::Result<Vec<T>>>();
    read().map_err(|e| format!("{sql}: {e}"))
}

fn key(r: &Row<'_>) -> rusqlite::Result<DeliveryKey> {
    Ok(DeliveryKey { message: MessageId(r.get(0)?), endpoint: EndpointId(r.get(1)?), ordinal: r.get(2)? })
}

impl Tables {
    fn read(conn: &Connection) -> Result<Tables, String> {
        let leases =
            rows(conn, "SELECT message, endpoint, ordinal, attempts FROM lease", |r| Ok((key(r)?, r.get(3)?)))?;
        let deliveries =
            rows(conn, "SELECT message, endpoint, ordinal, dead IS NOT NULL, attempts FROM delivery", |r| {
                Ok((key(r)?, (r.get(3)?, r.get(4)?)))
            })?;
        let mut attempts: BTreeMap<DeliveryKey, Vec<(u32, bool)>> = BTreeMap::new();
        let made = "SELECT message, endpoint, ordinal, number, success FROM attempt ORDER BY message, id";
        for (k, number, success) in rows(conn, made, |r| Ok((key(r)?, r.get(3)?, r.get(4)?)))? {
            attempts.entry(k).or_default().push((number, success));
        }
        let lanes = rows(conn, "SELECT endpoint, waiting, dead FROM lane", |r| {
            Ok((EndpointId(r.get(0)?), (r.get(1)?, r.get(2)?)))
        })?;
        Ok(Tables {
            leases: leases.into_iter().collect(),
            deliveries: deliveries.into_iter().collect(),
            attempts,
            lanes: lanes.into_iter().collect(),
        })
    }
}

/// Everything that must hold between any two transactions.
pub fn all(process: &Process, model: &mut Model, settings: &Settings, thorough: bool) -> Checked {
    let conn = process.writer.core.connection();
    if thorough {
        let said: String =
            conn.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map_err(|e| format!("integrity: {e}"))?;
        if said != "ok" {
            return Err(format!("the database is damaged: {said}"));
        }
    }
    let tables = Tables::read(conn)?;
    one_state_each(&tables)?;
    attempts_are_counted(&tables, model, settings)?;
    lanes_are_summed(&tables, model)?;
    receivers_saw_what_is_called_delivered(&tables, model)?;
    phases_only_go_on(&tables, model, settings)?;
    what_is_undelivered_has_its_payload(conn, model)?;
    if settings.retention.is_none() {
        tasks_are_counted(conn, model)?;
    }
    acknowledged_are_there(&tables, conn, model, settings)
}

fn one_state_each(t: &Tables) -> Checked {
    match t.leases.keys().find(|k| t.deliveries.contains_key(k)) {
        Some(k) => Err(format!("{} is leased and on disk at once", show(*k))),
        None => Ok(()),
    }
}

fn attempts_are_counted(t: &Tables, model: &Model, settings: &Settings) -> Checked {
    // Attempts of what was deleted go in the background, before or after the rest.
    for (k, made) in t.attempts.iter().filter(|(k, _)| !model.is_deleted(k.endpoint) && !model.is_expired(k.message)) {
        let mut numbers: Vec<u32> = made.iter().map(|(n, _)| *n).collect();
        numbers.sort_unstable();
        if !numbers.iter().copied().eq(1..=numbers.len() as u32) {
            return Err(format!("attempt numbers of {}: {numbers:?}", show(*k)));
        }
        if made.len() > settings.limits.schedule.attempts() {
            return Err(format!("{} was attempted {} times", show(*k), made.len()));
        }
        if made.iter().filter(|(_, success)| *success).count() > 1 {
            return Err(format!("{} was delivered twice on the books", show(*k)));
        }
    }
    let open = t.leases.iter().map(|(k, n)| (k, *n)).chain(t.deliveries.iter().map(|(k, (_, n))| (k, *n)));
    for (k, counted) in open.filter(|(k, _)| !model.is_deleted(k.endpoint) && !model.is_expired(k.message)) {
        let made = t.attempts.get(k).map_or(0, Vec::len);
        if made != counted as usize {
            return Err(format!("{} counts {counted} attempts, there are {made}", show(*k)));
        }
        if t.attempts.get(k).is_some_and(|a| a.iter().any(|(_, success)| *success)) {
            return Err(format!("{} is delivered and still open", show(*k)));
        }
    }
    Ok(())
}

fn lanes_are_summed(t: &Tables, model: &Model) -> Checked {
    let mut counted: BTreeMap<EndpointId, (i64, i64)> = BTreeMap::new();
    for (k, (dead, _)) in &t.deliveries {
        let sum = counted.entry(k.endpoint).or_default();
        if *dead { sum.1 += 1 } else { sum.0 += 1 }
    }
    for endpoint in model.receivers.keys().filter(|e| !model.is_deleted(**e)) {
        let (said, is) = (t.lanes.get(endpoint).copied(), counted.get(endpoint).copied());
        if said.unwrap_or_default() != is.unwrap_or_default() {
            return Err(format!("the lane of {endpoint:?} says {said:?} (waiting, dead), there are {is:?}"));
        }
    }
    Ok(())
}

fn receivers_saw_what_is_called_delivered(t: &Tables, model: &Model) -> Checked {
    for (k, made) in &t.attempts {
        let called = made.iter().any(|(_, success)| *success);
        if called && !model.delivered.contains(&(k.message, k.endpoint)) {
            return Err(format!("{} is called delivered, its receiver never took it", show(*k)));
        }
    }
    Ok(())
}

/// A delivery that is settled stays so; one that vanishes was delivered, or its endpoint was deleted.
fn phases_only_go_on(t: &Tables, model: &mut Model, settings: &Settings) -> Checked {
    let mut now: BTreeMap<DeliveryKey, Phase> = t.leases.keys().map(|k| (*k, Phase::Open)).collect();
    now.extend(t.deliveries.iter().map(|(k, (dead, _))| (*k, if *dead { Phase::Dead } else { Phase::Open })));
    for k in t.attempts.keys() {
        now.entry(*k).or_insert(Phase::Settled);
    }
    for (k, phase) in &now {
        match (model.phases.get(k), phase) {
            // Without its attempts nobody knows that it was delivered: "replay missing" sends it again.
            _ if model.is_deleted(k.endpoint) || model.is_expired(k.message) => {}
            (Some(Phase::Settled), Phase::Open | Phase::Dead) => {
                return Err(format!("{} was settled and came back", show(*k)));
            }
            (Some(Phase::Dead), Phase::Open) => return Err(format!("{} was dead and is open again", show(*k))),
            _ => {}
        }
    }
    let mut phases = std::mem::take(&mut model.phases);
    for (k, phase) in &mut phases {
        let is = now.get(k).copied().unwrap_or(Phase::Settled);
        let delivered = t.attempts.get(k).is_some_and(|a| a.iter().any(|(_, success)| *success));
        let deleted = model.is_deleted(k.endpoint);
        let expired = model.is_expired(k.message) && forgotten(model, *k, settings);
        // From open it may have gone through dead to recovered since the last look.
        let recovered = now.range(*k..).take_while(|(o, _)| o.message == k.message && o.endpoint == k.endpoint);
        let recovered = recovered.count() > usize::from(now.contains_key(k));
        if *phase == Phase::Open && is == Phase::Settled && !delivered && !deleted && !recovered && !expired {
            return Err(format!("{} vanished", show(*k)));
        }
        *phase = is;
    }
    model.phases = phases;
    for (k, phase) in now {
        model.phases.entry(k).or_insert(phase);
    }
    Ok(())
}

/// Each delivery of a task is one row, counted once, and open as long as it says so.
fn tasks_are_counted(conn: &Connection, model: &Model) -> Checked {
    let sql = "SELECT t.id, t.done, t.delivered, t.failed, t.canceled, count(d.task), coalesce(sum(d.state = 1), 0),
            coalesce(sum(d.state = 2), 0), coalesce(sum(d.state = 3), 0)
        FROM task t LEFT JOIN task_delivery d ON d.task = t.id GROUP BY t.id";
    let four = |r: &Row<'_>, i: usize| -> rusqlite::Result<[i64; 4]> {
        Ok([r.get(i)?, r.get(i + 1)?, r.get(i + 2)?, r.get(i + 3)?])
    };
    for (task, said, is) in rows(conn, sql, |r| Ok((r.get::<_, i64>(0)?, four(r, 1)?, four(r, 5)?)))? {
        if said != is {
            return Err(format!("task {task} says {said:?} (done, delivered, failed, canceled), there are {is:?}"));
        }
    }
    let sql = "SELECT d.message, d.endpoint, d.ordinal FROM task_delivery d WHERE d.state = 0
        AND NOT EXISTS (SELECT 1 FROM lease l
            WHERE l.message = d.message AND l.endpoint = d.endpoint AND l.ordinal = d.ordinal)
        AND NOT EXISTS (SELECT 1 FROM delivery v WHERE v.message = d.message AND v.endpoint = d.endpoint
            AND v.ordinal = d.ordinal AND v.due_at IS NOT NULL)";
    match rows(conn, sql, key)?.into_iter().find(|k| !model.is_deleted(k.endpoint)) {
        Some(k) => Err(format!("{} waits, says its task, and it is not open", show(k))),
        None => Ok(()),
    }
}

/// Retention takes nothing that is still to be sent.
fn what_is_undelivered_has_its_payload(conn: &Connection, model: &Model) -> Checked {
    let sql = "SELECT k.message, k.endpoint FROM
        (SELECT message, endpoint FROM lease UNION ALL SELECT message, endpoint FROM delivery WHERE due_at IS NOT NULL) k
        LEFT JOIN message m ON m.id = k.message WHERE m.payload IS NULL";
    for (message, endpoint) in rows(conn, sql, |r| Ok((MessageId(r.get(0)?), EndpointId(r.get(1)?))))? {
        let asked_for = model.items.iter().any(|i| i.content_deleted && i.ids.contains(&message));
        if !asked_for && !model.is_deleted(endpoint) {
            return Err(format!("{} waits for {}, its payload is gone", message.0, endpoint.0));
        }
    }
    Ok(())
}

/// Each acknowledged message has a delivery for each endpoint that matched.
fn acknowledged_are_there(t: &Tables, conn: &Connection, model: &mut Model, settings: &Settings) -> Checked {
    for n in 0..model.items.len() {
        let Some(item) = model.items.get(n) else { continue };
        if item.ids.len() > 1 {
            return Err(format!("item {n} was acknowledged as {:?}", item.ids));
        }
        if item.fate != Fate::Acknowledged || item.seen || model.apps_deleted.contains(&item.app) {
            continue;
        }
        let Some(id) = item.ids.first().copied() else { continue };
        let found = conn.query_row("SELECT count(*) FROM message WHERE id = ?", [id.0], |r| r.get::<_, i64>(0));
        let is_there = found.map_err(|e| e.to_string())? == 1;
        if !is_there && !model.is_expired(id) {
            return Err(format!("item {n} was acknowledged as {} and is lost", id.0));
        }
        for endpoint in item.matched.iter().flatten().filter(|e| !model.is_deleted(**e)) {
            let key = DeliveryKey { message: id, endpoint: *endpoint, ordinal: 0 };
            let known = model.phases.contains_key(&key) || t.attempts.contains_key(&key);
            let known = known || model.is_expired(id) && forgotten(model, key, settings);
            if !known {
                return Err(format!("item {n}, acknowledged as {}, has no delivery for {}", id.0, endpoint.0));
            }
        }
        if let Some(item) = model.items.get_mut(n) {
            item.seen = true;
        }
    }
    Ok(())
}

/// An expired message's delivery was settled before, as far as one can tell from outside.
fn forgotten(model: &Model, key: DeliveryKey, settings: &Settings) -> bool {
    let attempts_max = settings.limits.schedule.attempts();
    model.delivered.contains(&(key.message, key.endpoint)) || model.may_be_dead(key, attempts_max)
}

// ---- the end ----

/// All tasks there are.
pub fn tasks(core: &Core) -> Result<Vec<TaskId>, String> {
    rows(core.connection(), "SELECT id FROM task ORDER BY id", |r| r.get(0).map(TaskId))
}

/// Whether nothing is leased, due or under way in the tables. Disabled and paused endpoints keep their queues.
pub fn nothing_due(core: &Core) -> Result<bool, String> {
    let (leased, due, tasks) = left(core)?;
    Ok((leased, due, tasks) == (0, 0, 0))
}

/// Leases, deliveries due some time at an endpoint that takes them, running tasks.
pub fn left(core: &Core) -> Result<(i64, i64, i64), String> {
    let sql = "SELECT (SELECT count(*) FROM lease),
        (SELECT count(*) FROM delivery d JOIN endpoint e ON e.id = d.endpoint JOIN app a ON a.id = e.app
         WHERE d.due_at IS NOT NULL AND e.disabled = 0 AND e.paused_at IS NULL
            AND e.deleted = 0 AND a.deleted = 0),
        (SELECT count(*) FROM task WHERE status = 0)";
    core.connection().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).map_err(|e| e.to_string())
}

/// When the earliest delivery on disk is due, of endpoints that take any.
pub fn next_due(core: &Core) -> Result<Option<Timestamp>, String> {
    let sql = "SELECT min(d.due_at) FROM delivery d JOIN endpoint e ON e.id = d.endpoint JOIN app a ON a.id = e.app
        WHERE e.disabled = 0 AND e.paused_at IS NULL AND e.deleted = 0 AND a.deleted = 0";
    let found = core.connection().query_row(sql, [], |r| r.get::<_, Option<i64>>(0));
    Ok(found.map_err(|e| e.to_string())?.map(Timestamp))
}

/// What a server without work holds: nothing.
pub fn at_rest(process: &Process, model: &Model) -> Checked {
    let m = process.store.metrics();
    let held = (
        m.deliveries_leased.load(Relaxed),
        m.in_flight_bytes.load(Relaxed),
        process.dispatcher.in_flight(),
        process.dispatcher.queued(),
    );
    if held != (0, 0, 0, 0) {
        return Err(format!("at rest, and (leased, bytes, in flight, queued) = {held:?}"));
    }
    let counted: (i64, i64) = process
        .writer
        .core
        .connection()
        .query_row("SELECT count(due_at), count(dead) FROM delivery", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .map_err(|e| e.to_string())?;
    let said = (m.deliveries_waiting.load(Relaxed), m.deliveries_dead.load(Relaxed));
    if counted != said {
        return Err(format!("the gauges say {said:?} (waiting, dead), there are {counted:?}"));
    }
    let ids = rows(process.writer.core.connection(), "SELECT payload FROM message WHERE payload IS NOT NULL", |r| {
        r.get::<_, Vec<u8>>(0)
    })?;
    let mut stored: BTreeMap<usize, u32> = BTreeMap::new();
    for n in ids.iter().filter_map(|body| item_of(body)) {
        *stored.entry(n).or_default() += 1;
    }
    for (n, item) in model.items.iter().enumerate() {
        let copies = stored.get(&n).copied().unwrap_or(0);
        let most = if item.key.is_some() && !item.key_expired { 1 } else { item.sent };
        if copies > most {
            return Err(format!("item {n}, sent {} times with {:?}, is stored {copies} times", item.sent, item.key));
        }
    }
    Ok(())
}

/// accepted = delivered + pending + dead + cancelled, for each application, delivered being what its receivers took.
/// Returns how many are dead.
pub fn conservation(core: &Core, model: &Model, settings: &Settings) -> Result<u64, String> {
    let tables = Tables::read(core.connection())?;
    let mut open: BTreeSet<(MessageId, EndpointId)> = tables.leases.keys().map(|k| (k.message, k.endpoint)).collect();
    let mut dead = BTreeSet::new();
    for (k, (is_dead, _)) in &tables.deliveries {
        let set = if *is_dead { &mut dead } else { &mut open };
        set.insert((k.message, k.endpoint));
    }
    let mut buried = 0;
    for (n, item) in model.items.iter().enumerate() {
        let (Some(id), Some(matched)) = (item.ids.first(), &item.matched) else { continue };
        if item.fate != Fate::Acknowledged || model.apps_deleted.contains(&item.app) {
            continue;
        }
        for endpoint in matched {
            let pair = (*id, *endpoint);
            let key = DeliveryKey { message: *id, endpoint: *endpoint, ordinal: 0 };
            let given_up = item.content_deleted || forgotten(model, key, settings);
            let cancelled = model.is_deleted(*endpoint) || model.is_expired(*id) && given_up;
            buried += u64::from(dead.contains(&pair));
            if !(model.delivered.contains(&pair) || open.contains(&pair) || dead.contains(&pair) || cancelled) {
                return Err(format!("item {n}, acknowledged as {}, is lost for {}", id.0, endpoint.0));
            }
        }
    }
    Ok(buried)
}
