//! Certificates and TLS of the https port.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsAcceptor;

use super::StartError;

const CERTIFICATE_FILE: &str = "https-certificate.pem";
const KEY_FILE: &str = "https-key.pem";

/// How long a certificate of our own making is valid: browsers on Apple systems take no more.
const VALIDITY: Duration = Duration::from_secs(800 * 86_400);

/// It is made anew when less than this is left.
const RENEWAL: Duration = Duration::from_secs(30 * 86_400);

/// A certificate chain with its key, ready to serve.
pub(super) struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: String,
    /// True if it is self-signed by us: browsers will warn.
    pub self_made: bool,
    leaf: CertificateDer<'static>,
}

impl Identity {
    /// Loads the configured files.
    ///
    /// # Errors
    /// Which of them is unreadable, no PEM, or does not fit the other.
    pub(super) fn load(certificate: &Path, key: &Path) -> Result<Self, StartError> {
        Self::from_files(certificate, key, false)
    }

    /// Loads the certificate that an earlier start left in `data_dir`, or makes one that is
    /// valid for these names and addresses.
    ///
    /// # Errors
    /// Files that cannot be read or written.
    pub(super) fn load_or_make(
        data_dir: &Path,
        names: &[String],
        addresses: &[IpAddr],
    ) -> Result<Self, StartError> {
        let (certificate, key) = (data_dir.join(CERTIFICATE_FILE), data_dir.join(KEY_FILE));
        if !is_fresh(&certificate) || !key.exists() {
            let (certificate_pem, key_pem) = make(names, addresses)
                .map_err(|error| StartError::CertificateMaking(error.to_string()))?;
            write_private(&key, &key_pem)?;
            write_private(&certificate, &certificate_pem)?;
        }
        Self::from_files(&certificate, &key, true)
    }

    /// True if browsers accept the certificate for this host name or address.
    pub(super) fn is_valid_for(&self, name: &str) -> bool {
        let Ok(name) = ServerName::try_from(name) else {
            return false;
        };
        webpki::EndEntityCert::try_from(&self.leaf)
            .is_ok_and(|leaf| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// For SIP: the same certificate. A client may name any protocol within TLS, or none.
    pub(super) fn sip_acceptor(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = Vec::new();
        TlsAcceptor::from(Arc::new(config))
    }

    fn from_files(certificate: &Path, key: &Path, self_made: bool) -> Result<Self, StartError> {
        let certificate_fault = |problem: String| StartError::Certificate {
            key: "https.certificate",
            path: certificate.to_owned(),
            problem,
        };
        let key_fault = |problem: String| StartError::Certificate {
            key: "https.key",
            path: key.to_owned(),
            problem,
        };
        let certificate_pem = fs::read(certificate)
            .map_err(|error| certificate_fault(format!("cannot be read: {error}")))?;
        let chain = CertificateDer::pem_slice_iter(&certificate_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| certificate_fault(format!("is not a PEM file: {error}")))?;
        let leaf = chain.first().cloned();
        let leaf = leaf.ok_or_else(|| certificate_fault("has no certificate in it".to_owned()))?;
        let key_pem =
            fs::read(key).map_err(|error| key_fault(format!("cannot be read: {error}")))?;
        let private_key = PrivateKeyDer::from_pem_slice(&key_pem)
            .map_err(|_| key_fault("has no private key in PEM form in it".to_owned()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::CertificateMaking(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, private_key)
            .map_err(|error| {
                certificate_fault(format!("cannot be used with {}: {error}", key.display()))
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let fingerprint = fingerprint(&leaf);
        Ok(Self {
            config: Arc::new(config),
            fingerprint,
            self_made,
            leaf,
        })
    }
}

/// Creates `data_dir` for this user alone and proves that it can be written to.
///
/// # Errors
/// One that cannot be made or written to.
pub(super) fn prepare_data_dir(data_dir: &Path) -> Result<(), StartError> {
    let failed = |source| StartError::DataDir {
        path: data_dir.to_owned(),
        source,
    };
    if !data_dir.is_dir() {
        fs::create_dir_all(data_dir).map_err(failed)?;
        fs::set_permissions(data_dir, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let probe = data_dir.join(format!(".probe.{}", std::process::id()));
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(failed)
}

/// A self-signed certificate and its key as DER, for DTLS: made anew at each start, no browser
/// shows or keeps it.
///
/// # Errors
/// What the crypto library said.
pub(super) fn make_dtls_certificate() -> Result<(Vec<u8>, Vec<u8>), StartError> {
    let made = KeyPair::generate().and_then(|key| {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = distinguished_name("WebRTC");
        Ok((
            params.self_signed(&key)?.der().to_vec(),
            key.serialize_der(),
        ))
    });
    made.map_err(|error| StartError::CertificateMaking(error.to_string()))
}

fn make(names: &[String], addresses: &[IpAddr]) -> Result<(String, String), rcgen::Error> {
    let mut subjects: Vec<String> = names.to_vec();
    subjects.extend(addresses.iter().map(IpAddr::to_string));
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(subjects)?;
    params.distinguished_name = distinguished_name("Callbox");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    // A day of grace for clocks that are behind ours.
    params.not_before = (now - Duration::from_secs(86_400)).into();
    params.not_after = (now + VALIDITY).into();
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// True if our certificate is there and stays valid for a while.
fn is_fresh(certificate: &Path) -> bool {
    let age = fs::metadata(certificate)
        .and_then(|metadata| metadata.modified())
        .map(|modified| {
            SystemTime::now()
                .duration_since(modified)
                .unwrap_or_default()
        });
    age.is_ok_and(|age| age + RENEWAL < VALIDITY)
}

fn write_private(path: &Path, content: &str) -> Result<(), StartError> {
    let failed = |source| StartError::DataDir {
        path: path.to_owned(),
        source,
    };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(failed)
}

fn fingerprint(leaf: &CertificateDer<'_>) -> String {
    let digest = digest(&SHA256, leaf);
    let bytes: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests;
