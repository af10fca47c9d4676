//! The table.

use std::time::Duration;

use super::generator::Outcome;
use super::process::Counts;

/// What packets went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The loop that fetches whenever something has come.
    Copy,
    /// The same, letting packets gather as the server does.
    GatheringCopy,
    Callbox,
    /// Callbox, between telephones.
    Phones,
    /// The same calls by rtpengine.
    Rtpengine,
    /// Callbox, between browsers and telephones.
    Mixed,
    /// The same calls by rtpengine.
    MixedRtpengine,
}

impl Way {
    /// What it is compared to.
    fn floor(self) -> Self {
        match self {
            Self::Phones | Self::Rtpengine => Self::Rtpengine,
            Self::Mixed | Self::MixedRtpengine => Self::MixedRtpengine,
            _ => Self::Copy,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy loop",
            Self::GatheringCopy => "copy, gathering",
            Self::Callbox => "callbox",
            Self::Phones => "callbox, phones",
            Self::Rtpengine => "rtpengine",
            Self::Mixed => "callbox, mixed",
            Self::MixedRtpengine => "rtpengine, mixed",
        }
    }
}

/// One measurement.
pub(crate) struct Row {
    way: Way,
    payload: usize,
    outcome: Outcome,
    cpu: Duration,
    /// Of all its calls together.
    call_seconds: f64,
    calls: Option<PerCall>,
}

/// What only calls have.
pub(crate) struct PerCall {
    /// CPU time, each.
    pub(crate) set_up: Duration,
    pub(crate) memory: Memory,
    pub(crate) counts: Counts,
    /// Of one CPU, that the server took.
    pub(crate) share: f64,
}

/// Growth of the server's resident set, bytes.
pub(crate) struct Memory {
    /// By each person signed in, beyond the server when nobody is there.
    pub(crate) person: f64,
    /// By each call, beyond the people.
    pub(crate) call: f64,
    /// By all of it, when all calls were over and nobody was signed in any more.
    pub(crate) left: u64,
}

impl Memory {
    /// KiB that a call takes with the two people in it.
    fn whole_call(&self) -> f64 {
        (2.0 * self.person + self.call) / 1024.0
    }
}

impl Row {
    /// What so many calls took of `cpu` in `length`.
    pub(crate) fn new(
        (way, payload): (Way, usize),
        (calls, length): (usize, Duration),
        outcome: Outcome,
        cpu: Duration,
    ) -> Self {
        Self {
            way,
            payload,
            outcome,
            cpu,
            call_seconds: calls as f64 * length.as_secs_f64(),
            calls: None,
        }
    }

    /// With set-up cost, memory, drops.
    pub(crate) fn with_calls(self, calls: PerCall) -> Self {
        Self {
            calls: Some(calls),
            ..self
        }
    }

    /// The generator stalled.
    pub(crate) fn is_void(&self) -> bool {
        self.outcome.is_void()
    }

    /// Packets that did not arrive, wherever they were lost, and what the server says it lost.
    pub(crate) fn lost(&self) -> u64 {
        let counted = self.calls.as_ref().map_or(0, |it| it.counts.drops());
        self.outcome.lost().max(counted)
    }

    fn per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.received().max(1) as f64
    }

    /// Milliseconds of CPU that a call takes in a second.
    fn per_call_second(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.call_seconds
    }

    fn delay_ms(&self, quantile: f64) -> f64 {
        self.outcome.delay(quantile).as_secs_f64() * 1e3
    }
}

