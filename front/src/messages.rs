//! The messages of one call's body: each a flag, its length in 4 bytes, and its bytes.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use tokio::time::timeout;

use crate::arriving::Holding;
use crate::packed::{Encoding, Message};
use crate::status::{CANCELLED, DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED, Status, UNIMPLEMENTED};

const PREFIX_BYTES: usize = 5;

pub struct Messages {
    body: RecvStream,
    held: Bytes,
    encoding: Encoding,
    most_bytes: usize,
    patience: Option<Duration>,
    /// Of the message that arrives; it has its own afterwards.
    pub holding: Arc<Holding>,
}

impl Messages {
    /// Messages of up to `most_bytes`, compressed or not; `patience`: how long a client may send nothing in between.
    /// Without it, which is for streams, bytes that are too many wait.
    pub fn new(
        body: RecvStream,
        headers: &HeaderMap,
        most_bytes: usize,
        patience: Option<Duration>,
        holding: Arc<Holding>,
    ) -> Result<Self, Status> {
        let encoding = match headers.get("grpc-encoding").map(|value| value.as_bytes()) {
            None | Some(b"identity") => Encoding::Identity,
            Some(b"gzip") => Encoding::Gzip,
            Some(b"deflate") => Encoding::Deflate,
            Some(other) => {
                let name = String::from_utf8_lossy(other);
                return Err(Status::new(
                    UNIMPLEMENTED,
                    format!("{name} is not supported; send gzip, deflate or identity"),
                ));
            }
        };
        Ok(Self { body, held: Bytes::new(), encoding, most_bytes, patience, holding })
    }

    /// The next message; None after the last.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        if !self.holds(PREFIX_BYTES).await? {
            return if self.held.is_empty() { Ok(None) } else { Err(truncated()) };
        }
        let compressed = self.held[0] != 0;
        let length = u32::from_be_bytes([self.held[1], self.held[2], self.held[3], self.held[4]]) as usize;
        if length > self.most_bytes {
            return Err(too_large(length, self.most_bytes));
        }
        if !self.holds(PREFIX_BYTES + length).await? {
            return Err(truncated());
        }
        let bytes = self.held.split_to(PREFIX_BYTES + length).slice(PREFIX_BYTES..);
        if compressed && self.encoding == Encoding::Identity {
            return Err(Status::new(INTERNAL, "a message is compressed, the call names no encoding"));
        }
        let packed = compressed.then_some(self.encoding);
        let next = self.holding.next();
        let holding = mem::replace(&mut self.holding, next);
        Ok(Some(Message { bytes, packed, most_bytes: self.most_bytes, holding }))
    }

    /// Waits until a part of the next message is there, or none comes.
    pub async fn begun(&mut self) -> Result<(), Status> {
        self.holds(1).await.map(|_| ())
    }

    /// The one message of a unary call.
    pub async fn only(&mut self) -> Result<Message, Status> {
        let Some(message) = self.next().await? else {
            return Err(Status::new(INTERNAL, "the call has no message"));
        };
        if (self.body.is_end_stream() && self.held.is_empty()) || self.next().await?.is_none() {
            Ok(message)
        } else {
            Err(Status::new(INTERNAL, "the call has more than one message"))
        }
    }

    /// Whether `length` bytes are held, or arrive before the body ends.
    async fn holds(&mut self, length: usize) -> Result<bool, Status> {
        if self.held.len() >= length {
            return Ok(true);
        }
        if self.held.is_empty() {
            match self.chunk().await? {
                None => return Ok(false),
                Some(chunk) => self.held = chunk,
            }
            if self.held.len() >= length {
                return Ok(true);
            }
        }
        let mut gathered = BytesMut::from(self.held.as_ref());
        while gathered.len() < length {
            match self.chunk().await? {
                None => {
                    self.held = gathered.freeze();
                    return Ok(false);
                }
                Some(chunk) => gathered.extend_from_slice(&chunk),
            }
        }
        self.held = gathered.freeze();
        Ok(true)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Status> {
        let next = self.body.data();
        let got = match self.patience {
            None => next.await,
            Some(patience) => timeout(patience, next)
                .await
                .map_err(|_| Status::new(DEADLINE_EXCEEDED, "the rest of the message did not arrive in time"))?,
        };
        match got {
            None => Ok(None),
            Some(Err(error)) => Err(Status::new(CANCELLED, error.to_string())),
            Some(Ok(chunk)) => {
                if !self.holding.receive(chunk.len(), self.patience.is_none()).await {
                    return Err(crowded());
                }
                // Fails only where the stream is gone, which the next read says.
                let _ = self.body.flow_control().release_capacity(chunk.len());
                Ok(Some(chunk))
            }
        }
    }
}

pub fn too_large(length: usize, most: usize) -> Status {
    Status::new(RESOURCE_EXHAUSTED, format!("the message has {length} bytes or more; this server takes {most}"))
}

pub fn crowded() -> Status {
    let text =
        "the requests that are being answered hold all the bytes that this server takes at a time; send it again";
    Status::new(RESOURCE_EXHAUSTED, format!("{text} later, or in smaller parts"))
}

fn truncated() -> Status {
    Status::new(INTERNAL, "the call ended within a message")
}
