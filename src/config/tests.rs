use std::path::Path;

use super::*;

fn faults(text: &str) -> String {
    let faults = Config::parse(text, Path::new("/etc/callbox")).unwrap_err();
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/callbox")).unwrap()
}

#[test]
fn the_shipped_file_says_what_the_defaults_are() {
    assert_eq!(parse(SHIPPED), parse(""));
}

#[test]
fn the_shipped_file_has_every_key_with_its_mark() {
    let mut marked = true;
    let mut comment = String::new();
    for line in SHIPPED
        .lines()
        .take_while(|line| !line.starts_with("# --- Domains"))
    {
        if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text);
            marked = false;
        } else if line.contains(" = ") {
            marked |= comment.contains("(hot)") || comment.contains("(restart)");
            assert!(marked, "no (hot) or (restart) above {line}");
        } else {
            comment.clear();
        }
    }
    // The reader names every key it knows when it meets one that it does not.
    for section in [
        "",
        "http",
        "https",
        "sip",
        "registrar",
        "local_videochat",
        "media",
        "recording",
        "wcs",
        "limits",
        "log",
    ] {
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        let report = faults(&format!("{header}nonsense = 1\n"));
        let known = report.trim().split("allowed here: ").nth(1).unwrap();
        for key in known.split(", ").filter(|_| !section.is_empty()) {
            let body = SHIPPED.split(&format!("\n[{section}]\n")).nth(1).unwrap();
            let body = body.split("\n[").next().unwrap();
            assert!(
                body.contains(&format!("\n{key} = ")),
                "{section}.{key} is not shown"
            );
        }
    }
}

/// An `[[account]]` with further keys.
fn account(name: &str, more: &str) -> String {
    let hash = "0".repeat(32);
    format!("[[account]]\nname = \"{name}\"\nha1_md5 = \"{hash}\"\n{more}\n")
}

#[test]
fn recordings_are_off_unless_wanted_and_then_those_of_accounts_that_say_so() {
    let config = parse("");
    assert_eq!(config.recording.mode, RecordingMode::Off);
    assert!(config.recorded.is_empty());
    let config = parse(&format!(
        "[recording]\nmode = \"accounts\"\ndirectory = \"calls\"\nformat = \"wav\"\n{}{}",
        account("alice", "record = true"),
        account("bob", "record = false"),
    ));
    assert_eq!(config.recording.mode, RecordingMode::Accounts);
    assert_eq!(config.recording.directory, Path::new("/etc/callbox/calls"));
    assert_eq!(config.recording.format, FileFormat::Wav);
    let recorded: Vec<String> = config.recorded.iter().map(ToString::to_string).collect();
    assert_eq!(recorded, ["alice@localhost"]);
    let report = faults(
        "[recording]\nmode = \"on\"\ndirectory = \"\"\nformat = \"mp3\"\nmax_length_s = 5\n",
    );
    let golden = r#"line 2: recording.mode: is "on"; allowed: "off", "accounts", "all"
line 3: recording.directory: is empty; allowed: a path
line 4: recording.format: is "mp3"; allowed: "wav", "ogg"
line 5: recording.max_length_s: is 5; allowed: a whole number from 10 to 43200
"#;
    assert_eq!(report, golden);
}