/// Prints what was measured, of several rounds the median, and beside it the least CPU.
pub(crate) fn print(rows: &[Row]) {
    println!();
    println!(
        "{:<16} {:>7} {:>9} {:>5} {:>13} {:>6} {:>9} {:>6} {:>7} {:>7} {:>7} {:>10} {:>8} {:>9} {:>5} {:>5}",
        "",
        "payload",
        "packets",
        "lost",
        "µs CPU/packet",
        "least",
        "ms/call·s",
        "ratio",
        "(gath.)",
        "p50 ms",
        "p99 ms",
        "KiB a call",
        "(person)",
        "ms set-up",
        "drops",
        "late"
    );
    let mut shown: Vec<(Way, usize)> = Vec::new();
    for row in rows {
        if !shown.contains(&(row.way, row.payload)) {
            shown.push((row.way, row.payload));
            print_rounds(rows, row.way, row.payload);
        }
    }
    println!();
    println!(
        "CPU: median and least of the rounds; ms/call·s: of a call, each second. ratio: to the copy"
    );
    println!("loop of the same round, or to rtpengine where there are telephones;");
    println!("(gath.): to the copy loop that lets packets gather for as long as the server does.");
    println!("KiB a call: growth of the server's resident set beyond the empty server, a call and");
    println!(
        "its two people; (person): one signed in. late: ticks of the generator that came more"
    );
    println!("than 5 ms late; a round with more than 1 % of them is void.");
    println!();
    rows.iter().for_each(print_ways);
}

/// Says of each round through the server what went which way and what was dropped where.
fn print_ways(row: &Row) {
    let Some(calls) = &row.calls else { return };
    let (there, back, counts) = (row.outcome.there, row.outcome.back, calls.counts);
    println!(
        "{} B: {:.0} % of a CPU; callers sent {}, callees heard {}; callees sent {}, callers heard {}",
        row.payload,
        100.0 * calls.share,
        there.sent,
        there.received,
        back.sent,
        back.received,
    );
    println!(
        "  the server since its start: {} datagrams received, {} sent; dropped: {} by the kernel, \
         {} inside, {} not taken by the kernel",
        counts.received,
        counts.sent,
        counts.kernel_drops,
        counts.internal_drops,
        counts.send_failures,
    );
    println!(
        "  when everybody had gone, {} KiB were left of what all of it had taken",
        calls.memory.left / 1024
    );
}

fn print_rounds(rows: &[Row], way: Way, payload: usize) {
    let rounds = of(rows, way, payload);
    let cpu: Vec<f64> = rounds.iter().map(|row| row.per_packet()).collect();
    let least = cpu.iter().copied().fold(f64::INFINITY, f64::min);
    let ratio = |floor: Way| {
        let floors = of(rows, floor, payload);
        let ratios: Vec<f64> = rounds
            .iter()
            .zip(&floors)
            .map(|(row, floor)| row.per_packet() / floor.per_packet())
            .collect();
        match ratios.is_empty() {
            true => String::from("-"),
            false => format!("{:.2}", median(ratios)),
        }
    };
    let all = |figure: &dyn Fn(&Row) -> u64| rounds.iter().map(|row| figure(row)).sum::<u64>();
    let of_calls = |figure: &dyn Fn(&PerCall) -> f64, digits: usize| {
        let figures: Vec<f64> = rounds
            .iter()
            .filter_map(|row| row.calls.as_ref().map(figure))
            .collect();
        match figures.is_empty() {
            true => String::from("-"),
            false => format!("{:.digits$}", median(figures)),
        }
    };
    println!(
        "{:<16} {:>7} {:>9} {:>5} {:>13.2} {:>6.2} {:>9.2} {:>6} {:>7} {:>7.2} {:>7.2} {:>10} {:>8} {:>9} {:>5} {:>5}",
        way.name(),
        payload,
        all(&|row| row.outcome.received()),
        all(&|row| row.outcome.lost()),
        median(cpu),
        least,
        median(rounds.iter().map(|row| row.per_call_second()).collect()),
        ratio(way.floor()),
        ratio(Way::GatheringCopy),
        median(rounds.iter().map(|row| row.delay_ms(0.50)).collect()),
        median(rounds.iter().map(|row| row.delay_ms(0.99)).collect()),
        of_calls(&|it| it.memory.whole_call(), 1),
        of_calls(&|it| it.memory.person / 1024.0, 1),
        of_calls(&|it| it.set_up.as_secs_f64() * 1e3, 2),
        all(&|row| row.calls.as_ref().map_or(0, |it| it.counts.drops())),
        all(&|row| row.outcome.late),
    );
}

fn of(rows: &[Row], way: Way, payload: usize) -> Vec<&Row> {
    rows.iter()
        .filter(|row| row.way == way && row.payload == payload)
        .collect()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
