//! What a telephone says of its media: sound in G.711 on one port.

/// Its description; `to` is the offer that it answers, whose other m-lines it refuses.
pub fn describe(port: u16, version: u64, holds: bool, to: Option<&str>) -> String {
    let theirs = to.map_or("sendrecv", direction);
    let receives = !holds && matches!(theirs, "sendrecv" | "sendonly");
    let sends = matches!(theirs, "sendrecv" | "recvonly");
    let direction = match (sends, receives) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    let sound = format!(
        "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    );
    let media = match to {
        None => sound,
        Some(offer) => {
            let lines = offer.lines().filter_map(|line| line.strip_prefix("m="));
            let answer = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
                ["audio", ..] => sound.clone(),
                [kind, _, protocol, format, ..] => format!("m={kind} 0 {protocol} {format}\r\n"),
                _ => panic!("an m-line: {line}"),
            };
            lines.map(answer).collect()
        }
    };
    format!(
        "v=0\r\no=phone {port} {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n\
         t=0 0\r\n{media}"
    )
}

/// That of the first m-line.
fn direction(sdp: &str) -> &str {
    let all = ["sendrecv", "sendonly", "recvonly", "inactive"];
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a="))
        .find_map(|line| all.into_iter().find(|name| *name == line))
        .unwrap_or("sendrecv")
}
