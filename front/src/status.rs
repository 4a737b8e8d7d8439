//! How a call failed: one of gRPC's status codes and a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderValue};

pub const CANCELLED: u32 = 1;
pub const DEADLINE_EXCEEDED: u32 = 4;
pub const RESOURCE_EXHAUSTED: u32 = 8;
pub const UNIMPLEMENTED: u32 = 12;
pub const INTERNAL: u32 = 13;
pub const UNAVAILABLE: u32 = 14;

#[derive(Debug)]
pub struct Status {
    pub code: u32,
    pub message: String,
    /// An encoded `google.rpc.Status`, or nothing.
    pub details: Vec<u8>,
}

impl Status {
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert("grpc-status", HeaderValue::from(self.code));
        if let Ok(message) = HeaderValue::from_str(&percent_encoded(&self.message)) {
            headers.insert("grpc-message", message);
        }
        if !self.details.is_empty() {
            if let Ok(details) = HeaderValue::try_from(STANDARD_NO_PAD.encode(&self.details)) {
                headers.insert("grpc-status-details-bin", details);
            }
        }
    }
}

/// As gRPC wants it: all but printable ASCII, and `%` itself, as `%XX` for each byte of UTF-8.
fn percent_encoded(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
