//! From [`Description`] to text.

use std::net::IpAddr;

use super::{Bandwidth, CertificateHash, Codec, Description, MediaDescription};

impl Description {
    /// The text with `\r\n` line ends. Line breaks inside values cannot occur: the writer
    /// below strips them.
    pub fn to_text(&self) -> String {
        self.to_session().to_string()
    }

    fn to_session(&self) -> sdp_types::Session {
        let origin = sdp_types::Origin::with_ip_addr(
            &self.origin.session_id,
            self.origin.version,
            self.origin.address,
        );
        let mut lines = Lines::default();
        if self.ice_lite {
            lines.flag("ice-lite");
        }
        for group in &self.bundle {
            let mut value = String::from("BUNDLE");
            for mid in group {
                value.push(' ');
                value.push_str(mid);
            }
            lines.value("group", value);
        }
        let mut session = sdp_types::Session::new(origin, "-");
        session.times = vec![sdp_types::Time::new(0, 0)];
        session.bandwidths = bandwidths(self.bandwidth);
        session.attributes = lines.0;
        session.medias = self.media.iter().map(MediaDescription::to_media).collect();
        session
    }
}

impl MediaDescription {
    fn to_media(&self) -> sdp_types::Media {
        let formats: Vec<String> = self
            .codecs
            .iter()
            .map(|codec| codec.payload_type.to_string())
            .chain(self.other_formats.iter().map(ToString::to_string))
            .collect();
        sdp_types::Media {
            media: self.media.as_str().to_owned(),
            port: self.port,
            num_ports: None,
            proto: self.protocol.to_string(),
            fmt: formats.join(" "),
            media_title: None,
            connections: self.connection.into_iter().map(connection).collect(),
            bandwidths: bandwidths(self.bandwidth),
            key: None,
            attributes: self.attributes(),
        }
    }

    fn attributes(&self) -> Vec<sdp_types::Attribute> {
        let mut lines = Lines::default();
        if let Some(rtcp) = self.rtcp {
            let address = rtcp.address.map(|address| match address {
                IpAddr::V4(address) => format!(" IN IP4 {address}"),
                IpAddr::V6(address) => format!(" IN IP6 {address}"),
            });
            let address = address.unwrap_or_default();
            lines.value("rtcp", format!("{}{address}", rtcp.port));
        }
        for crypto in &self.crypto {
            lines.value("crypto", crypto.to_value().to_string());
        }
        for candidate in &self.candidates {
            lines.value("candidate", candidate.to_string());
        }
        if self.end_of_candidates {
            lines.flag("end-of-candidates");
        }
        if let Some(ice) = &self.ice {
            lines.value("ice-ufrag", ice.ufrag.to_string());
            lines.value("ice-pwd", ice.pwd.to_string());
        }
        for hash in &self.fingerprints {
            lines.value(
                "fingerprint",
                match hash {
                    CertificateHash::Sha256(fingerprint) => format!("sha-256 {fingerprint}"),
                    CertificateHash::Other(hash, digits) => format!("{hash} {digits}"),
                },
            );
        }
        if let Some(setup) = self.setup {
            lines.value("setup", setup.as_str().to_owned());
        }
        if let Some(mid) = &self.mid {
            lines.value("mid", mid.to_string());
        }
        if self.bundle_only {
            lines.flag("bundle-only");
        }
        for map in &self.extensions {
            let direction = map.direction.map(|direction| format!("/{direction}"));
            let direction = direction.unwrap_or_default();
            lines.value("extmap", format!("{}{direction} {}", map.id, map.uri));
        }
        lines.flag(self.direction.as_str());
        for msid in &self.msids {
            let track = msid.track.as_ref().map(|track| format!(" {track}"));
            lines.value(
                "msid",
                format!("{}{}", msid.stream, track.unwrap_or_default()),
            );
        }
        if self.rtcp_mux {
            lines.flag("rtcp-mux");
        }
        if self.rtcp_rsize {
            lines.flag("rtcp-rsize");
        }
        for codec in &self.codecs {
            lines.codec(codec);
        }
        if let Some(ptime) = self.ptime_ms {
            lines.value("ptime", ptime.to_string());
        }
        if let Some(maxptime) = self.maxptime_ms {
            lines.value("maxptime", maxptime.to_string());
        }
        for group in &self.source_groups {
            let ssrcs: Vec<String> = group.ssrcs.iter().map(ToString::to_string).collect();
            lines.value(
                "ssrc-group",
                format!("{} {}", group.semantics, ssrcs.join(" ")),
            );
        }
        for source in &self.sources {
            let cname = source.cname.as_ref().map(|cname| format!(" cname:{cname}"));
            lines.value(
                "ssrc",
                format!("{}{}", source.ssrc, cname.unwrap_or_default()),
            );
        }
        lines.0
    }
}

/// Attribute lines in the making.
#[derive(Default)]
struct Lines(Vec<sdp_types::Attribute>);

impl Lines {
    fn flag(&mut self, name: &str) {
        self.0.push(sdp_types::Attribute {
            attribute: name.to_owned(),
            value: None,
        });
    }

    fn value(&mut self, name: &str, value: String) {
        self.0.push(sdp_types::Attribute {
            attribute: name.to_owned(),
            value: Some(value),
        });
    }

    /// The parameters follow the map directly: the Web SDK inserts a second `a=fmtp` for
    /// its bit rates where they do not.
    fn codec(&mut self, codec: &Codec) {
        let number = codec.payload_type;
        let channels = if codec.channels > 1 {
            format!("/{}", codec.channels)
        } else {
            String::new()
        };
        self.value(
            "rtpmap",
            format!("{number} {}/{}{channels}", codec.name, codec.clock_rate),
        );
        if let Some(parameters) = &codec.parameters {
            self.value("fmtp", format!("{number} {parameters}"));
        }
        for feedback in &codec.feedback {
            self.value("rtcp-fb", format!("{number} {feedback}"));
        }
    }
}

fn connection(address: IpAddr) -> sdp_types::Connection {
    sdp_types::Connection::from_ip_addr(address)
}

fn bandwidths(bandwidth: Bandwidth) -> Vec<sdp_types::Bandwidth> {
    let line = |name: &str, bandwidth: Option<u64>| {
        bandwidth.map(|bandwidth| sdp_types::Bandwidth {
            bwtype: name.to_owned(),
            bandwidth,
        })
    };
    line("AS", bandwidth.application_specific)
        .into_iter()
        .chain(line("TIAS", bandwidth.transport_independent))
        .collect()
}
