//! Searches on a name server of the test's own, over loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use sip::flow::Transport;
use sip::uri::{SipUri, Uri};
use tokio::net::UdpSocket;

use super::*;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// A record: its name, its type, how long it lasts in seconds, and what it says.
type Row = (&'static str, u16, u32, Vec<u8>);

/// A name server that answers from a list over UDP, and notes what it is asked.
pub(in crate::net) struct NameServer {
    pub(in crate::net) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl NameServer {
    pub(in crate::net) async fn with(rows: Vec<Row>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut datagram = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut datagram).await {
                let (answer, question) = answer(&datagram[..len], &rows);
                noted.lock().unwrap().push(question);
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address, asked }
    }

    /// What it was asked since the last look.
    fn asked(&self) -> Vec<(String, u16)> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }

    pub(in crate::net) fn dns(&self) -> Dns {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.address.port();
        let server = NameServerConfig::new(self.address.ip(), true, vec![connection]);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let provider = TokioRuntimeProvider::default();
        let mut builder = hickory_resolver::Resolver::builder_with_config(config, provider);
        lookup::set(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        let lookup = Lookup::at(builder.build().unwrap());
        Dns::with(lookup, LocatePolicy::default(), [7; 32])
    }
}

/// RFC 1035 4.1. The question is repeated as it was written.
fn answer(query: &[u8], rows: &[Row]) -> (Vec<u8>, (String, u16)) {
    let mut name = String::new();
    let mut at = 12;
    while query[at] != 0 {
        let label = &query[at + 1..at + 1 + usize::from(query[at])];
        name.push_str(std::str::from_utf8(label).unwrap());
        name.push('.');
        at += 1 + label.len();
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let mut found: Vec<&Row> = Vec::new();
    let mut wanted = name.clone();
    for row in rows {
        if row.0 == wanted && (row.1 == kind || row.1 == CNAME) {
            found.push(row);
            if row.1 == CNAME {
                wanted = text_of(&row.3);
            }
        }
    }
    let exists = rows.iter().any(|(of, ..)| *of == name.as_str());
    // SERVFAIL for names that say so, NXDOMAIN for those that are not there.
    let code: u8 = match (exists, name.starts_with("broken")) {
        (_, true) => 2,
        (true, _) => 0,
        (false, _) => 3,
    };
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1]);
    answer.extend((found.len() as u16).to_be_bytes());
    answer.extend([0, 0, 0, 0]);
    answer.extend(&query[12..at + 5]);
    for (of, kind, ttl, data) in found {
        answer.extend(labels(of));
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1]);
        answer.extend(ttl.to_be_bytes());
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    (answer, (name, kind))
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn text_of(mut labels: &[u8]) -> String {
    let mut name = Vec::new();
    while labels[0] != 0 {
        let (label, rest) = labels[1..].split_at(labels[0].into());
        name.push(std::str::from_utf8(label).unwrap());
        labels = rest;
    }
    name.join(".")
}

pub(in crate::net) fn a(name: &'static str, ttl_s: u32, address: [u8; 4]) -> Row {
    (name, A, ttl_s, address.to_vec())
}

pub(in crate::net) fn srv(name: &'static str, priority: u16, port: u16, target: &str) -> Row {
    let mut data = priority.to_be_bytes().to_vec();
    data.extend([0, 0]);
    data.extend(port.to_be_bytes());
    data.extend(labels(target));
    (name, SRV, 60, data)
}

fn naptr(name: &'static str, order: u16, service: &str, replacement: &str) -> Row {
    let mut data = order.to_be_bytes().to_vec();
    data.extend([0, 10, 1, b's', service.len() as u8]);
    data.extend(service.as_bytes());
    data.push(0);
    data.extend(labels(replacement));
    (name, NAPTR, 60, data)
}

pub(in crate::net) fn destination(uri: &str) -> Destination {
    let Uri::Sip(uri): Uri = Uri::parse(uri).unwrap() else {
        panic!("{uri} is no SIP URI");
    };
    let uri: SipUri = uri;
    Destination::of(&uri).unwrap()
}

async fn locate(dns: &Dns, uri: &str) -> Result<Search, String> {
    dns.locate(destination(uri), AddressPolicy::default()).await
}

fn shown(search: &Search) -> String {
    let target = search.target();
    format!("{} {}", target.transport.via_name(), target.addr)
}

