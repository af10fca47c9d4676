//! Why the server could not start: one sentence each, with what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::media_worker;

/// See the variants' sentences.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("{address} is taken by another program: set another address under {key} in the configuration, or stop that program (`ss -l{}np 'sport = :{}'` names it)", if *key == "sip.udp" { 'u' } else { 't' }, address.port())]
    PortTaken {
        /// Where.
        address: SocketAddr,
        /// The key to change.
        key: &'static str,
    },
    /// The system does not let us.
    #[error(
        "no permission to listen on {address}: set a port above 1023 under {key} in the configuration, or give the program the right (`setcap cap_net_bind_service=+ep`)"
    )]
    PortDenied {
        /// Where.
        address: SocketAddr,
        /// The key to change.
        key: &'static str,
    },
    /// No interface has the address.
    #[error("this machine does not have the address {}: correct {key} in the configuration", address.ip())]
    NoSuchAddress {
        /// Which.
        address: SocketAddr,
        /// The key to change.
        key: &'static str,
    },
    /// Anything else about a listener.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The key.
        key: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// State cannot be kept.
    #[error("data_dir {} cannot be used ({source}): make it writable for this user, or set another data_dir in the configuration", path.display())]
    DataDir {
        /// Which directory or file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Records of calls cannot be written.
    #[error("cdr.file {} cannot be written ({source}): make it writable for this user, or set another cdr.file in the configuration", path.display())]
    CallRecords {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else keeps his state there.
    #[error("another server runs on data_dir {}: stop it, or set another data_dir in the configuration", .0.display())]
    DataDirTaken(PathBuf),
    /// A certificate or key file is of no use.
    #[error("{key}: {} {problem}", path.display())]
    Certificate {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be played.
    #[error("{key}: {} {problem}", path.display())]
    Sound {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The crypto library failed us.
    #[error("cannot make a certificate: {0}")]
    CertificateMaking(String),
    /// Nobody can write recordings.
    #[error(
        "recording.mode: cannot start the threads that write recordings: {0}; let the server have more threads, or set \"off\""
    )]
    Recorder(#[source] io::Error),
    /// Media cannot start.
    #[error("{key}: {0}", key = .0.key())]
    Media(#[from] media_worker::StartError),
}

impl StartError {
    /// Sorts what the system said about a listener.
    pub(super) fn listen(address: SocketAddr, key: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { address, key },
            io::ErrorKind::PermissionDenied => Self::PortDenied { address, key },
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress { address, key },
            _ => Self::Listen {
                address,
                key,
                source,
            },
        }
    }
}
