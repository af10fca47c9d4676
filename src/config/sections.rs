//! Every key of the file: its name, its default, what it allows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::reader::Section;
use media::negotiate::Security;
use media::ports::PortRange;
use media::recording::FileFormat;
use sip::digest::Hash;
use sip::uri::Host;

use super::people;
use super::value::{
    codec, digest, domain, guests, host_name, ip_address, listen_address, origin, port_range,
    ringback, scanner_agent, stun_server,
};
use super::{
    Access, BusyStatus, Cdr, Config, Guests, Http, Https, Limits, LocalVideochat, Log, Media,
    Network, Recording, Sip, TcpPort, Wcs,
};
use crate::call::config::{RecordingMode, ScannerConfig};

/// No port: `media.tcp_port` is not set.
const UNSET_PORT: u64 = 65_536;

pub(super) fn read(mut root: Section<'_, '_>, directory: &Path) -> Config {
    let data_dir = root.text("data_dir", PathBuf::from("data"), |text| {
        path(text).map(PathBuf::from)
    });
    let (http, access) = http(root.section("http"));
    let https = https(root.section("https"), directory);
    let sip = sip(root.section("sip"), directory);
    let registrar = people::registrar(root.section("registrar"));
    let local_videochat = local_videochat(root.section("local_videochat"));
    let pages = [&http.listen[..], &https.listen].concat();
    let media = media(root.section("media"), &pages, directory);
    let announcements = announcements(root.section("announcements"), directory);
    let recording = recording(root.section("recording"), directory);
    let wcs = wcs(root.section("wcs"));
    let limits = limits(root.section("limits"));
    let log = log(root.section("log"));
    let cdr = cdr(root.section("cdr"), directory);
    let (domains, first) = (root.sections("domain"), &local_videochat.domain);
    let people::People {
        accounts,
        recorded,
        codecs,
    } = people::accounts(root.sections("account"), first);
    let domains = people::domains(domains, &registrar, first, &accounts);
    let config = Config {
        data_dir: directory.join(data_dir),
        http,
        https,
        access,
        sip,
        media,
        announcements,
        recording,
        wcs,
        limits,
        log,
        cdr,
        registrar,
        domains,
        accounts,
        recorded,
        codecs,
        local_videochat,
    };
    if config.http.listen.is_empty() && config.https.listen.is_empty() {
        root.contradiction(
            "http",
            "both http.listen and https.listen are empty; give one an address",
        );
    }
    root.finish();
    config
}

fn http(mut section: Section<'_, '_>) -> (Http, Access) {
    let default = vec![(Ipv4Addr::LOCALHOST, 8080).into()];
    let http = Http {
        listen: section.list("listen", default, listen_address),
    };
    let access = Access {
        allowed_origins: section.list("allowed_origins", Vec::new(), origin),
        allowed_hosts: section.list("allowed_hosts", Vec::new(), host_name),
        trusted_proxies: section.list("trusted_proxies", Vec::new(), Network::parse),
    };
    section.finish();
    (http, access)
}

fn https(mut section: Section<'_, '_>, directory: &Path) -> Https {
    let default = vec![(Ipv4Addr::LOCALHOST, 8443).into()];
    let listen = section.list("listen", default, listen_address);
    let file = |text: &str| Ok((!text.is_empty()).then(|| directory.join(text)));
    let certificate = section.text("certificate", None, file);
    let key = section.text("key", None, file);
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            section.contradiction(
                "certificate",
                "https.key is missing; a certificate needs its key file",
            );
            None
        }
        (None, Some(_)) => {
            section.contradiction(
                "key",
                "https.certificate is missing; a key needs its certificate file",
            );
            None
        }
    };
    section.finish();
    Https {
        listen,
        certificate,
    }
}

fn sip(mut section: Section<'_, '_>, directory: &Path) -> Sip {
    let on_loopback = |port| vec![(Ipv4Addr::LOCALHOST, port).into()];
    let read = Sip {
        udp: section.list("udp", on_loopback(5060), listen_address),
        tcp: section.list("tcp", on_loopback(5060), listen_address),
        tls: section.list("tls", on_loopback(5061), listen_address),
        public_address: section.text("public_address", None, optional_address),
        ca_file: section.text("ca_file", None, |text| {
            Ok((!text.is_empty()).then(|| directory.join(text)))
        }),
        digests: section.list("digests", vec![Hash::Md5], digest),
        srtp: section.text("srtp", Security::Required, |text| match text {
            "off" => Ok(Security::Plain),
            "optional" => Ok(Security::Opportunistic),
            "required" => Ok(Security::Required),
            other => Err(format!(
                "is {other:?}; allowed: \"off\", \"optional\", \"required\""
            )),
        }),
        idle_timeout: section.seconds("idle_timeout_s", 180, 1..=86_400),
        message_timeout: section.milliseconds("message_timeout_ms", 8_000, 100..=120_000),
        ping_interval: section.seconds("ping_interval_s", 30, 1..=3_600),
        options_interval: section.seconds("options_interval_s", 30, 0..=3_600),
        options_per_second: section.integer("options_per_second", 100, 1..=10_000) as u32,
        options_misses: section.integer("options_misses", 2, 1..=10) as u32,
        connect_timeout: section.milliseconds("connect_timeout_ms", 5_000, 100..=60_000),
        udp_flows: section.count("udp_flows", 16_384, 16..=1_000_000),
        messages_per_second: section.integer("messages_per_second", 500, 1..=1_000_000) as u32,
        scanner_agents: section.list(
            "scanner_agents",
            ScannerConfig::default().agents,
            scanner_agent,
        ),
        scanner_requests: section.integer("scanner_requests", 60, 0..=100_000) as u32,
        scanner_ban: section.seconds("scanner_ban_s", 300, 1..=86_400),
    };
    if read.digests.is_empty() {
        section.contradiction("digests", "is empty; allowed: one of them at least");
    }
    section.finish();
    read
}

