//! The table.

use std::time::Duration;

use super::generator::Outcome;

/// One round.
pub(crate) struct Row {
    what: &'static str,
    payload: usize,
    outcome: Outcome,
    cpu: Duration,
    calls: Option<PerCall>,
}

struct PerCall {
    count: usize,
    set_up: Duration,
    grown: u64,
    drops: u64,
}

impl Row {
    pub(crate) fn new(what: &'static str, payload: usize, outcome: Outcome, cpu: Duration) -> Self {
        Self {
            what,
            payload,
            outcome,
            cpu,
            calls: None,
        }
    }

    /// With what only calls have: set-up cost, memory, drops in the kernel.
    pub(crate) fn with_calls(self, count: usize, set_up: Duration, grown: u64, drops: u64) -> Self {
        Self {
            calls: Some(PerCall {
                count,
                set_up,
                grown,
                drops,
            }),
            ..self
        }
    }

    fn per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.received.max(1) as f64
    }
}

/// Prints all rounds, the copy loop of the same payload as the yardstick of each.
pub(crate) fn print(rows: &[Row]) {
    println!();
    println!(
        "{:<10} {:>7} {:>9} {:>6} {:>13} {:>6} {:>8} {:>8} {:>10} {:>11} {:>6} {:>5}",
        "",
        "payload",
        "packets",
        "lost",
        "µs CPU/packet",
        "ratio",
        "p50 ms",
        "p99 ms",
        "KiB a call",
        "ms a set-up",
        "drops",
        "late"
    );
    for row in rows {
        let floor = rows
            .iter()
            .find(|it| it.calls.is_none() && it.payload == row.payload);
        let ratio = floor.map_or(String::from("-"), |floor| {
            format!("{:.2}", row.per_packet() / floor.per_packet())
        });
        let of_calls = |figure: &dyn Fn(&PerCall) -> String| {
            row.calls.as_ref().map_or(String::from("-"), figure)
        };
        println!(
            "{:<10} {:>7} {:>9} {:>6} {:>13.2} {:>6} {:>8.2} {:>8.2} {:>10} {:>11} {:>6} {:>5}",
            row.what,
            row.payload,
            row.outcome.received,
            row.outcome.sent.saturating_sub(row.outcome.received),
            row.per_packet(),
            ratio,
            row.outcome.delay(0.50).as_secs_f64() * 1e3,
            row.outcome.delay(0.99).as_secs_f64() * 1e3,
            of_calls(&|it| format!("{:.1}", it.grown as f64 / 1024.0 / it.count.max(1) as f64)),
            of_calls(&|it| {
                format!(
                    "{:.2}",
                    it.set_up.as_secs_f64() * 1e3 / it.count.max(1) as f64
                )
            }),
            of_calls(&|it| it.drops.to_string()),
            row.outcome.late,
        );
    }
    println!();
    println!("late: ticks of the generator that came more than 5 ms late; with many of them the");
    println!("delays are its own. Memory: growth of the server's resident set, calls divided.");
}
