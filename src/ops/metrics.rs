//! Numbers for Prometheus, in its text format (version 0.0.4). They are kept by those they are
//! about, the Switch and the media workers; here they are written down when somebody asks, so that
//! counting costs no lock and nobody who does not ask pays for it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::call::figures::{Figures, Histogram};
use crate::call::view::StatusView;
use crate::net::media_worker::Measurements;

/// The type of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All numbers.
pub fn text(status: &StatusView, figures: &Figures, workers: &[Measurements]) -> String {
    let mut page = Page::default();
    page.people(status);
    page.calls(status, figures);
    page.quality(figures);
    page.media(workers);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn people(&mut self, status: &StatusView) {
        self.gauge("callbox_users", "People signed in.", status.users);
        self.gauge("callbox_sessions", "Sessions signed in.", status.sessions);
        let help = "Telephones registered.";
        self.gauge("callbox_registrations", help, status.registrations);
        self.gauge("callbox_websockets", "WebSockets open.", status.flows);
        let help = "Flows that carry SIP.";
        self.gauge("callbox_sip_flows", help, status.sip_flows);
    }

    fn calls(&mut self, status: &StatusView, figures: &Figures) {
        let ringing = status.calls.saturating_sub(status.established);
        self.head("callbox_calls", "gauge", "Calls there are.");
        self.line("callbox_calls", "state=\"ringing\"", ringing);
        self.line("callbox_calls", "state=\"answered\"", status.established);
        self.gauge("callbox_legs", "Legs of all calls.", status.legs);
        let (name, help) = ("callbox_calls_total", "Calls that were admitted.");
        self.head(name, "counter", help);
        self.line(name, "", status.calls_total);
        let help = "Calls that are over, by whose doing it was.";
        self.counts("callbox_calls_ended_total", help, "cause", &figures.ends);
        let help = "How often one side of a call alone was heard, by likely cause.";
        let name = "callbox_one_way_audio_total";
        self.counts(name, help, "cause", &figures.one_way);
    }

    fn quality(&mut self, figures: &Figures) {
        let name = "callbox_audio_mos";
        let help = "Estimated mean opinion score (ITU-T G.107) of each second of sound.";
        self.head(name, "histogram", help);
        for (codec, histogram) in &figures.mos {
            self.histogram(name, &format!("codec=\"{codec}\""), histogram);
        }
        for (name, help, histogram) in [
            (
                "callbox_audio_loss_ratio",
                "Share of packets lost on the way to the server, of each second of sound.",
                &figures.loss,
            ),
            (
                "callbox_audio_jitter_seconds",
                "Interarrival jitter (RFC 3550) of each second of sound.",
                &figures.jitter_s,
            ),
            (
                "callbox_round_trip_seconds",
                "Round trip to far sides by RTCP, as it was known each second.",
                &figures.round_trip_s,
            ),
            (
                "callbox_first_sound_seconds",
                "From the answer to the first sound that a side is sent.",
                &figures.first_sound_s,
            ),
            (
                "callbox_first_keyframe_seconds",
                "From the answer to the first keyframe that a side is sent.",
                &figures.first_keyframe_s,
            ),
        ] {
            self.head(name, "histogram", help);
            self.histogram(name, "", histogram);
        }
    }

    fn media(&mut self, workers: &[Measurements]) {
        type Read = fn(&Measurements) -> u64;
        let columns: [(&str, &str, Read); 7] = [
            (
                "callbox_media_datagrams_received_total",
                "Datagrams that arrived for media.",
                |it| it.received,
            ),
            (
                "callbox_media_datagrams_sent_total",
                "Datagrams of media that were sent.",
                |it| it.sent,
            ),
            (
                "callbox_media_send_failures_total",
                "Datagrams of media that the system did not take.",
                |it| it.send_failures,
            ),
            (
                "callbox_media_kernel_drops_total",
                "Datagrams that the system dropped because they were not fetched in time.",
                |it| it.kernel_drops,
            ),
            (
                "callbox_media_rejected_total",
                "SRTP packets that did not pass authentication or the replay check.",
                |it| it.worker.rejected,
            ),
            (
                "callbox_media_foreign_total",
                "RTP packets from addresses that their stream is not taken from.",
                |it| it.worker.rtp_unchecked,
            ),
            (
                "callbox_media_encoded_total",
                "RTP packets that were encoded here.",
                |it| it.worker.rtp_encoded,
            ),
        ];
        for (name, help, read) in columns {
            self.head(name, "counter", help);
            for (index, worker) in workers.iter().enumerate() {
                self.line(name, &format!("worker=\"{index}\""), read(worker));
            }
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: usize) {
        self.head(name, "gauge", help);
        self.line(name, "", value);
    }

    fn counts(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: &BTreeMap<&'static str, u64>,
    ) {
        self.head(name, "counter", help);
        for (value, count) in counts {
            self.line(name, &format!("{label}=\"{value}\""), count);
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        match labels {
            "" => self.write(format_args!("{name} {value}\n")),
            labels => self.write(format_args!("{name}{{{labels}}} {value}\n")),
        }
    }

    /// Buckets count what is up to their bound, smaller values among it.
    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut count = 0;
        let bounds = histogram.bounds.iter().map(ToString::to_string);
        for (more, bound) in histogram
            .counts
            .iter()
            .zip(bounds.chain(["+Inf".to_owned()]))
        {
            count += more;
            let labels = format!("{labels}{comma}le=\"{bound}\"");
            self.line(&format!("{name}_bucket"), &labels, count);
        }
        self.line(&format!("{name}_sum"), labels, histogram.sum);
        self.line(&format!("{name}_count"), labels, count);
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Memory takes all.
        let _ = self.text.write_fmt(arguments);
    }
}

#[cfg(test)]
mod tests;