fn local_videochat(mut section: Section<'_, '_>) -> LocalVideochat {
    let read = LocalVideochat {
        enabled: section.boolean("enabled", true),
        guests: section.text("guests", Guests::Loopback, guests),
        domain: section.text("domain", localhost(), domain),
        call_waiting: section.boolean("call_waiting", false),
    };
    section.finish();
    read
}

fn media(mut section: Section<'_, '_>, pages: &[SocketAddr], directory: &Path) -> Media {
    let port = section.integer("port", 40_000, 0..=65_535);
    let workers = section.count("workers", 1, 1..=64);
    if port != 0 && port + workers as u64 > 65_536 {
        section.contradiction("port", "leaves no room for one port a worker below 65536");
    }
    let tcp_port = tcp_port(&mut section, port, workers as u64, pages);
    let rtp_ports = rtp_ports(&mut section, port..port + workers as u64);
    let read = Media {
        rtp_ports,
        port: u16::try_from(port).unwrap_or_default(),
        tcp_port,
        workers,
        addresses: section.list("addresses", Vec::new(), offered_address),
        public_address: section.text("public_address", None, optional_address),
        stun_server: section.text("stun_server", None, stun_server),
        max_video_bitrate: match section.integer("max_video_kbps", 2_500, 0..=100_000) {
            0 => None,
            kbps => Some(kbps * 1_000),
        },
        preferred_codecs: section.list("preferred_codecs", Vec::new(), codec),
        excluded_codecs: section.list("excluded_codecs", Vec::new(), codec),
        transcoding: section.boolean("transcoding", true),
        music_on_hold: section.text("music_on_hold", None, |text| {
            Ok((!text.is_empty()).then(|| directory.join(text)))
        }),
        ringback: section.text("ringback", None, ringback),
        packet_cache: section.count("packet_cache_packets", 512, 16..=8_192),
        setup_timeout: section.seconds("setup_timeout_s", 10, 1..=120),
        consent_timeout: section.seconds("consent_timeout_s", 15, 5..=120),
        inactivity_timeout: section.seconds("inactivity_timeout_s", 60, 5..=3_600),
    };
    if read.public_address.is_some() && read.stun_server.is_some() {
        let problem = "media.public_address is given, so that nobody need be asked; leave one out";
        section.contradiction("stun_server", problem);
    }
    section.finish();
    read
}

/// Media over TCP is on the same port number as over UDP, if nobody wants another one.
fn tcp_port(
    section: &mut Section<'_, '_>,
    port: u64,
    workers: u64,
    pages: &[SocketAddr],
) -> TcpPort {
    let first = match section.integer("tcp_port", UNSET_PORT, 0..=65_535) {
        0 => return TcpPort::Off,
        UNSET_PORT if port == 0 => return TcpPort::Any,
        UNSET_PORT => port,
        wanted => wanted,
    };
    let ports = first..first + workers;
    if ports.end > 65_536 && first != port {
        section.contradiction(
            "tcp_port",
            "leaves no room for one port a worker below 65536",
        );
    }
    let is_in_use = |page: &&SocketAddr| ports.contains(&page.port().into());
    if let Some(page) = pages.iter().find(is_in_use) {
        let problem =
            format!("{page} is for pages; set another port for media over TCP, or 0 for none");
        section.contradiction("tcp_port", &problem);
    }
    u16::try_from(first).map_or(TcpPort::Off, TcpPort::From)
}

/// Media of phones has ports of its own, apart from those of browsers.
fn rtp_ports(section: &mut Section<'_, '_>, shared: std::ops::Range<u64>) -> Option<PortRange> {
    let ports = section.text("rtp_ports", PortRange::new(20_000, 29_999), port_range)?;
    let shared = shared.filter(|port| *port != 0);
    let mut shared = shared.filter_map(|port| u16::try_from(port).ok());
    if let Some(port) = shared.find(|port| ports.contains(*port)) {
        let problem = format!("{port} is for browsers (media.port); leave it out");
        section.contradiction("rtp_ports", &problem);
    }
    Some(ports)
}

