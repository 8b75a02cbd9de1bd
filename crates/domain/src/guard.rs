//! Which addresses Postrider may connect to, so that an endpoint can't be aimed at the inside of a network (SSRF).
//!
//! The connector asks for the very address that it is about to dial; the API asks about literal addresses in URLs.
//!
//! **Invariant:** pure, and closed by default: what no rule calls public is refused. Cloud metadata services and our
//! own listeners stay refused whatever subnets an operator allows.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why an address is refused. For the operator's log only: tenants see one generic sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("not a public address, and no allowed subnet covers it")]
    NotPublic,
    #[error("a cloud metadata address")]
    Metadata,
    #[error("an address that this server listens on")]
    OwnListener,
}

/// The addresses that deliveries may go to.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    allow: Vec<IpNet>,
    own: Vec<SocketAddr>,
    own_origins: Vec<String>,
}

/// What a bin's URL ends in has so many characters of `A-Za-z0-9_-`.
const TOKEN_LEN: std::ops::RangeInclusive<usize> = 16..=64;

impl AddressGuard {
    /// `allow` are subnets that the operator opens beyond the public Internet; `own` are our listeners, each as bound.
    ///
    /// A listener bound to the unspecified address covers every loopback address with its port. Addresses of other
    /// local interfaces have to be passed one by one.
    pub fn new(allow: Vec<IpNet>, own: Vec<SocketAddr>) -> Self {
        AddressGuard { allow, own, own_origins: Vec::new() }
    }

    /// Origins under which this server is found, `http://127.0.0.1:8071`: its bins may be endpoints under these, whatever
    /// address that is, as they are handed over in-process ([`own_inbox`](Self::own_inbox)). Nothing more is dialled.
    pub fn with_own_origins(self, own_origins: Vec<String>) -> Self {
        AddressGuard { own_origins, ..self }
    }

    /// The token in `{an own origin}/in/{token}`, if `url` is exactly that: no query, no other spelling.
    pub fn own_inbox<'u>(&self, url: &'u str) -> Option<&'u str> {
        let rest = self.own_origins.iter().find_map(|origin| url.strip_prefix(origin.as_str()))?;
        let token = rest.strip_prefix("/in/")?;
        let is_token = TOKEN_LEN.contains(&token.len())
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        is_token.then_some(token)
    }

    /// Where a bin with this token is found in-process: under `origin` if that is an own one, else under the first that is.
    pub fn inbox_url(&self, origin: &str, token: &str) -> Option<String> {
        let known = self.own_origins.iter().find(|own| *own == origin).or_else(|| self.own_origins.first())?;
        Some(format!("{known}/in/{token}"))
    }

    /// Whether the operator opened any subnet. If so, names of the inside (`localhost`, single labels) are left to
    /// the check of the address they resolve to.
    pub fn has_allowed_subnets(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether `address` may be dialled.
    pub fn check(&self, address: SocketAddr) -> Result<(), Denied> {
        let real = unwrapped(address.ip());
        if self.own.iter().any(|own| is_own(*own, real, address.port())) {
            return Err(Denied::OwnListener);
        }
        self.check_ip(address.ip())
    }

    /// Whether `ip` may be dialled on any port that isn't one of our own listeners.
    pub fn check_ip(&self, ip: IpAddr) -> Result<(), Denied> {
        if METADATA.contains(&unwrapped(ip)) {
            return Err(Denied::Metadata);
        }
        if is_public(ip) || self.allow.iter().any(|net| net.contains(&ip)) {
            return Ok(());
        }
        Err(Denied::NotPublic)
    }
}

fn is_own(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    let own_ip = own.ip().to_canonical();
    let local = ip.is_loopback() || ip.is_unspecified();
    // Linux connects the unspecified address to loopback, and a dual-stack listener answers on both families.
    own.port() == port
        && (own_ip == ip || (own_ip.is_unspecified() && local) || (own_ip.is_loopback() && ip.is_unspecified()))
}

/// The IPv4 address inside an IPv4-mapped or NAT64 address; others as they are.
fn unwrapped(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(&v6) => IpAddr::V4(low_v4(v6)),
        canonical => canonical,
    }
}

fn low_v4(v6: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d)
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) if NAT64.contains(&v6) => is_public_v4(low_v4(v6)),
        // An allow-list for IPv6 is shorter and stricter than any deny-list.
        IpAddr::V6(v6) => GLOBAL_UNICAST.contains(&v6) && !SPECIAL_V6.iter().any(|net| net.contains(&v6)),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|net| net.contains(&ip))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

/// The IANA IPv4 special-purpose registry (RFC 6890), multicast, class E, and Azure's WireServer.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v4(168, 63, 129, 16, 32),
];
/// The only block that IANA assigns global unicast addresses from.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0], 3);
/// What inside [`GLOBAL_UNICAST`] is not global: IETF protocol assignments, documentation, 6to4.
const SPECIAL_V6: [Ipv6Net; 4] =
    [v6([0x2001, 0, 0, 0], 23), v6([0x2001, 0xdb8, 0, 0], 32), v6([0x2002, 0, 0, 0], 16), v6([0x3fff, 0, 0, 0], 20)];
/// The well-known NAT64 prefix (RFC 6052): inherits the verdict of the IPv4 address that it carries.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);

