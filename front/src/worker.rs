//! The other end: a process that answers calls which a front gives it. No connections, no limits, no waiting clients;
//! one thread at a time reads calls and answers them itself, as in the front.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::BytesMut;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answering::{dict, refusal};
use crate::client::{self, Client};
use crate::frames::{self, Call, Order};
use crate::python;
use crate::turns::Turns;

const READ_BYTES: usize = 64 << 10;
/// Path, headers and lengths of a call, beside its message.
const MOST_HEAD_BYTES: usize = 16 << 20;

/// Answers the calls that come over the socket `fd`, which it takes, with `methods`: by path, the function that answers.
#[pyclass(frozen)]
pub struct Worker {
    methods: HashMap<String, Py<PyAny>>,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<UnixStream>,
    turns: Arc<Turns>,
    /// By the ids of the calls that are answered: whether their clients have gone.
    running: Mutex<HashMap<u64, Arc<AtomicBool>>>,
}

struct Incoming {
    stream: UnixStream,
    /// What was read last.
    part: Box<[u8]>,
    held: BytesMut,
    most_bytes: usize,
}

#[pymethods]
impl Worker {
    #[new]
    #[pyo3(signature = (fd, methods, *, max_message_bytes))]
    fn new(fd: RawFd, methods: HashMap<String, Py<PyAny>>, max_message_bytes: usize) -> PyResult<Self> {
        let stream = stream_of(fd);
        stream.set_nonblocking(false)?;
        let incoming = Incoming {
            stream: stream.try_clone()?,
            part: vec![0; READ_BYTES].into(),
            held: BytesMut::new(),
            most_bytes: max_message_bytes.saturating_add(MOST_HEAD_BYTES),
        };
        let turns = Arc::new(Turns::new());
        let watched = turns.clone();
        thread::Builder::new().name("weft-front-watch".into()).spawn(move || watched.watch())?;
        Ok(Self {
            methods,
            incoming: Mutex::new(incoming),
            outgoing: Mutex::new(stream),
            turns,
            running: Mutex::default(),
        })
    }

    /// Answers calls until the front closes the socket.
    fn work(&self, py: Python<'_>) {
        py.detach(|| {
            while self.turns.lead() {
                loop {
                    let next = self.incoming.lock().unwrap().next();
                    let call = match next {
                        Ok(Order::Answer(call)) => call,
                        Ok(Order::Gone(id)) => {
                            if let Some(gone) = self.running.lock().unwrap().get(&id) {
                                gone.store(true, Ordering::SeqCst);
                            }
                            continue;
                        }
                        Err(_) => return self.turns.close(),
                    };
                    let ticket = self.turns.begin();
                    let gone = Arc::new(AtomicBool::new(false));
                    self.running.lock().unwrap().insert(call.id, gone.clone());
                    let client = Client { deadline: call.deadline, gone };
                    let reply = client::answering(client, || self.answer(&call));
                    self.running.lock().unwrap().remove(&call.id);
                    if self.outgoing.lock().unwrap().write_all(&reply).is_err() {
                        return self.turns.close();
                    }
                    if !self.turns.end(ticket) {
                        break;
                    }
                }
            }
        });
    }
}

impl Worker {
    /// A function returns bytes, a status, or None where it passes. A call passes as well where its function raises: the
    /// front's own process then answers, or fails alike.
    fn answer(&self, call: &Call) -> BytesMut {
        let Some(function) = self.methods.get(&call.path) else { return frames::passed(call.id) };
        Python::attach(|py| {
            let called = dict(py, &call.headers)
                .and_then(|headers| python::call(py, function, (PyBytes::new(py, &call.message), headers)));
            match called {
                Ok(value) if value.is_none() => frames::passed(call.id),
                Ok(value) => match value.cast::<PyBytes>() {
                    Ok(message) => frames::answered(call.id, message.as_bytes()),
                    Err(_) => frames::refused(call.id, &refusal(&value)),
                },
                Err(error) => {
                    error.write_unraisable(py, None);
                    frames::passed(call.id)
                }
            }
        })
    }
}

impl Incoming {
    /// Waits for what the front sends next; an error where the front is gone.
    fn next(&mut self) -> io::Result<Order> {
        let malformed = |_| io::ErrorKind::InvalidData;
        loop {
            if let Some(frame) = frames::take(&mut self.held, self.most_bytes).map_err(malformed)? {
                return Ok(frames::read_order(frame).map_err(malformed)?);
            }
            let read = loop {
                match self.stream.read(&mut self.part) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => break read?,
                }
            };
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.held.extend_from_slice(&self.part[..read]);
        }
    }
}

/// The stream that owns `fd` from here on.
pub fn stream_of(fd: RawFd) -> UnixStream {
    // The caller hands the descriptor over, as Python's `socket.detach` gives it.
    UnixStream::from(unsafe { OwnedFd::from_raw_fd(fd) })
}
