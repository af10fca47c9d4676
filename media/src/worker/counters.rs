//! What a worker counts.

/// Datagrams since the start of the worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets taken from legs.
    pub rtp_received: u64,
    /// RTP packets sent to legs, retransmissions among them.
    pub rtp_sent: u64,
    /// Neither STUN nor DTLS nor RTP (RFC 7983).
    pub unknown: u64,
    /// STUN that is for no leg, or not genuine.
    pub stun_ignored: u64,
    /// DTLS from an address no authenticated check came from.
    pub dtls_unchecked: u64,
    /// RTP or RTCP from an address no authenticated check came from, or on an RTP leg from
    /// another source than that of the stream.
    pub rtp_unchecked: u64,
    /// SRTP or SRTCP that failed authentication or the replay check.
    pub rejected: u64,
    /// RTP of a payload type without a patch entry, or of an SSRC beyond the bound.
    pub unmapped: u64,
    /// RTP packets among those sent that were encoded here.
    pub rtp_encoded: u64,
    /// RTP that was dropped because as many transcoders were there as there may be.
    pub untranscoded: u64,
    /// Events dropped because nobody polled them.
    pub events_dropped: u64,
}
