//! Datagrams the kernel dropped because a socket's receive buffer was full.

use std::fs;

/// The sum over the sockets bound to `port`, from `/proc/net/udp` and `/proc/net/udp6`, or
/// `None` where these cannot be read.
pub(super) fn kernel_drops(port: u16) -> Option<u64> {
    let v4 = fs::read_to_string("/proc/net/udp").ok();
    let v6 = fs::read_to_string("/proc/net/udp6").ok();
    if v4.is_none() && v6.is_none() {
        return None;
    }
    let tables = v4.iter().chain(v6.iter());
    Some(tables.map(|table| drops_in(table, port)).sum())
}

/// Columns as proc(5) names them: `sl local_address rem_address ... drops`, the last one.
fn drops_in(table: &str, port: u16) -> u64 {
    let on_port = |line: &&str| {
        let local = line.split_whitespace().nth(1);
        let hex = local
            .and_then(|local| local.rsplit_once(':'))
            .map(|(_, port)| port);
        hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port)
    };
    table
        .lines()
        .skip(1)
        .filter(on_port)
        .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  345: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 1 2 0 7
 1234: 00000000:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3 2 0 42
";

    #[test]
    fn drops_of_our_port_are_read_and_others_are_not() {
        assert_eq!(drops_in(TABLE, 40000), 42);
        assert_eq!(drops_in(TABLE, 53), 7);
        assert_eq!(drops_in(TABLE, 54), 0);
    }
}
