//! Opus in Ogg (RFC 3533, RFC 7845), written as a stream: what was written stays as it is.

/// RFC 7845 4: granule positions count at 48 kHz, whatever was recorded.
const PER_MS: u64 = 48;

/// Packets on a page: a second of them.
const PACKETS: usize = 50;

/// Lacing values on a page (RFC 3533 6).
const SEGMENTS: usize = 255;

const FIRST: u8 = 2;
const LAST: u8 = 4;

/// Writes one stream of Opus.
#[derive(Debug)]
pub(crate) struct OggWriter {
    serial: u32,
    page: u32,
    /// What a decoder leaves out at the start, samples of 48 kHz.
    pre_skip: u16,
    /// Of the packets so far, samples of 48 kHz.
    granule: u64,
    /// Of the page that is being filled.
    lacing: Vec<u8>,
    body: Vec<u8>,
    packets: usize,
}

impl OggWriter {
    /// Writes the headers.
    pub(crate) fn new(
        serial: u32,
        channels: u8,
        pre_skip: u16,
        recorded_hz: u32,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut writer = Self {
            serial,
            page: 0,
            pre_skip,
            granule: 0,
            lacing: Vec::with_capacity(SEGMENTS),
            body: Vec::new(),
            packets: 0,
        };
        // RFC 7845 5.1: version, channels, pre-skip, the rate that came in, gain, mapping family.
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend(pre_skip.to_le_bytes());
        head.extend(recorded_hz.to_le_bytes());
        head.extend([0, 0, 0]);
        writer.add(&head);
        writer.end_page(FIRST, 0, out);
        // RFC 7845 5.2: who wrote it, and no comments.
        let vendor = b"Callbox";
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend([0; 4]);
        writer.add(&tags);
        writer.end_page(0, 0, out);
        writer
    }

    /// A packet that lasts so long.
    pub(crate) fn packet(&mut self, packet: &[u8], ms: u16, out: &mut Vec<u8>) {
        let segments = packet.len() / 255 + 1;
        if self.packets >= PACKETS || self.lacing.len() + segments > SEGMENTS {
            self.end_page(0, self.granule, out);
        }
        self.add(packet);
        self.granule += u64::from(ms) * PER_MS;
    }

    /// The end: so much of the sound is real, and what the last packets have beyond is left out
    /// (RFC 7845 4.4).
    pub(crate) fn finish(&mut self, length_ms: u64, out: &mut Vec<u8>) {
        let real = u64::from(self.pre_skip) + length_ms * PER_MS;
        self.end_page(LAST, real.min(self.granule), out);
    }

    fn add(&mut self, packet: &[u8]) {
        self.lacing
            .extend(std::iter::repeat_n(255, packet.len() / 255));
        self.lacing.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
        self.packets += 1;
    }

    /// RFC 3533 6
    fn end_page(&mut self, flags: u8, granule: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(b"OggS\0");
        out.push(flags);
        out.extend(granule.to_le_bytes());
        out.extend(self.serial.to_le_bytes());
        out.extend(self.page.to_le_bytes());
        out.extend([0; 4]);
        out.push(self.lacing.len() as u8);
        out.extend_from_slice(&self.lacing);
        out.extend_from_slice(&self.body);
        let sum = checksum(out.get(start..).unwrap_or_default());
        if let Some(place) = out.get_mut(start + 22..start + 26) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        self.page = self.page.wrapping_add(1);
        self.lacing.clear();
        self.body.clear();
        self.packets = 0;
    }
}

/// CRC-32 with the polynomial 0x04C11DB7, highest bit first, from 0.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        let index = (sum >> 24) as u8 ^ byte;
        (sum << 8) ^ TABLE.get(usize::from(index)).copied().unwrap_or_default()
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut sum = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum << 1) ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
