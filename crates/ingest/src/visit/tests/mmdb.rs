//! Writes small databases of countries, by the MaxMind DB specification 2.0, and checks how they are read.

use crate::visit::Countries;
use ipnet::IpNet;
use std::net::IpAddr;

/// A tree for IPv6 whose records have 24 bits, with IPv4 in `::/96` as GeoLite2 has it.
pub(super) fn database(networks: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut tree = vec![[None::<Leaf>; 2]];
    for (network, code) in networks {
        let (bits, len) = path(network.parse().unwrap());
        let mut node = 0;
        for depth in 0..len {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == len {
                tree[node][side] = Some(Leaf::Data(data.len()));
            } else {
                node = match tree[node][side] {
                    Some(Leaf::Node(next)) => next,
                    _ => {
                        tree.push([None; 2]);
                        tree[node][side] = Some(Leaf::Node(tree.len() - 1));
                        tree.len() - 1
                    }
                };
            }
        }
        record(&mut data, code);
    }
    let mut file = Vec::new();
    for record in tree.iter().flatten() {
        let value = match record {
            None => tree.len(),
            Some(Leaf::Node(node)) => *node,
            Some(Leaf::Data(at)) => tree.len() + 16 + at,
        };
        file.extend_from_slice(&(value as u32).to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file, tree.len());
    file
}

#[derive(Clone, Copy)]
enum Leaf {
    Node(usize),
    Data(usize),
}

/// The bits of a network from the tree's root, and how many of them count.
fn path(network: IpNet) -> (u128, u32) {
    match network {
        IpNet::V4(net) => (u128::from(net.network().to_bits()), 96 + u32::from(net.prefix_len())),
        IpNet::V6(net) => (net.network().to_bits(), u32::from(net.prefix_len())),
    }
}

/// `{"country": {"iso_code": code}}`
fn record(out: &mut Vec<u8>, code: &str) {
    map(out, 1);
    text(out, "country");
    map(out, 1);
    text(out, "iso_code");
    text(out, code);
}

fn metadata(out: &mut Vec<u8>, nodes: usize) {
    map(out, 9);
    for (key, value) in
        [("binary_format_major_version", 2), ("binary_format_minor_version", 0), ("record_size", 24), ("ip_version", 6)]
    {
        text(out, key);
        out.extend_from_slice(&[0b101_00001, value]);
    }
    text(out, "node_count");
    out.push(0b110_00100);
    out.extend_from_slice(&(nodes as u32).to_be_bytes());
    text(out, "database_type");
    text(out, "Postrider-Test-Country");
    text(out, "languages");
    // Types beyond 7 have a second byte: an array without elements, a number of 64 bits, a map without entries.
    out.extend_from_slice(&[0, 11 - 7]);
    text(out, "build_epoch");
    out.extend_from_slice(&[1, 9 - 7, 1]);
    text(out, "description");
    map(out, 0);
}

fn map(out: &mut Vec<u8>, entries: u8) {
    out.push(0b111_00000 | entries);
}

fn text(out: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 29, "longer ones have another form");
    out.push(0b010_00000 | text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn country(countries: &Countries, address: &str) -> Option<String> {
    countries.of(address.parse::<IpAddr>().unwrap()).map(String::from)
}

const NETWORKS: &[(&str, &str)] = &[
    ("203.0.113.0/24", "NL"),
    ("198.51.100.0/25", "JP"),
    ("2001:db8::/32", "BR"),
    ("192.0.2.0/24", "xx"),
    ("192.0.3.0/24", "DEU"),
];

#[test]
fn countries_are_found_by_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    std::fs::write(&file, database(NETWORKS)).unwrap();
    let countries = Countries::open(&file).unwrap();
    for (address, want) in [
        ("203.0.113.200", Some("NL")),
        ("::ffff:203.0.113.1", Some("NL")),
        ("198.51.100.127", Some("JP")),
        ("198.51.100.128", None),
        ("2001:db8:ffff::1", Some("BR")),
        ("2001:db9::1", None),
        ("127.0.0.1", None),
        // Codes that are no codes.
        ("192.0.2.1", None),
        ("192.0.3.1", None),
    ] {
        assert_eq!(country(&countries, address).as_deref(), want, "{address}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    let missing = Countries::open(&file).unwrap_err().to_string();
    assert!(missing.contains("countries.mmdb can't be used"), "{missing}");
    let whole = database(NETWORKS);
    for damaged in [&b""[..], b"PK\x03\x04", &whole[..whole.len() / 2]] {
        std::fs::write(&file, damaged).unwrap();
        assert!(Countries::open(&file).is_err());
    }
}

#[test]
fn a_damaged_database_knows_fewer_countries_but_never_panics() {
    let whole = database(NETWORKS);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let Ok(countries) = Countries::of_bytes(damaged) else { continue };
        for (network, _) in NETWORKS {
            let address = network.parse::<IpNet>().unwrap().addr();
            let code = countries.of(address);
            assert!(code.is_none_or(|code| code.len() == 2));
        }
    }
}
