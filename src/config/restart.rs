//! Which changes a running server cannot take over.

use super::Config;

#[cfg(test)]
mod tests;

/// Each key that only a restart applies, with what it says.
macro_rules! restart_keys {
    ($old:ident, $new:ident; $($key:literal => |$it:ident| $value:expr,)*) => {{
        let mut changed: Vec<&'static str> = Vec::new();
        $(
            let said = |$it: &Config| format!("{:?}", $value);
            if said($old) != said($new) {
                changed.push($key);
            }
        )*
        changed
    }};
}

impl Config {
    /// The keys in which `new` differs from this configuration and which only a restart applies, in
    /// the order of the shipped file.
    pub fn restart_keys(&self, new: &Self) -> Vec<&'static str> {
        let old = self;
        restart_keys! { old, new;
            "data_dir" => |it| it.data_dir,
            "http.listen" => |it| it.http.listen,
            "https.listen" => |it| it.https.listen,
            "https.certificate" => |it| it.https.certificate.as_ref().map(|it| &it.0),
            "https.key" => |it| it.https.certificate.as_ref().map(|it| &it.1),
            "sip.udp" => |it| it.sip.udp,
            "sip.tcp" => |it| it.sip.tcp,
            "sip.tls" => |it| it.sip.tls,
            "sip.public_address" => |it| it.sip.public_address,
            "sip.ca_file" => |it| it.sip.ca_file,
            "sip.digests" => |it| it.sip.digests,
            "sip.srtp" => |it| it.sip.srtp,
            "sip.idle_timeout_s" => |it| it.sip.idle_timeout,
            "sip.message_timeout_ms" => |it| it.sip.message_timeout,
            "sip.ping_interval_s" => |it| it.sip.ping_interval,
            "sip.connect_timeout_ms" => |it| it.sip.connect_timeout,
            "sip.udp_flows" => |it| it.sip.udp_flows,
            "sip.messages_per_second" => |it| it.sip.messages_per_second,
            "sip.scanner_agents" => |it| it.sip.scanner_agents,
            "sip.scanner_requests" => |it| it.sip.scanner_requests,
            "sip.scanner_ban_s" => |it| it.sip.scanner_ban,
            "sip.options_interval_s" => |it| it.sip.options_interval,
            "sip.options_per_second" => |it| it.sip.options_per_second,
            "sip.options_misses" => |it| it.sip.options_misses,
            "registrar.snapshot_interval_s" => |it| it.registrar.snapshot_interval,
            "local_videochat.domain" => |it| it.local_videochat.domain,
            "media.port" => |it| it.media.port,
            "media.tcp_port" => |it| it.media.tcp_port,
            "media.rtp_ports" => |it| it.media.rtp_ports,
            "media.workers" => |it| it.media.workers,
            "media.addresses" => |it| it.media.addresses,
            "media.public_address" => |it| it.media.public_address,
            "media.stun_server" => |it| it.media.stun_server,
            "media.max_video_kbps" => |it| it.media.max_video_bitrate,
            "media.preferred_codecs" => |it| it.media.preferred_codecs,
            "media.excluded_codecs" => |it| it.media.excluded_codecs,
            "media.transcoding" => |it| it.media.transcoding,
            "media.music_on_hold" => |it| it.media.music_on_hold,
            "media.ringback" => |it| it.media.ringback,
            "media.packet_cache_packets" => |it| it.media.packet_cache,
            "media.setup_timeout_s" => |it| it.media.setup_timeout,
            "media.consent_timeout_s" => |it| it.media.consent_timeout,
            "media.inactivity_timeout_s" => |it| it.media.inactivity_timeout,
            "announcements.not_known" => |it| it.announcement("not_known"),
            "announcements.not_signed_in" => |it| it.announcement("not_signed_in"),
            "announcements.no_trunk" => |it| it.announcement("no_trunk"),
            "announcements.busy" => |it| it.announcement("busy"),
            "announcements.rejected" => |it| it.announcement("rejected"),
            "announcements.no_answer" => |it| it.announcement("no_answer"),
            "announcements.refused" => |it| it.announcement("refused"),
            "recording.mode" => |it| it.recording.mode,
            "recording.directory" => |it| it.recording.directory,
            "recording.format" => |it| it.recording.format,
            "recording.max_length_s" => |it| it.recording.max_length,
            "wcs.ping_interval_ms" => |it| it.wcs.ping_interval,
            "wcs.missed_pings" => |it| it.wcs.missed_pings,
            "wcs.grace_s" => |it| it.wcs.grace,
            "wcs.keep_alive_s" => |it| it.wcs.keep_alive,
            "wcs.ring_timeout_s" => |it| it.wcs.ring_timeout,
            "wcs.busy_status" => |it| it.wcs.busy_status,
            "limits.connections" => |it| it.limits.connections,
            "limits.connections_per_address" => |it| it.limits.connections_per_address,
            "limits.handshake_timeout_ms" => |it| it.limits.handshake_timeout,
            "limits.write_timeout_ms" => |it| it.limits.write_timeout,
            "limits.message_kib" => |it| it.limits.message_bytes,
            "limits.outgoing_messages" => |it| it.limits.outgoing_messages,
            "limits.messages_per_second" => |it| it.limits.messages_per_second,
            "limits.sessions" => |it| it.limits.sessions,
            "limits.sessions_per_user" => |it| it.limits.sessions_per_user,
            "limits.calls" => |it| it.limits.calls,
            "limits.transcoded_calls" => |it| it.limits.transcoded_calls,
            "limits.calls_per_user" => |it| it.limits.calls_per_user,
            "limits.calls_per_second" => |it| it.limits.calls_per_second,
            "limits.calls_per_second_per_user" => |it| it.limits.calls_per_second_per_user,
            "limits.sign_in_failures" => |it| it.limits.sign_in_failures,
            "cdr.file" => |it| it.cdr.file,
            "cdr.keys" => |it| it.cdr.keys,
        }
    }
}
