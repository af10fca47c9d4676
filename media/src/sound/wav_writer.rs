//! WAV files of 16-bit samples, written as a stream whose length is put in at its end.

/// The head of a file (RIFF, Microsoft's `WAVEFORMATEX`): the same length always.
pub(crate) const HEAD: usize = 44;

/// A file of so many bytes of samples.
pub(crate) fn head(channels: u16, hz: u32, bytes: u64) -> [u8; HEAD] {
    /// What the sizes can say.
    const MOST: u64 = u32::MAX as u64 - HEAD as u64;
    let bytes = u32::try_from(bytes.min(MOST)).unwrap_or(u32::MAX);
    let frame = channels * 2;
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(bytes + HEAD as u32 - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &hz.to_le_bytes(),
        &(hz * u32::from(frame)).to_le_bytes(),
        &frame.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &bytes.to_le_bytes(),
    ];
    let mut head = [0; HEAD];
    let all = fields.into_iter().flatten();
    for (place, byte) in head.iter_mut().zip(all) {
        *place = *byte;
    }
    head
}