#[test]
fn all_faults_are_reported_at_once_with_line_and_key() {
    let report = faults(
        r#"data_dir = 7
colour = "blue"

[http]
listen = ["127.0.0.1", "[::1]:8080"]
allowed_origins = ["https://a.example/path"]
trusted_proxies = ["10.0.0.0/40"]

[https]
certificate = "chain.pem"

[local_videochat]
enabled = "yes"
guests = "everyone"

[media]
port = 70000
workers = 1.5
public_address = "0.0.0.0"

[wcs]
ping = 5

[log]
level = "a=b=c"

[[account]]
name = "al ice"
ha1_md5 = "123"

[[account]]
name = "bob"

[[account]]
display_name = "Nobody"
"#,
    );
    let golden = r#"line 1: data_dir: is a whole number; allowed: a text in quotes
line 2: colour: unknown key; allowed here: data_dir, http, https, sip, registrar, local_videochat, media, announcements, recording, wcs, limits, log, cdr, domain, account
line 5: http.listen: "127.0.0.1" is not an address with a port; allowed: for example "127.0.0.1:8080", "0.0.0.0:8080" or "[::]:8080"
line 6: http.allowed_origins: "https://a.example/path" is not an origin; allowed: scheme, host and port without a path, for example "https://calls.example.com" or "http://192.0.2.7:3000"; "*" allows all
line 7: http.trusted_proxies: "10.0.0.0/40" has a prefix that is not from 0 to 32
line 10: https.certificate: https.key is missing; a certificate needs its key file
line 13: local_videochat.enabled: is a text; allowed: true, false
line 14: local_videochat.guests: is "everyone"; allowed: "loopback", "private", "none"
line 17: media.port: is 70000; allowed: a whole number from 0 to 65535
line 18: media.workers: is a number with a fraction; allowed: a whole number from 1 to 64
line 19: media.public_address: "0.0.0.0" cannot be reached; allowed: an address of this machine
line 22: wcs.ping: unknown key; allowed here: ping_interval_ms, missed_pings, grace_s, keep_alive_s, ring_timeout_s, busy_status
line 25: log.level: "a=b=c" is not a log level; allowed: "error", "warn", "info", "debug", "trace", or a filter such as "info,callbox::net=debug"
line 28: account[1].name: "al ice" cannot be used: the name holds a space, an invisible character or one of @ : ; , ? / \ < > " %
line 29: account[1].ha1_md5: is not a digest HA1; allowed: 32 hexadecimal digits, as `callbox account add` writes them
line 32: account[2].name: has no usable password: set one with `callbox account passwd`, it writes ha1_md5, ha1_sha256 and ha1_sha512_256
line 34: account[3].name: is missing
"#;
    assert_eq!(report, golden);
}

#[test]
fn broken_toml_is_reported_with_its_lines() {
    let report = faults("[http]\nlisten = \n\n[https\nkey = \"\"\n");
    assert!(report.starts_with("line 2: not TOML: "), "{report}");
    assert!(report.contains("line 4: not TOML: "), "{report}");
}

#[test]
fn a_key_twice_is_a_fault() {
    let report = faults("[wcs]\ngrace_s = 1\ngrace_s = 2\n");
    assert!(
        report.starts_with("line 3: not TOML: duplicate key"),
        "{report}"
    );
}

#[test]
fn one_account_name_may_exist_in_two_domains_but_not_twice_in_one() {
    let account = |domain: &str| {
        format!(
            "[[account]]\nname = \"a\"\ndomain = \"{domain}\"\nha1_md5 = \"{}\"\n",
            "0".repeat(32)
        )
    };
    parse(&format!("{}{}", account("x.example"), account("y.example")));
    let report = faults(&format!("{}{}", account("x.example"), account("X.example")));
    assert_eq!(
        report,
        "line 6: account[2].name: a@x.example is there twice\n"
    );
}

#[test]
fn a_server_without_any_listener_is_a_fault() {
    let report = faults("[http]\nlisten = []\n[https]\nlisten = []\n");
    assert!(
        report.contains("both http.listen and https.listen are empty"),
        "{report}"
    );
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let config =
        parse("data_dir = \"state\"\n[https]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n");
    assert_eq!(config.data_dir, Path::new("/etc/callbox/state"));
    let expected = (PathBuf::from("/etc/callbox/c.pem"), PathBuf::from("/k.pem"));
    assert_eq!(config.https.certificate, Some(expected));
}

#[test]
fn passwords_hashes_stay_out_of_debug_output() {
    let hash = "0123456789abcdef".repeat(2);
    let config = parse(&format!(
        "[[account]]\nname = \"a\"\nha1_md5 = \"{hash}\"\n"
    ));
    assert!(!format!("{config:?}").contains(&hash));
}

#[test]
fn networks_contain_what_their_prefix_says() {
    let network = |text| Network::parse(text).unwrap();
    let contains = |text, address: &str| network(text).contains(address.parse().unwrap());
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert!(contains("0.0.0.0/0", "192.0.2.1"));
    assert!(!contains("0.0.0.0/0", "2001:db8::1"));
    assert!(contains("2001:db8::/32", "2001:db8:1::1"));
    assert!(contains("127.0.0.1", "127.0.0.1"));
    assert!(!contains("127.0.0.1", "127.0.0.2"));
}

