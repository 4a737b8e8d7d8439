//! What is sent for one call: headers, messages, trailers with the status.

use std::future::poll_fn;

use bytes::{BufMut, Bytes, BytesMut};
use h2::SendStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::status::Status;

pub type Respond = SendResponse<Bytes>;

fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// The message with gRPC's prefix.
pub fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 5);
    out.put_u8(0);
    out.put_u32(message.len() as u32);
    out.put_slice(message);
    out.freeze()
}

// Whatever cannot be sent below is for a client that is gone: there is no one to tell.

/// A whole answer: one message, already framed, and status 0.
pub fn answer(mut respond: Respond, message: Bytes) {
    let Ok(mut send) = respond.send_response(head(), false) else { return };
    if send.send_data(message, false).is_ok() {
        let _ = send.send_trailers(ok());
    }
}

/// A status alone.
pub fn refuse(mut respond: Respond, status: &Status) {
    let mut response = head();
    status.write(response.headers_mut());
    let _ = respond.send_response(response, true);
}

/// An answer in HTTP alone, to what is no call of gRPC.
pub fn reject(mut respond: Respond, code: StatusCode) {
    let mut response = Response::new(());
    *response.status_mut() = code;
    let _ = respond.send_response(response, true);
}

pub fn begin(respond: &mut Respond) -> Option<SendStream<Bytes>> {
    respond.send_response(head(), false).ok()
}

/// Sends as much at a time as the client takes; false where it is gone.
pub async fn send(stream: &mut SendStream<Bytes>, mut message: Bytes) -> bool {
    while !message.is_empty() {
        stream.reserve_capacity(message.len());
        let Some(Ok(room)) = poll_fn(|context| stream.poll_capacity(context)).await else { return false };
        let part = message.split_to(room.min(message.len()));
        if stream.send_data(part, false).is_err() {
            return false;
        }
    }
    true
}

pub fn end(stream: &mut SendStream<Bytes>, status: Option<&Status>) {
    let mut trailers = ok();
    if let Some(status) = status {
        status.write(&mut trailers);
    }
    let _ = stream.send_trailers(trailers);
}

fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}
