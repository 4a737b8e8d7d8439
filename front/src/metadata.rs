//! What the headers of a call say: the client's own, and when it stops waiting.

use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::shared::Headers;

/// The headers of the client's own, as Python gets them: no binary ones, none of gRPC's and HTTP's.
pub fn own(headers: &HeaderMap) -> Headers {
    let mut found = Headers::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.as_str();
        if matches!(name, "te" | "content-type") || name.starts_with("grpc-") || name.ends_with("-bin") {
            continue;
        }
        if let Ok(value) = value.to_str() {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// When the client stops waiting, by `grpc-timeout`: up to 8 digits and a unit.
pub fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    let left = match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    Instant::now().checked_add(left)
}
