//! The handle's verbs of operating: pausing endpoints, replaying, watching.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it.

use crate::error::StoreError;
use crate::handle::Store;
use crate::operations::*;
use crate::sqlite::tasks::NewTask;
use crate::sqlite::{endpoints, estimate, task_report, tasks};
use crate::tail::Tail;
use crate::types::*;
use domain::{AppId, OrgId, Seq, TaskId};

type Result<T> = std::result::Result<T, StoreError>;

/// How long an estimate looks, in microseconds.
const ESTIMATE_US_MAX: u64 = 120_000;

impl Store {
    /// Messages go on being queued for the endpoint, and none is attempted, over restarts too. What is under way ends.
    pub async fn pause_endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
        let patch = EndpointPatch { paused: Some(true), ..EndpointPatch::default() };
        self.patch_endpoint(app, endpoint, patch).await
    }
    /// What waited is attempted, in the order in which it is due.
    pub async fn resume_endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
        let patch = EndpointPatch { paused: Some(false), ..EndpointPatch::default() };
        self.patch_endpoint(app, endpoint, patch).await
    }

    /// What a replay would do: a bounded look.
    pub async fn estimate_task(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        filter: ReplayFilter,
        speed_per_s: Option<u32>,
    ) -> Result<Estimate> {
        let (endpoint, clock) = (endpoint.clone(), self.clock().clone());
        self.read(move |conn| {
            let endpoint = endpoints::find(conn, app, &endpoint)?;
            let until_us = clock.monotonic_us() + ESTIMATE_US_MAX;
            let mut found = estimate::estimate(conn, &endpoint, &filter, || clock.monotonic_us() > until_us)?;
            found.seconds = speed_per_s.map(|speed| found.count.div_ceil(u64::from(speed.max(1))));
            Ok(found)
        })
        .await
    }
    /// Estimates, and starts. The task makes deliveries oldest message first, `speed_per_s` at most.
    pub async fn start_replay(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        filter: ReplayFilter,
        speed_per_s: Option<u32>,
    ) -> Result<Task> {
        let estimate = self.estimate_task(app, endpoint, filter.clone(), speed_per_s).await?;
        self.start_replay_with(app, endpoint, filter, speed_per_s, Some(estimate)).await
    }
    /// Starts with what was counted before, or without.
    pub async fn start_replay_with(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        filter: ReplayFilter,
        speed_per_s: Option<u32>,
        estimate: Option<Estimate>,
    ) -> Result<Task> {
        let new = NewTask { kind: TaskKind::BulkReplay, filter, estimate, speed_per_s };
        let endpoint = endpoint.clone();
        self.write(move |core, now| core.start_task(app, &endpoint, &new, now)).await
    }
    /// `Conflict` when it has ended.
    pub async fn pause_task(&self, org: OrgId, task: TaskId) -> Result<Task> {
        self.write(move |core, now| core.set_task_status(org, task, TaskStatus::Paused, now)).await
    }
    /// `Conflict` when it has ended.
    pub async fn resume_task(&self, org: OrgId, task: TaskId) -> Result<Task> {
        self.write(move |core, now| core.set_task_status(org, task, TaskStatus::Running, now)).await
    }
    /// What it made stays. `Conflict` when it has ended otherwise.
    pub async fn cancel_task(&self, org: OrgId, task: TaskId) -> Result<Task> {
        self.write(move |core, now| core.set_task_status(org, task, TaskStatus::Canceled, now)).await
    }
    /// The deliveries that a task made, oldest message first; of one state, if asked for.
    pub async fn task_report(
        &self,
        org: OrgId,
        task: TaskId,
        page: PageQuery<ReportKey>,
        state: Option<ReportState>,
    ) -> Result<Page<ReportRow, ReportKey>> {
        self.read(move |conn| {
            tasks::find(conn, org, task)?;
            task_report::list(conn, task, &page, state)
        })
        .await
    }
    /// Tasks of one application, newest first.
    pub async fn tasks_of_app(&self, app: AppId, page: PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
        let page = PageQuery { order: Order::Descending, ..page };
        self.read(move |conn| tasks::list_of_app(conn, app, &page)).await
    }

    /// Watches what happens in an organisation, or in one application of it, from now on, or after the row with this id
    /// as far as it is remembered (some thousand rows, while somebody watches and half a minute longer).
    pub fn tail(&self, org: OrgId, app: Option<AppId>, after: Option<Seq>) -> Tail {
        self.inner.tails.join(org, app, after, self.clock().clone())
    }
}
