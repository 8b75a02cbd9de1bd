//! Names to addresses.
//!
//! DNSSEC is not validated: the feature is not compiled in (RUSTSEC-2026-0118, a CPU loop in NSEC3).
//!
//! **Invariant:** answers are not judged here; `connect` checks every address of an answer before it dials one.

use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver};
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// A name has no usable answer. The details are for the operator's log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(pub String);

/// A look-up under way.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, ResolveError>> + Send + 'a>>;

/// Looks up host names. The system's in production; tests and the simulation give their own answers.
pub trait Resolve: Send + Sync {
    /// All addresses of `host`. It may take its time: the caller has a deadline.
    fn resolve<'a>(&'a self, host: &'a str) -> Answer<'a>;
}

/// The hosts file and the servers that the system is configured with, and a cache that honours TTLs. Both files are
/// read once.
pub struct SystemResolver {
    dns: TokioResolver,
    hosts: Hosts,
}

impl SystemResolver {
    /// Names whose answers are cached.
    const CACHE_SIZE: u64 = 16_384;
    /// However long a TTL claims, an answer is looked up again after this.
    const TTL_MAX: Duration = Duration::from_secs(300);
    /// However a name failed, it may be looked up again after this.
    const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(5);

    /// `timeout` is what the caller waits at most for a look-up.
    pub fn new(timeout: Duration) -> Result<Self, ResolveError> {
        let builder = TokioResolver::builder_tokio().map_err(|e| ResolveError(e.to_string()))?;
        Self::build(builder, timeout, Hosts::from_system().unwrap_or_default())
    }

    /// One that looks into `hosts` and asks `server` alone.
    #[cfg(test)]
    pub(crate) fn asking(server: std::net::SocketAddr, timeout: Duration, hosts: &str) -> Result<Self, ResolveError> {
        use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
        let mut udp = ConnectionConfig::udp();
        udp.port = server.port();
        let servers = vec![NameServerConfig::new(server.ip(), true, vec![udp])];
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut known = Hosts::default();
        known.read_hosts_conf(hosts.as_bytes()).map_err(|e| ResolveError(e.to_string()))?;
        Self::build(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()), timeout, known)
    }

    fn build(
        mut builder: ResolverBuilder<TokioRuntimeProvider>,
        timeout: Duration,
        hosts: Hosts,
    ) -> Result<Self, ResolveError> {
        let options = builder.options_mut();
        // Two tries fit into the time.
        options.timeout = timeout / 2;
        options.attempts = 2;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.cache_size = Self::CACHE_SIZE;
        options.positive_max_ttl = Some(Self::TTL_MAX);
        options.negative_max_ttl = Some(Self::NEGATIVE_TTL_MAX);
        let dns = builder.build().map_err(|e| ResolveError(e.to_string()))?;
        Ok(SystemResolver { dns, hosts })
    }

    /// What the hosts file says. The resolver reads it too, but asks a server for the family that isn't in it, and a
    /// machine without DNS would wait for that in vain.
    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|family| self.hosts.lookup_static_host(&Query::query(name.clone(), family)))
            .flat_map(|found| found.answers().iter().filter_map(|r| r.data.ip_addr()).collect::<Vec<_>>())
            .collect()
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Answer<'a> {
        Box::pin(async move {
            // A full name ends in a dot here, so that the search list can't send it elsewhere.
            let full = if host.contains('.') { format!("{host}.") } else { host.to_owned() };
            let name = Name::from_ascii(full).map_err(|e| ResolveError(e.to_string()))?;
            let known = self.in_hosts_file(&name);
            if !known.is_empty() {
                return Ok(known);
            }
            let found = self.dns.lookup_ip(name).await.map_err(|e| ResolveError(e.to_string()))?;
            Ok(found.iter().collect())
        })
    }
}
