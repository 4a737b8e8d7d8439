//! What a front and its workers send each other. All numbers are u32 in little-endian order, but the id, which is u64:
//!
//! | frame | |
//! |---|---|
//! | call | bytes that follow, id, ms that the client waits (0: without end), length of the path, path, number of headers, for each of them the lengths of its name and value, name, value; the rest is the message |
//! | gone | bytes that follow, id: the client of this call has gone |
//! | reply | bytes that follow, id, kind; the rest is, by kind: 0, the answer with gRPC's prefix; 1, the status: code, length of the text, text, details; 2, nothing: the worker passes |

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::shared::Headers;
use crate::status::Status;

/// Messages and frames up to this size are copied: a copy costs less than what it saves.
pub const COPIED: usize = 16 << 10;

const LENGTH_BYTES: usize = 4;
const ID_BYTES: usize = 8;
const ANSWERED: u32 = 0;
const REFUSED: u32 = 1;
const PASSED: u32 = 2;

pub struct Call {
    pub id: u64,
    pub deadline: Option<Instant>,
    pub path: String,
    pub headers: Headers,
    pub message: Bytes,
}

/// What a front sends.
pub enum Order {
    Answer(Call),
    /// The client of the call of this id has gone.
    Gone(u64),
}

pub enum Reply {
    /// With gRPC's prefix.
    Answered(Bytes),
    Refused(Status),
    /// The worker cannot answer this call.
    Passed,
}

/// The other side sent what is no frame.
#[derive(Debug)]
pub struct Malformed;

/// A call's frame but for its message, which comes after it.
pub fn call_head(id: u64, deadline: Option<Instant>, path: &str, headers: &Headers, message_bytes: usize) -> BytesMut {
    let texts: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    let head_bytes = 8 + 4 + 4 + path.len() + 4 + texts;
    let mut out = BytesMut::with_capacity(LENGTH_BYTES + head_bytes + message_bytes.min(COPIED));
    out.put_u32_le((head_bytes + message_bytes) as u32);
    out.put_u64_le(id);
    let patience = deadline.map_or(0, |deadline| {
        deadline.saturating_duration_since(Instant::now()).as_millis().clamp(1, u32::MAX as u128)
    });
    out.put_u32_le(patience as u32);
    out.put_u32_le(path.len() as u32);
    out.put_slice(path.as_bytes());
    out.put_u32_le(headers.len() as u32);
    for (name, value) in headers {
        out.put_u32_le(name.len() as u32);
        out.put_u32_le(value.len() as u32);
        out.put_slice(name.as_bytes());
        out.put_slice(value.as_bytes());
    }
    out
}

pub fn gone(id: u64) -> Bytes {
    let mut out = BytesMut::with_capacity(LENGTH_BYTES + ID_BYTES);
    out.put_u32_le(ID_BYTES as u32);
    out.put_u64_le(id);
    out.freeze()
}

pub fn answered(id: u64, message: &[u8]) -> BytesMut {
    let mut out = reply(id, ANSWERED, 5 + message.len());
    out.put_u8(0);
    out.put_u32(message.len() as u32);
    out.put_slice(message);
    out
}

pub fn refused(id: u64, status: &Status) -> BytesMut {
    let mut out = reply(id, REFUSED, 8 + status.message.len() + status.details.len());
    out.put_u32_le(status.code);
    out.put_u32_le(status.message.len() as u32);
    out.put_slice(status.message.as_bytes());
    out.put_slice(&status.details);
    out
}

pub fn passed(id: u64) -> BytesMut {
    reply(id, PASSED, 0)
}

/// A reply's frame but for the rest.
fn reply(id: u64, kind: u32, rest_bytes: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(LENGTH_BYTES + 12 + rest_bytes);
    out.put_u32_le((12 + rest_bytes) as u32);
    out.put_u64_le(id);
    out.put_u32_le(kind);
    out
}

/// The first frame in `held`, taken out of it, without its length; None where more bytes must come first.
pub fn take(held: &mut BytesMut, most_bytes: usize) -> Result<Option<Bytes>, Malformed> {
    if held.len() < LENGTH_BYTES {
        return Ok(None);
    }
    let length = (&held[..LENGTH_BYTES]).get_u32_le() as usize;
    if length > most_bytes {
        return Err(Malformed);
    }
    if held.len() < LENGTH_BYTES + length {
        held.reserve(LENGTH_BYTES + length - held.len());
        return Ok(None);
    }
    held.advance(LENGTH_BYTES);
    if length > COPIED {
        return Ok(Some(held.split_to(length).freeze()));
    }
    // A small frame must not keep the whole buffer that it was read into.
    let frame = Bytes::copy_from_slice(&held[..length]);
    held.advance(length);
    Ok(Some(frame))
}

pub fn read_order(mut frame: Bytes) -> Result<Order, Malformed> {
    let id = frame.try_get_u64_le().map_err(|_| Malformed)?;
    if frame.is_empty() {
        return Ok(Order::Gone(id));
    }
    let patience = number(&mut frame)? as u64;
    let deadline = (patience > 0).then(|| Instant::now() + Duration::from_millis(patience));
    let length = number(&mut frame)?;
    let path = text(&mut frame, length)?;
    let count = number(&mut frame)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let (name, value) = (number(&mut frame)?, number(&mut frame)?);
        headers.push((text(&mut frame, name)?, text(&mut frame, value)?));
    }
    Ok(Order::Answer(Call { id, deadline, path, headers, message: frame }))
}

pub fn read_reply(mut frame: Bytes) -> Result<(u64, Reply), Malformed> {
    let id = frame.try_get_u64_le().map_err(|_| Malformed)?;
    let reply = match number(&mut frame)? as u32 {
        ANSWERED => Reply::Answered(frame),
        REFUSED => {
            let code = number(&mut frame)? as u32;
            let length = number(&mut frame)?;
            let message = text(&mut frame, length)?;
            Reply::Refused(Status { code, message, details: frame.to_vec() })
        }
        PASSED => Reply::Passed,
        _ => return Err(Malformed),
    };
    Ok((id, reply))
}

fn number(frame: &mut Bytes) -> Result<usize, Malformed> {
    frame.try_get_u32_le().map(|value| value as usize).map_err(|_| Malformed)
}

fn text(frame: &mut Bytes, length: usize) -> Result<String, Malformed> {
    if frame.len() < length {
        return Err(Malformed);
    }
    String::from_utf8(frame.split_to(length).into()).map_err(|_| Malformed)
}
