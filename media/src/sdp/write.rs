//! From [`Description`] to text.

use std::fmt::{self, Display, Write as _};
use std::net::IpAddr;

use super::{Bandwidth, CertificateHash, Codec, Description, MediaDescription};

impl Description {
    /// The text with `\r\n` line ends. No value ends its line: the characters that no line may
    /// hold (RFC 8866 5) are left out of it.
    pub fn to_text(&self) -> String {
        let mut lines = Lines(String::with_capacity(256 + 1024 * self.media.len()));
        let origin = &self.origin;
        lines.line('v', &"0");
        lines.line(
            'o',
            &format_args!(
                "- {} {} {}",
                origin.session_id,
                origin.version,
                InternetAddress(origin.address)
            ),
        );
        lines.line('s', &"-");
        lines.bandwidth(self.bandwidth);
        lines.line('t', &"0 0");
        if self.ice_lite {
            lines.flag("ice-lite");
        }
        for group in &self.bundle {
            lines.value("group", &format_args!("BUNDLE{}", Listed(group)));
        }
        for media in &self.media {
            media.write(&mut lines);
        }
        lines.0
    }
}

impl MediaDescription {
    fn write(&self, lines: &mut Lines) {
        let payload_types = self.codecs.iter().map(|codec| codec.payload_type);
        lines.begin('m');
        lines.part(&format_args!(
            "{} {} {}",
            self.media.as_str(),
            self.port,
            self.protocol
        ));
        for payload_type in payload_types {
            lines.part(&format_args!(" {payload_type}"));
        }
        lines.part(&Listed(&self.other_formats));
        // The line has a place for formats even where there are none (RFC 8866 9).
        if self.codecs.is_empty() && self.other_formats.is_empty() {
            lines.part(&' ');
        }
        lines.end();
        if let Some(address) = self.connection {
            lines.line('c', &InternetAddress(address));
        }
        lines.bandwidth(self.bandwidth);
        self.write_transport(lines);
        self.write_stream(lines);
    }

    /// How its packets travel.
    fn write_transport(&self, lines: &mut Lines) {
        if let Some(rtcp) = self.rtcp {
            match rtcp.address.map(InternetAddress) {
                Some(address) => lines.value("rtcp", &format_args!("{} {address}", rtcp.port)),
                None => lines.value("rtcp", &rtcp.port),
            }
        }
        for crypto in &self.crypto {
            lines.value("crypto", &crypto.to_value().as_str());
        }
        for candidate in &self.candidates {
            lines.value("candidate", candidate);
        }
        if self.end_of_candidates {
            lines.flag("end-of-candidates");
        }
        if let Some(ice) = &self.ice {
            lines.value("ice-ufrag", &ice.ufrag);
            lines.value("ice-pwd", &ice.pwd);
        }
        for hash in &self.fingerprints {
            match hash {
                CertificateHash::Sha256(fingerprint) => {
                    lines.value("fingerprint", &format_args!("sha-256 {fingerprint}"));
                }
                CertificateHash::Other(hash, digits) => {
                    lines.value("fingerprint", &format_args!("{hash} {digits}"));
                }
            }
        }
        if let Some(setup) = self.setup {
            lines.value("setup", &setup.as_str());
        }
        if let Some(mid) = &self.mid {
            lines.value("mid", mid);
        }
        if self.bundle_only {
            lines.flag("bundle-only");
        }
    }

    /// What its packets carry.
    fn write_stream(&self, lines: &mut Lines) {
        for map in &self.extensions {
            match map.direction {
                Some(direction) => lines.value(
                    "extmap",
                    &format_args!("{}/{direction} {}", map.id, map.uri),
                ),
                None => lines.value("extmap", &format_args!("{} {}", map.id, map.uri)),
            }
        }
        lines.flag(self.direction.as_str());
        for msid in &self.msids {
            match &msid.track {
                Some(track) => lines.value("msid", &format_args!("{} {track}", msid.stream)),
                None => lines.value("msid", &msid.stream),
            }
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
            lines.value("ptime", &ptime);
        }
        if let Some(maxptime) = self.maxptime_ms {
            lines.value("maxptime", &maxptime);
        }
        for group in &self.source_groups {
            let ssrcs = Listed(&group.ssrcs);
            lines.value("ssrc-group", &format_args!("{}{ssrcs}", group.semantics));
        }
        for source in &self.sources {
            match &source.cname {
                Some(cname) => {
                    lines.value("ssrc", &format_args!("{} cname:{cname}", source.ssrc));
                }
                None => lines.value("ssrc", &source.ssrc),
            }
        }
    }
}

/// Lines in the making.
struct Lines(String);

impl Lines {
    fn begin(&mut self, kind: char) {
        self.0.push(kind);
        self.0.push('=');
    }

    fn part(&mut self, value: &dyn Display) {
        // A `String` takes everything.
        let _ = write!(WithinLine(&mut self.0), "{value}");
    }

    fn end(&mut self) {
        self.0.push_str("\r\n");
    }

    fn line(&mut self, kind: char, value: &dyn Display) {
        self.begin(kind);
        self.part(value);
        self.end();
    }

    fn flag(&mut self, name: &str) {
        self.line('a', &name);
    }

    fn value(&mut self, name: &str, value: &dyn Display) {
        self.begin('a');
        self.0.push_str(name);
        self.0.push(':');
        self.part(value);
        self.end();
    }

    fn bandwidth(&mut self, bandwidth: Bandwidth) {
        if let Some(kbps) = bandwidth.application_specific {
            self.line('b', &format_args!("AS:{kbps}"));
        }
        if let Some(bps) = bandwidth.transport_independent {
            self.line('b', &format_args!("TIAS:{bps}"));
        }
    }

    /// The parameters follow the map directly: the Web SDK inserts a second `a=fmtp` for
    /// its bit rates where they do not.
    fn codec(&mut self, codec: &Codec) {
        let (number, name, rate) = (codec.payload_type, &codec.name, codec.clock_rate);
        match codec.channels {
            0 | 1 => self.value("rtpmap", &format_args!("{number} {name}/{rate}")),
            more => self.value("rtpmap", &format_args!("{number} {name}/{rate}/{more}")),
        }
        if let Some(parameters) = &codec.parameters {
            self.value("fmtp", &format_args!("{number} {parameters}"));
        }
        for feedback in &codec.feedback {
            self.value("rtcp-fb", &format_args!("{number} {feedback}"));
        }
    }
}

/// Text of a line, without what would end it (RFC 8866 5).
struct WithinLine<'a>(&'a mut String);

impl fmt::Write for WithinLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let ends = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n');
        if text.as_bytes().iter().any(ends) {
            self.0.extend(text.split(['\0', '\r', '\n']));
        } else {
            self.0.push_str(text);
        }
        Ok(())
    }
}

/// `<nettype> <addrtype> <address>` (RFC 8866 5.2, 5.7)
struct InternetAddress(IpAddr);

impl Display for InternetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "IN IP4 {address}"),
            IpAddr::V6(address) => write!(f, "IN IP6 {address}"),
        }
    }
}

/// Each after a space.
struct Listed<'a, T>(&'a [T]);

impl<T: Display> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, " {it}"))
    }
}
