use std::path::Path;

use super::*;
use crate::config::SHIPPED;

/// The keys of the shipped file with its `(restart)` above them, by section.
fn marked_restart() -> Vec<(String, String)> {
    let (mut section, mut marks) = (String::new(), String::new());
    let mut after_key = false;
    let mut keys = Vec::new();
    let documented = SHIPPED.split("# --- Domains").next().unwrap();
    for line in documented.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            if std::mem::take(&mut after_key) {
                marks.clear();
            }
            marks.push_str(comment);
        } else if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
            marks.clear();
        } else if let Some((key, value)) = line.split_once(" = ") {
            after_key = true;
            if marks.contains("(restart)") {
                keys.push((format!("{section}{key}"), value.to_owned()));
            }
        }
    }
    keys
}

#[test]
fn the_keys_that_need_a_restart_are_those_marked_so() {
    let old = Config::parse("", Path::new("/")).unwrap();
    let mut wanted: Vec<String> = marked_restart().into_iter().map(|(key, _)| key).collect();
    assert!(wanted.len() > 30, "{wanted:?}");
    // All others at once.
    let other = "data_dir = \"d\"\n\
        [http]\nlisten = \"127.0.0.1:1\"\nallowed_origins = \"*\"\nallowed_hosts = \"a\"\n\
        trusted_proxies = \"127.0.0.1\"\n\
        [https]\nlisten = \"127.0.0.1:2\"\ncertificate = \"c\"\nkey = \"k\"\n\
        [sip]\nudp = []\ntcp = []\ntls = []\npublic_address = \"192.0.2.1\"\nca_file = \"a\"\n\
        digests = \"SHA-256\"\nsrtp = \"off\"\nidle_timeout_s = 1\nmessage_timeout_ms = 100\n\
        ping_interval_s = 1\nconnect_timeout_ms = 100\nudp_flows = 16\nmessages_per_second = 1\n\
        options_interval_s = 0\noptions_per_second = 1\noptions_misses = 1\n\
        scanner_agents = \"scan\"\nscanner_requests = 0\nscanner_ban_s = 1\n\
        [registrar]\nmin_expires_s = 1\ndefault_expires_s = 2\nmax_expires_s = 3\n\
        max_contacts = 1\nsnapshot_interval_s = 1\n\
        [local_videochat]\nenabled = false\nguests = \"none\"\ndomain = \"a\"\n\
        call_waiting = true\n\
        [media]\nport = 5000\ntcp_port = 5001\nrtp_ports = \"\"\nworkers = 2\n\
        addresses = \"192.0.2.1\"\npublic_address = \"192.0.2.1\"\nmax_video_kbps = 1\n\
        preferred_codecs = \"PCMU\"\nexcluded_codecs = \"AV1\"\ntranscoding = false\n\
        music_on_hold = \"m\"\nringback = \"eu\"\n\
        packet_cache_packets = 16\nsetup_timeout_s = 1\nconsent_timeout_s = 5\n\
        inactivity_timeout_s = 5\n\
        [announcements]\nnot_known = \"a\"\nnot_signed_in = \"b\"\nno_trunk = \"c\"\nbusy = \"d\"\n\
        rejected = \"e\"\nno_answer = \"f\"\nrefused = \"g\"\n\
        [recording]\nmode = \"all\"\ndirectory = \"r\"\nformat = \"wav\"\nmax_length_s = 10\n\
        [wcs]\nping_interval_ms = 100\nmissed_pings = 1\ngrace_s = 0\nkeep_alive_s = 0\n\
        ring_timeout_s = 1\nbusy_status = \"FAILED\"\n\
        [limits]\nconnections = 1\nconnections_per_address = 1\nhandshake_timeout_ms = 100\n\
        write_timeout_ms = 100\nmessage_kib = 16\noutgoing_messages = 64\n\
        messages_per_second = 1\nsessions = 1\nsessions_per_user = 1\ncalls = 1\n\
        transcoded_calls = 1\ncalls_per_user = 1\ncalls_per_second = 1\ncalls_per_second_per_user = 1\nsign_in_failures = 1\n[log]\nlevel = \"warn\"\n\
        [cdr]\nfile = \"c\"\nkeys = true\n\
        [[domain]]\nname = \"b\"\n";
    let new = Config::parse(other, Path::new("/")).unwrap();
    let mut found = old.restart_keys(&new);
    // It contradicts media.public_address.
    let stun = Config::parse("[media]\nstun_server = \"a\"\n", Path::new("/")).unwrap();
    found.extend(old.restart_keys(&stun));
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
    assert!(old.restart_keys(&old).is_empty());
}
