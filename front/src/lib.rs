//! A gRPC server in which HTTP/2 costs little and Python functions answer: see `README.md`.

mod calls;
mod connections;
mod flow;
mod messages;
mod python;
mod replies;
mod shared;
mod status;
mod stream;
mod turns;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tokio::runtime::{Builder, Runtime};

use crate::shared::{Headers, Job, Kind, Limits, Method, Phase, Shared, Work};
use crate::status::{DEADLINE_EXCEEDED, Status};
use crate::stream::Stream;

/// For connections to end that have to at once.
const LAST: Duration = Duration::from_secs(1);

/// Serves gRPC on `host:port` (0: a free port) with `methods`: by path, how long its calls take ("short", "long" or
/// "stream") and the function that answers. Threads serve it while they are in `work`.
#[pyclass(frozen)]
struct Front {
    shared: Arc<Shared>,
    runtime: Runtime,
    #[pyo3(get)]
    port: u16,
}

#[pymethods]
impl Front {
    /// `threads`: how many will be in `work`, one of which is kept for connections; times in seconds. Raises OSError
    /// where the address cannot be bound.
    #[new]
    #[pyo3(signature = (
        host, port, methods, *, threads, max_message_bytes, max_calls, max_header_bytes=16_384, max_connections=4_096,
        max_streams_per_connection=1_000, keepalive_s=60.0, keepalive_timeout_s=20.0, patience_s=60.0
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        host: &str,
        port: u16,
        methods: HashMap<String, (String, Py<PyAny>)>,
        threads: usize,
        max_message_bytes: usize,
        max_calls: usize,
        max_header_bytes: u32,
        max_connections: usize,
        max_streams_per_connection: u32,
        keepalive_s: f64,
        keepalive_timeout_s: f64,
        patience_s: f64,
    ) -> PyResult<Self> {
        if threads < 2 {
            return Err(PyValueError::new_err("a front needs two threads or more"));
        }
        let mut by_path = HashMap::with_capacity(methods.len());
        for (path, (kind, answer)) in methods {
            by_path.insert(path, Arc::new(Method { kind: kind_of(&kind)?, answer }));
        }
        let limits = Limits {
            message_bytes: max_message_bytes,
            header_bytes: max_header_bytes,
            connections: max_connections,
            streams_per_connection: max_streams_per_connection,
            calls: max_calls,
            running: threads - 1,
            keepalive: seconds(keepalive_s)?,
            keepalive_timeout: seconds(keepalive_timeout_s)?,
            patience: seconds(patience_s)?,
        };
        let listener = TcpListener::bind((host, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::new(by_path, limits));
        runtime.spawn(connections::accept(shared.clone(), listener));
        let watched = shared.clone();
        thread::Builder::new().name("weft-front-watch".into()).spawn(move || watched.turns.watch())?;
        Ok(Self { shared, runtime, port })
    }

    /// Serves until `close`. A thread of Python's that stays here keeps its state between calls.
    fn work(&self, py: Python<'_>) {
        py.detach(|| {
            while self.shared.turns.lead() {
                while let Some(job) = self.runtime.block_on(self.shared.next()) {
                    let leads = if job.is_short() {
                        let ticket = self.shared.turns.begin();
                        run(job);
                        self.shared.ended();
                        self.shared.turns.end(ticket)
                    } else {
                        self.shared.turns.pass();
                        run(job);
                        self.shared.ended();
                        false
                    };
                    if !leads {
                        break;
                    }
                }
            }
        });
    }

    /// Takes no more connections and calls, gives those that run up to `grace_s` seconds, ends the connections that
    /// are left, and lets threads leave `work`.
    fn close(&self, py: Python<'_>, grace_s: f64) -> PyResult<()> {
        let grace = seconds(grace_s)?;
        py.detach(|| {
            self.shared.phase.send_replace(Phase::Closing);
            if !self.shared.connections.wait_none(grace) {
                self.shared.phase.send_replace(Phase::Cut);
                self.shared.connections.wait_none(LAST);
            }
            self.shared.close();
        });
        Ok(())
    }
}

fn kind_of(name: &str) -> PyResult<Kind> {
    match name {
        "short" => Ok(Kind::Short),
        "long" => Ok(Kind::Long),
        "stream" => Ok(Kind::Stream),
        _ => Err(PyValueError::new_err(format!("'{name}' is none of short, long, stream"))),
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Answers the call by its function. A reply whose client is gone goes nowhere.
fn run(job: Job) {
    if job.gone.load(Ordering::SeqCst) && !matches!(job.work, Work::Ended(_)) {
        return;
    }
    let late = job.deadline.is_some_and(|deadline| deadline <= Instant::now());
    match job.work {
        Work::Unary { flow, reply, .. } if !flow.has_room() => {
            let _ = reply.send(None);
        }
        Work::Unary { message, reply, .. } => {
            let answer = if late {
                Err(Status::new(DEADLINE_EXCEEDED, "the deadline of the call passed before it was answered"))
            } else {
                Python::attach(|py| answer(py, &job.method.answer, &message, &job.headers))
            };
            let _ = reply.send(Some(answer));
        }
        Work::Stream { stream, reply } => {
            let _ = reply.send(Python::attach(|py| converse(py, &job.method.answer, stream, &job.headers)));
        }
        Work::Ended(function) => Python::attach(|py| {
            if let Err(error) = python::call(py, &function, ()) {
                error.write_unraisable(py, None);
            }
        }),
    }
}

fn answer(py: Python<'_>, function: &Py<PyAny>, message: &Bytes, headers: &Headers) -> Result<Bytes, Status> {
    let called = dict(py, headers).and_then(|headers| python::call(py, function, (PyBytes::new(py, message), headers)));
    match called {
        Ok(value) => match value.cast::<PyBytes>() {
            Ok(message) => Ok(replies::framed(message.as_bytes())),
            Err(_) => Err(refusal(&value)),
        },
        Err(error) => Err(failed(py, &error)),
    }
}

fn converse(py: Python<'_>, function: &Py<PyAny>, stream: Stream, headers: &Headers) -> Result<(), Status> {
    let called = dict(py, headers).and_then(|headers| python::call(py, function, (Py::new(py, stream)?, headers)));
    match called {
        Ok(value) if value.is_none() => Ok(()),
        Ok(value) => Err(refusal(&value)),
        Err(error) => Err(failed(py, &error)),
    }
}

/// What a function returns where it refuses: (code, message, details).
fn refusal(value: &Bound<'_, PyAny>) -> Status {
    match value.cast::<PyTuple>().ok().and_then(|status| status.extract::<(u32, String, Vec<u8>)>().ok()) {
        Some((code, message, details)) => Status { code, message, details },
        None => calls::unanswered(),
    }
}

fn failed(py: Python<'_>, error: &PyErr) -> Status {
    error.clone_ref(py).write_unraisable(py, None);
    calls::unanswered()
}

fn dict<'py>(py: Python<'py>, headers: &Headers) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for (name, value) in headers {
        found.set_item(name, value)?;
    }
    Ok(found)
}

#[pymodule]
fn weft_front(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Front>()?;
    module.add_class::<Stream>()
}
