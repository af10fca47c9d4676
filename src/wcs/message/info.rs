//! The texts of the SDK's CALL_STATUS_INFO: what a call's end is called on the wire.

/// Somebody hung up.
pub const NORMAL_CALL_CLEARING: &str = "Normal call clearing";
/// The call could not be set up at all.
pub const FAILED_BY_SESSION_CREATION: &str = "Failed by session creation";
/// The media never found a way, or lost it.
pub const FAILED_BY_ICE_ERROR: &str = "Failed by ICE error";
/// No media came.
pub const FAILED_BY_RTP_ACTIVITY: &str = "Failed by RTP activity";
/// The peer's certificate is not the one it announced.
pub const FAILED_BY_DTLS_FINGERPRINT_ERROR: &str = "Failed by DTLS fingerprint error";
/// The DTLS handshake failed.
pub const FAILED_BY_DTLS_ERROR: &str = "Failed by DTLS error";
/// The two sides share no codec.
pub const NO_COMMON_CODECS: &str = "No common codecs";
/// Something else.
pub const FAILED_BY_ERROR: &str = "Failed by error";
/// Nobody answered in time.
pub const FAILED_BY_REQUEST_TIMEOUT: &str = "Failed by request timeout";
/// The two sides share no codec and transcoding is off.
pub const TRANSCODING_REQUIRED_BUT_DISABLED: &str = "Transcoding required, but disabled";
