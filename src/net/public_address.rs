//! How this machine is seen from outside: a STUN server tells (RFC 8489).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout_at};

#[cfg(test)]
mod tests;

const HEADER_LEN: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const BINDING_ERROR: [u8; 2] = [0x01, 0x11];
const MAGIC_COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ERROR_CODE: u16 = 0x0009;

/// Before the first repetition (RFC 8489 6.2.1: "SHOULD be greater than or equal to 500 ms"); it
/// doubles from one to the next.
const RETRANSMISSION: Duration = Duration::from_millis(500);

/// The start of the server waits no longer for an address.
const PATIENCE: Duration = Duration::from_secs(5);

/// A transaction ID "uniformly and randomly chosen from the interval 0 .. 2**96-1" (RFC 8489 5).
type Transaction = [u8; 12];

/// Asks a STUN server, `host:port`, for the address by which it sees this machine.
///
/// # Errors
/// A sentence on why there is none.
pub async fn discover(server: &str) -> Result<IpAddr, String> {
    let deadline = Instant::now() + PATIENCE;
    let resolved = timeout_at(deadline, lookup_host(server)).await;
    let resolved = resolved.map_err(|_| format!("the name {server} was not resolved in time"))?;
    let resolved = resolved.map_err(|error| format!("the name {server} leads nowhere: {error}"))?;
    // Routers that change addresses are about IPv4.
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let first = addresses.first().copied();
    let first = first.ok_or_else(|| format!("the name {server} has no address"))?;
    ask(first, deadline).await
}

async fn ask(server: SocketAddr, deadline: Instant) -> Result<IpAddr, String> {
    let failed = |error| format!("{server} cannot be asked: {error}");
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    // From nobody else is anything taken.
    socket.connect(server).await.map_err(failed)?;
    let mut transaction = Transaction::default();
    aws_lc_rs::rand::fill(&mut transaction)
        .map_err(|_| "the system gives no randomness".to_owned())?;
    let request = request(transaction);
    let mut interval = RETRANSMISSION;
    while Instant::now() < deadline {
        socket.send(&request).await.map_err(failed)?;
        let until = deadline.min(Instant::now() + interval);
        interval *= 2;
        let mut datagram = [0; 1024];
        while let Ok(received) = timeout_at(until, socket.recv(&mut datagram)).await {
            let len = received.map_err(failed)?;
            let answer = datagram.get(..len).unwrap_or_default();
            if let Some(answer) = read(answer, transaction) {
                return answer.map_err(|code| format!("{server} refuses with {code}"));
            }
        }
    }
    let seconds = PATIENCE.as_secs();
    Err(format!("{server} did not answer within {seconds} s"))
}

fn request(transaction: Transaction) -> Vec<u8> {
    let mut request = BINDING_REQUEST.to_be_bytes().to_vec();
    request.extend([0, 0]);
    request.extend(MAGIC_COOKIE);
    request.extend(transaction);
    request
}

/// Reads the answer to a request of ours: the address, or the code of an error. `None` for anything
/// else, which is passed over (RFC 8489 6.3.1).
fn read(datagram: &[u8], transaction: Transaction) -> Option<Result<IpAddr, u16>> {
    let (head, attributes) = datagram.split_at_checked(HEADER_LEN)?;
    let said = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
    let ours = head.get(4..8)? == MAGIC_COOKIE && head.get(8..)? == transaction;
    if !ours || said != attributes.len() {
        return None;
    }
    if head.starts_with(&BINDING_SUCCESS) {
        return mapped(attribute(attributes, XOR_MAPPED_ADDRESS)?, transaction).map(Ok);
    }
    if head.starts_with(&BINDING_ERROR) {
        // Class and number (14.8).
        let code = attribute(attributes, ERROR_CODE)?;
        let class = u16::from(code.get(2)? & 7);
        return Some(Err(class * 100 + u16::from(*code.get(3)?)));
    }
    None
}

/// The value of the first attribute of a kind.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (fixed, rest) = attributes.split_first_chunk::<4>()?;
        let [t0, t1, l0, l1] = *fixed;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if u16::from_be_bytes([t0, t1]) == wanted {
            return rest.get(..len);
        }
        attributes = rest.get(len.next_multiple_of(4)..)?;
    }
}

/// The address in an XOR-MAPPED-ADDRESS (14.2). An address that cannot be reached is none.
fn mapped(value: &[u8], transaction: Transaction) -> Option<IpAddr> {
    let mask = MAGIC_COOKIE.into_iter().chain(transaction);
    let plain: Vec<u8> = value
        .get(4..)?
        .iter()
        .zip(mask)
        .map(|(a, b)| a ^ b)
        .collect();
    let address = match value.get(1)? {
        1 => IpAddr::from(<[u8; 4]>::try_from(plain).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(plain).ok()?),
        _ => return None,
    };
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}