/// A domain that wants TLS before TCP, and has two servers for it.
fn example() -> Vec<Row> {
    vec![
        naptr("example.net", 20, "SIP+D2T", "_sip._tcp.example.net"),
        naptr("example.net", 10, "SIPS+D2T", "_sips._tcp.example.net"),
        srv("_sips._tcp.example.net", 2, 5061, "two.example.net"),
        srv("_sips._tcp.example.net", 1, 5071, "one.example.net"),
        a("one.example.net", 60, [192, 0, 2, 1]),
        a("two.example.net", 60, [192, 0, 2, 2]),
    ]
}

#[tokio::test]
async fn rfc3263_4_naptr_leads_to_srv_and_that_to_addresses_in_order() {
    let server = NameServer::with(example()).await;
    let dns = server.dns();
    let mut search = locate(&dns, "sip:example.net").await.unwrap();
    assert_eq!(shown(&search), "TLS 192.0.2.1:5071");
    assert_eq!(search.target().host_for_tls.to_string(), "example.net");
    search.next(true).await.unwrap();
    assert_eq!(shown(&search), "TLS 192.0.2.2:5061");
    let end = search.next(true).await.unwrap_err();
    assert_eq!(end, "none of its servers could be reached");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_asked_for_again_without_one() {
    let rows = vec![
        a("kept.example.net", 60, [192, 0, 2, 1]),
        a("now.example.net", 0, [192, 0, 2, 2]),
    ];
    let server = NameServer::with(rows).await;
    let dns = server.dns();
    for (name, times) in [("kept.example.net", 1), ("now.example.net", 3)] {
        for _ in 0..3 {
            let uri = format!("sip:{name}:5080;transport=tcp");
            let search = locate(&dns, &uri).await.unwrap();
            assert!(shown(&search).ends_with(":5080"));
        }
        let asked = server.asked();
        let of_kind = |wanted| asked.iter().filter(|(_, kind)| *kind == wanted).count();
        assert_eq!(of_kind(A), times, "{asked:?}");
        assert_eq!(of_kind(AAAA), 1, "that there is nothing is kept: {asked:?}");
    }
}

#[tokio::test]
async fn a_server_that_failed_is_passed_over_by_other_searches() {
    let server = NameServer::with(example()).await;
    let dns = server.dns();
    let mut first = locate(&dns, "sip:example.net").await.unwrap();
    first.next(true).await.unwrap();
    let other = locate(&dns, "sip:example.net").await.unwrap();
    assert_eq!(shown(&other), "TLS 192.0.2.2:5061");
    // One that was merely not wanted has not failed.
    let mut third = locate(&dns, "sip:example.net").await.unwrap();
    third.next(false).await.unwrap();
    let fourth = locate(&dns, "sip:example.net").await.unwrap();
    assert_eq!(shown(&fourth), "TLS 192.0.2.2:5061");
}

#[tokio::test]
async fn aliases_are_followed() {
    let rows = vec![
        ("www.example.net", CNAME, 60, labels("host.example.net")),
        a("host.example.net", 60, [192, 0, 2, 9]),
    ];
    let server = NameServer::with(rows).await;
    let search = locate(&server.dns(), "sip:www.example.net:5060").await;
    assert_eq!(shown(&search.unwrap()), "UDP 192.0.2.9:5060");
}

#[tokio::test]
async fn what_cannot_be_located_is_told_in_words() {
    let rows = vec![
        a("inside.example.net", 60, [127, 0, 0, 1]),
        srv("_sip._udp.closed.example.net", 0, 0, "."),
        srv("_sip._tcp.closed.example.net", 0, 0, "."),
        srv("_sips._tcp.closed.example.net", 0, 0, "."),
    ];
    let server = NameServer::with(rows).await;
    let dns = server.dns();
    for (uri, words) in [
        (
            "sip:nobody.example.net",
            "the DNS knows no server of that name",
        ),
        ("sip:broken.example.net:5060", "the DNS could not be asked"),
        // S38
        (
            "sip:inside.example.net:5060",
            "it has only addresses that nothing is sent to",
        ),
        (
            "sip:closed.example.net",
            "its domain says that it has no SIP server",
        ),
    ] {
        let end = locate(&dns, uri).await.map(|search| shown(&search));
        assert_eq!(end, Err(words.to_owned()), "{uri}");
    }
}

#[tokio::test]
async fn a_transport_that_the_uri_names_is_the_one() {
    let server = NameServer::with(vec![
        srv("_sip._tcp.example.net", 0, 5070, "one.example.net"),
        a("one.example.net", 60, [192, 0, 2, 1]),
    ])
    .await;
    let search = locate(&server.dns(), "sip:example.net;transport=tcp").await;
    let search = search.unwrap();
    assert_eq!(search.target().transport, Transport::Tcp);
    assert_eq!(search.target().addr.to_string(), "192.0.2.1:5070");
}
