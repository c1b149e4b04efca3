//! Which certificates are taken: by the URL's demand, from the operating system's authorities or a file's.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, version,
};

use crate::database::url::{Tls, TlsMode};

/// What a handshake goes by; `others` are names that a certificate may be made out to, too. Errors are sentences.
pub(super) fn config(tls: &Tls, others: Vec<ServerName<'static>>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let checks = match tls.mode {
        TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer | TlsMode::Require => Checks::Nothing,
        TlsMode::VerifyCa => Checks::Authority(authorities(tls.root_cert.as_deref(), &provider)?),
        TlsMode::VerifyFull => Checks::All(authorities(tls.root_cert.as_deref(), &provider)?, others),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS12])
        .map_err(|error| error.to_string())?;
    let verifier = Arc::new(Verifier { checks, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn authorities(
    file: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
            let found = CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| failed(&error))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
            if roots.is_empty() {
                return Err(failed(&"there is no certificate in it (PEM)"));
            }
        }
        // what the system has of odd ones is not ours to judge
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| "the operating system has no authorities' certificates".to_owned())
}

#[derive(Debug)]
enum Checks {
    /// Whoever it is.
    Nothing,
    /// Who vouches for it, whatever its name.
    Authority(Arc<WebPkiServerVerifier>),
    /// Both; its name may also be one of these.
    All(Arc<WebPkiServerVerifier>, Vec<ServerName<'static>>),
}

#[derive(Debug)]
struct Verifier {
    checks: Checks,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (verifier, others) = match &self.checks {
            Checks::Nothing => return Ok(ServerCertVerified::assertion()),
            Checks::Authority(verifier) => (verifier, None),
            Checks::All(verifier, others) => (verifier, Some(others)),
        };
        let verify =
            |name: &ServerName<'_>| verifier.verify_server_cert(certificate, between, name, ocsp, now);
        let mut answer = verify(name);
        for other in others.into_iter().flatten() {
            if answer.as_ref().is_err_and(is_name) {
                answer = verify(other);
            }
        }
        match answer {
            // the name is looked at last
            Err(error) if others.is_none() && is_name(&error) => Ok(ServerCertVerified::assertion()),
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(|algorithms| {
            rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(|algorithms| {
            rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// Where any certificate will do, also one that cannot be read: SQL Server makes itself old ones (X.509 version 1,
    /// short keys). Whoever is in between could have shown one of his own.
    fn verify_signature(
        &self,
        verify: impl FnOnce(&WebPkiSupportedAlgorithms) -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.checks {
            Checks::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Checks::Authority(_) | Checks::All(..) => {
                verify(&self.provider.signature_verification_algorithms)
            }
        }
    }
}

/// Whether a certificate is made out to another name.
fn is_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )
    )
}