/// Instance metadata and credentials services of the clouds: never a webhook's target.
const METADATA: [IpAddr; 13] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), // AWS, GCP, Azure, OCI, DigitalOcean, OpenStack
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)), // AWS VPC DNS
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),   // AWS ECS task credentials
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),  // AWS EKS Pod Identity
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),   // Scaleway
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure WireServer
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle Classic
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253)), // AWS VPC DNS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), // AWS EKS Pod Identity
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // GCP
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)), // Scaleway
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(allow: &[&str], own: &[&str], address: &str, want: Result<(), Denied>) {
        let guard = AddressGuard::new(
            allow.iter().map(|n| n.parse().unwrap()).collect(),
            own.iter().map(|a| a.parse().unwrap()).collect(),
        );
        assert_eq!(guard.check(address.parse().unwrap()), want, "{allow:?} {own:?} {address}");
    }

    #[test]
    fn only_public_addresses_pass_until_a_subnet_is_allowed() {
        check(&[], &[], "93.184.216.34:443", Ok(()));
        check(&[], &[], "10.1.2.3:443", Err(Denied::NotPublic));
        check(&["10.0.0.0/8"], &[], "10.1.2.3:443", Ok(()));
        check(&["10.0.0.0/8"], &[], "192.168.1.1:443", Err(Denied::NotPublic));
        check(&["10.0.0.0/8"], &[], "[::ffff:10.1.2.3]:443", Err(Denied::NotPublic));
        check(&["fd00::/8"], &[], "[fd00::1]:443", Ok(()));
    }

    #[test]
    fn metadata_stays_refused_in_every_spelling_whatever_is_allowed() {
        let all = ["0.0.0.0/0", "::/0"];
        for ip in METADATA {
            check(&all, &[], &SocketAddr::new(ip, 80).to_string(), Err(Denied::Metadata));
            if let IpAddr::V4(v4) = ip {
                let [a, b, c, d] = v4.octets().map(u16::from);
                let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
                check(&all, &[], &format!("[{nat64}]:80"), Err(Denied::Metadata));
                check(&all, &[], &format!("[{}]:80", v4.to_ipv6_mapped()), Err(Denied::Metadata));
            }
        }
    }

    #[test]
    fn only_our_own_address_and_port_stay_refused() {
        let (allow, own) = (["127.0.0.0/8", "0.0.0.0/8", "::/0"], ["127.0.0.1:8071"]);
        check(&allow, &own, "127.0.0.1:8071", Err(Denied::OwnListener));
        check(&allow, &own, "[::ffff:127.0.0.1]:8071", Err(Denied::OwnListener));
        check(&allow, &own, "0.0.0.0:8071", Err(Denied::OwnListener));
        check(&allow, &own, "127.0.0.1:9000", Ok(()));
        check(&allow, &own, "127.0.0.2:8071", Ok(()));
    }

    #[test]
    fn a_listener_on_all_addresses_covers_all_of_loopback() {
        for own in ["0.0.0.0:8071", "[::]:8071"] {
            for address in ["127.0.0.1:8071", "127.9.9.9:8071", "[::1]:8071", "0.0.0.0:8071", "[::]:8071"] {
                check(&["127.0.0.0/8", "::/0", "0.0.0.0/8"], &[own], address, Err(Denied::OwnListener));
            }
            check(&["127.0.0.0/8"], &[own], "127.0.0.1:8072", Ok(()));
        }
    }

    #[test]
    fn an_own_inbox_is_exactly_the_url_of_a_bin_under_an_own_origin() {
        let origins = vec!["http://127.0.0.1:8071".to_owned(), "https://hooks.example.com".to_owned()];
        let guard = AddressGuard::default().with_own_origins(origins);
        let token = "abcdefgh_-345678";
        for origin in ["http://127.0.0.1:8071", "https://hooks.example.com"] {
            assert_eq!(guard.own_inbox(&format!("{origin}/in/{token}")), Some(token));
        }
        for other in [
            "http://127.0.0.1:8071/in/short",
            "http://127.0.0.1:8071/in/abcdefgh_-345678/x",
            "http://127.0.0.1:8071/in/abcdefgh_-345678?x",
            "http://127.0.0.1:8071/in/abcdefgh_-345678#x",
            "http://127.0.0.1:8071/api/v1/app",
            "http://127.0.0.1:8071/in/../in/abcdefgh_-345678",
            "http://127.0.0.1:80710/in/abcdefgh_-345678",
            "http://127.0.0.2:8071/in/abcdefgh_-345678",
            "http://127.0.0.1:8071@evil.test/in/abcdefgh_-345678",
            "https://hooks.example.com.evil.test/in/abcdefgh_-345678",
            "HTTP://127.0.0.1:8071/in/abcdefgh_-345678",
        ] {
            assert_eq!(guard.own_inbox(other), None, "{other}");
        }
        assert_eq!(
            guard.inbox_url("https://hooks.example.com", "t").as_deref(),
            Some("https://hooks.example.com/in/t")
        );
        assert_eq!(guard.inbox_url("http://other", "t").as_deref(), Some("http://127.0.0.1:8071/in/t"));
        assert_eq!(AddressGuard::default().inbox_url("http://other", "t"), None);
    }

    proptest! {
        #[test]
        fn an_ipv6_address_outside_global_unicast_and_nat64_is_never_public(bits in any::<u128>()) {
            let ip = Ipv6Addr::from(bits);
            let outside = !GLOBAL_UNICAST.contains(&ip) && !NAT64.contains(&ip);
            prop_assert!(!(outside && AddressGuard::default().check_ip(ip.into()).is_ok()));
        }

        #[test]
        fn nat64_inherits_the_verdict_of_the_address_it_carries(bits in any::<u32>()) {
            let inner = Ipv4Addr::from(bits);
            let outer = Ipv6Addr::from((0x64_ff9b_u128 << 96) | u128::from(bits));
            let guard = AddressGuard::default();
            prop_assert_eq!(guard.check_ip(outer.into()), guard.check_ip(inner.into()));
        }
    }
}
