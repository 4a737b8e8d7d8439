//! A worker as the front has it: another process, at the other end of a Unix socket, that answers some of the calls.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream as StdStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::frames::{self, Malformed, Reply};
use crate::shared::{Job, Work};

const READ_BYTES: usize = 64 << 10;

pub struct Peer {
    /// Calls that it may have at a time.
    pub most: usize,
    stream: UnixStream,
    state: Mutex<State>,
    /// Something is left to be written.
    unwritten: Notify,
}

#[derive(Default)]
struct State {
    /// By id, with the time when it was given.
    calls: HashMap<u64, (Job, Instant)>,
    next_id: u64,
    outgoing: VecDeque<Bytes>,
    lost: bool,
}

impl Peer {
    /// Within the runtime that will drive it.
    pub fn new(stream: StdStream, most: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { most, stream: UnixStream::from_std(stream)?, state: Mutex::default(), unwritten: Notify::new() })
    }

    /// How many calls it has not answered yet; None where it is lost.
    pub fn load(&self) -> Option<usize> {
        let state = self.state.lock().unwrap();
        (!state.lost).then_some(state.calls.len())
    }

    /// Gives it a unary call; the call comes back where the worker is lost.
    pub fn send(&self, job: Job) -> Option<Job> {
        let Work::Unary { message, .. } = &job.work else { return Some(job) };
        let message = &message.bytes;
        let mut state = self.state.lock().unwrap();
        if state.lost {
            return Some(job);
        }
        state.next_id += 1;
        let id = state.next_id;
        let mut head = frames::call_head(id, job.deadline, &job.method.path, &job.headers, message.len());
        if message.len() <= frames::COPIED {
            head.extend_from_slice(message);
            state.outgoing.push_back(head.freeze());
        } else {
            state.outgoing.push_back(head.freeze());
            state.outgoing.push_back(message.clone());
        }
        state.calls.insert(id, (job, Instant::now()));
        if self.write_some(&mut state.outgoing) {
            self.unwritten.notify_one();
        }
        None
    }

    /// Has it end what it does for a client that has gone, if that is one of its calls.
    pub fn abandon(&self, gone: &Arc<AtomicBool>) {
        let mut state = self.state.lock().unwrap();
        let found = state.calls.iter().find(|(_, (job, _))| Arc::ptr_eq(&job.gone, gone)).map(|(id, _)| *id);
        if let Some(id) = found {
            state.outgoing.push_back(frames::gone(id));
            if self.write_some(&mut state.outgoing) {
                self.unwritten.notify_one();
            }
        }
    }

    /// Writes what the socket takes at once; whether something is left. An error shows itself to the reader.
    fn write_some(&self, outgoing: &mut VecDeque<Bytes>) -> bool {
        while !outgoing.is_empty() {
            let parts: Vec<IoSlice<'_>> = outgoing.iter().take(16).map(|part| IoSlice::new(part)).collect();
            match self.stream.try_write_vectored(&parts) {
                Ok(mut written) => {
                    while let Some(part) = outgoing.front_mut() {
                        let step = written.min(part.len());
                        part.advance(step);
                        written -= step;
                        if !part.is_empty() {
                            break;
                        }
                        outgoing.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => outgoing.clear(),
            }
        }
        false
    }

    /// Writes what `send` could not, for as long as the worker is there.
    pub async fn write(&self) {
        loop {
            self.unwritten.notified().await;
            while self.stream.writable().await.is_ok() {
                if !self.write_some(&mut self.state.lock().unwrap().outgoing) {
                    break;
                }
            }
        }
    }

    /// Gives each reply, with its call and the seconds that it took, to `take`; returns when the worker is gone, or sends what is no reply.
    pub async fn read(&self, most_bytes: usize, mut take: impl FnMut(Job, Reply, f64)) {
        let mut held = BytesMut::new();
        loop {
            held.reserve(READ_BYTES);
            if self.stream.readable().await.is_err() {
                return;
            }
            match self.stream.try_read_buf(&mut held) {
                Ok(0) => return,
                Ok(_) => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            }
            loop {
                match self.next_reply(&mut held, most_bytes) {
                    Ok(Some((job, given, reply))) => take(job, reply, given.elapsed().as_secs_f64()),
                    Ok(None) => break,
                    Err(Malformed) => return,
                }
            }
        }
    }

    fn next_reply(&self, held: &mut BytesMut, most_bytes: usize) -> Result<Option<(Job, Instant, Reply)>, Malformed> {
        let Some(frame) = frames::take(held, most_bytes)? else { return Ok(None) };
        let (id, reply) = frames::read_reply(frame)?;
        let (job, given) = self.state.lock().unwrap().calls.remove(&id).ok_or(Malformed)?;
        Ok(Some((job, given, reply)))
    }

    /// It gets no more calls; returns those that it had, the oldest first.
    pub fn lose(&self) -> Vec<Job> {
        let mut state = self.state.lock().unwrap();
        state.lost = true;
        let mut calls: Vec<_> = state.calls.drain().collect();
        calls.sort_unstable_by_key(|(id, _)| *id);
        calls.into_iter().map(|(_, (job, _))| job).collect()
    }
}