#[test]
fn media_over_tcp_has_the_number_of_the_udp_port_if_nobody_wants_another() {
    for (text, expected) in [
        ("", TcpPort::From(40_000)),
        ("port = 5000", TcpPort::From(5_000)),
        ("port = 0", TcpPort::Any),
        ("port = 0\ntcp_port = 443", TcpPort::From(443)),
        ("tcp_port = 443", TcpPort::From(443)),
        ("tcp_port = 0", TcpPort::Off),
        ("port = 0\ntcp_port = 0", TcpPort::Off),
    ] {
        let config = parse(&format!("[media]\n{text}\n"));
        assert_eq!(config.media.tcp_port, expected, "{text}");
    }
}

#[test]
fn media_over_tcp_stands_in_nobodys_way() {
    assert_eq!(
        faults("[https]\nlisten = \"0.0.0.0:443\"\n[media]\ntcp_port = 442\nworkers = 2\n"),
        "line 4: media.tcp_port: 0.0.0.0:443 is for pages; set another port for media over TCP, \
         or 0 for none\n"
    );
    assert_eq!(
        faults("[media]\ntcp_port = 65535\nworkers = 2\n"),
        "line 2: media.tcp_port: leaves no room for one port a worker below 65536\n"
    );
    assert_eq!(
        faults("[media]\nport = 65535\nworkers = 2\n"),
        "line 2: media.port: leaves no room for one port a worker below 65536\n"
    );
    parse("[https]\nlisten = \"0.0.0.0:443\"\n[media]\ntcp_port = 0\n");
    parse("[https]\nlisten = \"0.0.0.0:0\"\n[media]\nport = 0\n");
}

#[test]
fn ports_for_phones_are_a_range_apart_from_the_port_of_browsers() {
    let range = |text: &str| {
        let config = parse(&format!("[media]\n{text}\n"));
        config.media.rtp_ports.map(|range| range.to_string())
    };
    assert_eq!(range("").as_deref(), Some("20000-29999"));
    assert_eq!(
        range("rtp_ports = \"10000 - 10099\"").as_deref(),
        Some("10000-10099")
    );
    assert_eq!(range("rtp_ports = \"\""), None);
    for wrong in [
        "10000",
        "10099-10000",
        "1-1",
        "10001-10002",
        "a-b",
        "0-70000",
    ] {
        let found = faults(&format!("[media]\nrtp_ports = \"{wrong}\"\n"));
        assert!(found.contains("is no range of ports"), "{wrong}: {found}");
    }
    assert_eq!(
        faults("[media]\nport = 10000\nworkers = 4\nrtp_ports = \"10002-10099\"\n"),
        "line 4: media.rtp_ports: 10002 is for browsers (media.port); leave it out\n"
    );
    parse("[media]\nport = 0\nrtp_ports = \"10002-10099\"\n");
}

#[test]
fn a_domain_takes_from_registrar_what_it_does_not_say() {
    let config = parse(
        "[registrar]\nmax_expires_s = 9000\nmax_contacts = 3\n\
         [[domain]]\nname = \"Example.com\"\naliases = \"sip.example.com\"\nmin_expires_s = 300\n\
         guests = \"private\"\n[[domain]]\nname = \"example.net\"\n",
    );
    let [com, net] = &config.domains[..] else {
        panic!("{:?}", config.domains)
    };
    assert_eq!(com.name.to_string(), "example.com");
    assert_eq!(com.aliases[0].to_string(), "sip.example.com");
    assert_eq!((com.guests, net.guests), (Guests::Private, Guests::None));
    let expiry = |domain: &Domain| {
        let expiry = domain.registration.expiry;
        (expiry.min_s(), expiry.default_s(), expiry.max_s())
    };
    assert_eq!(
        (expiry(com), expiry(net)),
        ((300, 3600, 9000), (60, 3600, 9000))
    );
    assert_eq!(com.registration.max_contacts, 3);
}