/// Of each reason that may be announced, its code and the file.
fn announcements(mut section: Section<'_, '_>, directory: &Path) -> Vec<(&'static str, PathBuf)> {
    /// What is known before somebody answers, but for what says that there is too much to do.
    const CODES: [&str; 7] = [
        "not_known",
        "not_signed_in",
        "no_trunk",
        "busy",
        "rejected",
        "no_answer",
        "refused",
    ];
    let mut file = |code| {
        let path = |text: &str| Ok((!text.is_empty()).then(|| directory.join(text)));
        Some((code, section.text(code, None, path)?))
    };
    let files = CODES.into_iter().filter_map(&mut file).collect();
    section.finish();
    files
}

fn recording(mut section: Section<'_, '_>, directory: &Path) -> Recording {
    let place = section.text("directory", PathBuf::from("recordings"), |text| {
        path(text).map(PathBuf::from)
    });
    let read = Recording {
        mode: section.text("mode", RecordingMode::Off, |text| match text {
            "off" => Ok(RecordingMode::Off),
            "accounts" => Ok(RecordingMode::Accounts),
            "all" => Ok(RecordingMode::All),
            other => Err(format!(
                "is {other:?}; allowed: \"off\", \"accounts\", \"all\""
            )),
        }),
        directory: directory.join(place),
        format: section.text("format", FileFormat::Ogg, |text| match text {
            "wav" => Ok(FileFormat::Wav),
            "ogg" => Ok(FileFormat::Ogg),
            other => Err(format!("is {other:?}; allowed: \"wav\", \"ogg\"")),
        }),
        max_length: section.seconds("max_length_s", 14_400, 10..=43_200),
    };
    section.finish();
    read
}

fn wcs(mut section: Section<'_, '_>) -> Wcs {
    let read = Wcs {
        ping_interval: section.milliseconds("ping_interval_ms", 5_000, 100..=60_000),
        missed_pings: section.integer("missed_pings", 3, 1..=100) as u32,
        grace: section.seconds("grace_s", 15, 0..=300),
        keep_alive: section.seconds("keep_alive_s", 600, 0..=86_400),
        ring_timeout: section.seconds("ring_timeout_s", 45, 1..=600),
        busy_status: section.text("busy_status", BusyStatus::Busy, |text| match text {
            "BUSY" => Ok(BusyStatus::Busy),
            "FAILED" => Ok(BusyStatus::Failed),
            "FINISH" => Ok(BusyStatus::Finish),
            other => Err(format!(
                "is {other:?}; allowed: \"BUSY\", \"FAILED\", \"FINISH\""
            )),
        }),
    };
    section.finish();
    read
}

fn limits(mut section: Section<'_, '_>) -> Limits {
    let read = Limits {
        connections: section.count("connections", 4_096, 1..=1_000_000),
        connections_per_address: section.count("connections_per_address", 1_024, 1..=1_000_000),
        handshake_timeout: section.milliseconds("handshake_timeout_ms", 10_000, 100..=120_000),
        write_timeout: section.milliseconds("write_timeout_ms", 15_000, 100..=120_000),
        message_bytes: 1024 * section.count("message_kib", 256, 16..=256),
        outgoing_messages: section.count("outgoing_messages", 256, 64..=65_536),
        messages_per_second: section.integer("messages_per_second", 100, 1..=10_000) as u32,
        sessions: section.count("sessions", 2_000, 1..=1_000_000),
        sessions_per_user: section.count("sessions_per_user", 8, 1..=64),
        calls: section.count("calls", 1_000, 1..=1_000_000),
        transcoded_calls: section.count("transcoded_calls", 200, 1..=100_000),
        calls_per_user: section.count("calls_per_user", 8, 1..=100_000),
        calls_per_second: section.integer("calls_per_second", 50, 1..=10_000) as u32,
        calls_per_second_per_user: section.integer("calls_per_second_per_user", 4, 1..=10_000)
            as u32,
        sign_in_failures: section.integer("sign_in_failures", 10, 1..=1_000) as u32,
    };
    section.finish();
    read
}

fn log(mut section: Section<'_, '_>) -> Log {
    let filter = section.text("level", "info".to_owned(), |text| {
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err(format!(
                "{text:?} is not a log level; allowed: \"error\", \"warn\", \"info\", \"debug\", \
                 \"trace\", or a filter such as \"info,callbox::net=debug\""
            )),
        }
    });
    section.finish();
    Log { filter }
}

fn cdr(mut section: Section<'_, '_>, directory: &Path) -> Cdr {
    let read = Cdr {
        file: section.text("file", None, |text| {
            Ok((!text.is_empty()).then(|| directory.join(text)))
        }),
        keys: section.boolean("keys", false),
    };
    section.finish();
    read
}

/// The default domain.
fn localhost() -> Host {
    Host::parse("localhost").unwrap_or(Host::V4(Ipv4Addr::LOCALHOST))
}

fn path(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        Err("is empty; allowed: a path".to_owned())
    } else {
        Ok(text)
    }
}

fn optional_address(text: &str) -> Result<Option<IpAddr>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        offered_address(text).map(Some)
    }
}

fn offered_address(text: &str) -> Result<IpAddr, String> {
    let address = ip_address(text)?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(format!(
            "{text:?} cannot be reached; allowed: an address of this machine"
        ));
    }
    Ok(address)
}
