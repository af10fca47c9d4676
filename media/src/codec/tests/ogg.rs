//! As much of Ogg (RFC 3533) as it takes to hand packets to other programs and to read theirs.

/// One logical stream: the headers, each on a page of its own, then one packet a page.
/// `granules` counts what the format counts, after each packet.
pub(crate) fn write(headers: &[&[u8]], packets: &[Vec<u8>], granules: u64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut number = 0;
    for header in headers {
        page(&mut file, &mut number, 0, false, header);
    }
    for (index, packet) in packets.iter().enumerate() {
        let granule = granules * (index as u64 + 1);
        let last = index + 1 == packets.len();
        page(&mut file, &mut number, granule, last, packet);
    }
    file
}

fn page(file: &mut Vec<u8>, number: &mut u32, granule: u64, last: bool, packet: &[u8]) {
    let start = file.len();
    file.extend(b"OggS\0");
    file.push(if *number == 0 { 2 } else { 0 } | if last { 4 } else { 0 });
    file.extend(granule.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend(number.to_le_bytes());
    file.extend([0; 4]);
    file.push((packet.len() / 255 + 1) as u8);
    file.extend(std::iter::repeat_n(255, packet.len() / 255));
    file.push((packet.len() % 255) as u8);
    file.extend(packet);
    let sum = checksum(&file[start..]);
    file[start + 22..start + 26].copy_from_slice(&sum.to_le_bytes());
    *number += 1;
}

fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            (sum << 1) ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// The packets of a file, its headers among them.
pub(super) fn read(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    while !file.is_empty() {
        assert_eq!(&file[..4], b"OggS");
        let segments = usize::from(file[26]);
        let (head, mut body) = file.split_at(27 + segments);
        for segment in &head[27..] {
            let (piece, rest) = body.split_at(usize::from(*segment));
            packet.extend(piece);
            body = rest;
            if *segment < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = body;
    }
    packets
}