#[test]
fn one_name_leads_to_one_domain() {
    let account = "[[account]]\nname = \"a\"\ndomain = \"b.example\"\n\
                   ha1_md5 = \"00000000000000000000000000000000\"\n";
    let report = faults(&format!(
        "[[domain]]\nname = \"a.example\"\naliases = [\"x.example\", \"b.example\", \"x.example\"]\n\
         [[domain]]\nname = \"c.example\"\naliases = [\"x.example\", \"localhost\"]\n\
         [[domain]]\nname = \"A.example\"\n{account}"
    ));
    let problem = "is a domain itself, or another name of a domain above: one name leads to one \
                   domain";
    assert_eq!(
        report,
        format!(
            "line 3: domain[1].aliases: b.example {problem}\n\
             line 6: domain[2].aliases: x.example {problem}\n\
             line 6: domain[2].aliases: localhost {problem}\n\
             line 8: domain[3].name: a.example is there twice\n"
        )
    );
}

#[test]
fn faults_of_domains_are_told_by_line_and_key() {
    assert_eq!(
        faults("[[domain]]\naliases = []\n"),
        "line 1: domain[1].name: is missing\n"
    );
    assert_eq!(
        faults("[[domain]]\nname = \"localhost\"\nguests = \"none\"\n"),
        "line 3: domain[1].guests: for this domain local_videochat.guests says it; leave the key \
         out\n"
    );
    assert_eq!(
        faults("[registrar]\nmax_expires_s = 600\n"),
        "line 2: registrar.max_expires_s: min_expires_s (60) may not be above default_expires_s \
         (3600), nor that above max_expires_s (600)\n"
    );
    let report = faults("[[domain]]\nname = \"a\"\nmin_expires_s = 3601\nguest = 1\n");
    assert!(
        report.contains("line 3: domain[1].min_expires_s: is 3601"),
        "{report}"
    );
    assert!(
        report.contains("line 4: domain[1].guest: unknown key"),
        "{report}"
    );
}

#[test]
fn a_stun_server_is_a_host_with_a_port() {
    let server = |text: &str| {
        parse(&format!("[media]\nstun_server = {text:?}\n"))
            .media
            .stun_server
    };
    assert_eq!(server(""), None);
    for (text, expected) in [
        ("stun.Example.com", "stun.example.com:3478"),
        ("stun.example.com:3479", "stun.example.com:3479"),
        ("192.0.2.7", "192.0.2.7:3478"),
        ("192.0.2.7:1", "192.0.2.7:1"),
        ("2001:db8::7", "[2001:db8::7]:3478"),
        ("[2001:db8::7]:5", "[2001:db8::7]:5"),
    ] {
        assert_eq!(server(text).as_deref(), Some(expected));
    }
    for wrong in ["stun:stun.example.com", "a b", "a:0", "a:70000", ":3478"] {
        let report = faults(&format!("[media]\nstun_server = {wrong:?}\n"));
        assert!(report.contains("media.stun_server: "), "{report}");
    }
    let both = "[media]\npublic_address = \"192.0.2.1\"\nstun_server = \"a\"\n";
    assert!(faults(both).starts_with("line 3: media.stun_server: media.public_address is given"));
}

#[test]
fn an_account_may_name_its_codecs_and_faults_name_the_account() {
    let config = parse(&format!(
        "{}{}{}",
        account("alice", "codecs = [\"opus\", \"g722\", \"pcma\"]"),
        account("bob", "codecs = \"PCMU\""),
        account("carol", "codecs = []"),
    ));
    let codecs: Vec<String> = config
        .codecs
        .iter()
        .map(|(aor, codecs)| format!("{aor} {codecs:?}"))
        .collect();
    assert_eq!(
        codecs,
        ["alice@localhost [Opus, G722, Pcma]", "bob@localhost [Pcmu]"]
    );
    let report = faults(&account("dave", "codecs = [\"opus\", \"gsm\"]"));
    assert_eq!(
        report,
        "line 4: account[1].codecs: of dave: \"gsm\" is no codec; allowed: \"opus\", \"G722\", \"PCMU\", \
         \"PCMA\", \"speex\", \"G729\", \"L16\", \"VP8\", \"H264\", \"VP9\", \"AV1\"\n"
    );
}
