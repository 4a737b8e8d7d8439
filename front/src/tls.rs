//! The certificate that new connections get, and their handshakes.

use std::sync::{Arc, RwLock};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use tokio_rustls::{Accept, TlsAcceptor};

/// What Python gives: PEM of the chain, of its key, and of the authorities of clients, where these need certificates.
pub type Pem = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// None where connections are not encrypted, which stays so.
pub struct Tls(Option<RwLock<Arc<ServerConfig>>>);

impl Tls {
    pub fn new(pem: Option<Pem>) -> PyResult<Self> {
        Ok(Self(pem.map(|pem| config(&pem).map(RwLock::new)).transpose()?))
    }

    /// New connections get this certificate. ValueError where it cannot be used.
    pub fn certify(&self, pem: &Pem) -> PyResult<()> {
        let Some(current) = &self.0 else {
            return Err(PyValueError::new_err("this front does not encrypt its connections"));
        };
        *current.write().unwrap() = config(pem)?;
        Ok(())
    }

    /// The handshake of a new connection; the socket itself where there is none.
    pub fn accept(&self, socket: TcpStream) -> Result<Accept<TcpStream>, TcpStream> {
        match &self.0 {
            Some(current) => Ok(TlsAcceptor::from(current.read().unwrap().clone()).accept(socket)),
            None => Err(socket),
        }
    }
}

fn config((chain, key, client_ca): &Pem) -> PyResult<Arc<ServerConfig>> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(refused)?;
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(refused)?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(pem)? {
                roots.add(authority).map_err(refused)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(refused)?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8]) -> PyResult<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
