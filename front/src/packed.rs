//! A message as it came, and as it is when decompressed.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};

use crate::arriving::Holding;
use crate::messages::{crowded, too_large};
use crate::status::{INTERNAL, Status};

const PART_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

#[derive(Clone)]
pub struct Message {
    pub bytes: Bytes,
    pub packed: Option<Encoding>,
    pub most_bytes: usize,
    pub holding: Arc<Holding>,
}

impl Message {
    /// Its bytes, which are counted as they grow. Takes a while for a large one.
    pub fn open(&self) -> Result<Bytes, Status> {
        match self.packed {
            None | Some(Encoding::Identity) => Ok(self.bytes.clone()),
            Some(Encoding::Gzip) => self.inflate(GzDecoder::new(&self.bytes[..])),
            Some(Encoding::Deflate) => self.inflate(ZlibDecoder::new(&self.bytes[..])),
        }
    }

    fn inflate(&self, mut source: impl Read) -> Result<Bytes, Status> {
        let mut out = Vec::new();
        loop {
            let before = out.len();
            let read = source.by_ref().take(PART_BYTES as u64).read_to_end(&mut out);
            let read =
                read.map_err(|error| Status::new(INTERNAL, format!("a message cannot be decompressed: {error}")))?;
            if read == 0 {
                return Ok(out.into());
            }
            if out.len() > self.most_bytes {
                return Err(too_large(out.len(), self.most_bytes));
            }
            if !self.holding.grow(out.len() - before) {
                return Err(crowded());
            }
        }
    }
}
