//! A gRPC server in which HTTP/2 costs little and Python functions answer: see `README.md`.

mod answering;
mod arriving;
mod calls;
mod client;
mod connections;
mod flow;
mod frames;
mod gathered;
mod limits;
mod messages;
mod metadata;
mod open_connections;
mod packed;
mod peer;
mod python;
mod replies;
mod shared;
mod spread;
mod status;
mod stream;
mod tls;
mod turns;
mod worker;

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::answering::run;
use crate::limits::Limits;
use crate::shared::{Kind, Method, Phase, Shared};
use crate::spread::Spread;
use crate::stream::Stream;
use crate::tls::{Pem, Tls};

/// For connections to end that have to at once.
const LAST: Duration = Duration::from_secs(1);

/// Serves gRPC on `host:port` (0: a free port) with `methods`: by path, how long its calls take ("short", "spread",
/// "long" or "stream") and the function that answers. Threads serve it while they are in `work`.
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
    /// where the address cannot be bound. `certificate`: PEM of the chain, of its key, and of the authorities whose
    /// certificates clients need, or None; connections are encrypted by TLS 1.2 or 1.3. ValueError where it is unusable.
    /// `names_peers`: functions get the address of the client as the header `weft-peer`.
    #[new]
    #[pyo3(signature = (
        host, port, methods, *, threads, max_message_bytes, max_calls, max_header_bytes=16_384, max_connections=4_096,
        max_streams_per_connection=1_000, max_address_connections=1_024, connection_idle_s=300.0, handshake_timeout_s=10.0, max_arriving=256, max_bytes_under_way=1 << 30, message_timeout_s=100.0,
        keepalive_s=60.0, keepalive_timeout_s=20.0, patience_s=60.0, admit=None, guarded=HashSet::new(),
        certificate=None, names_peers=false
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        methods: HashMap<String, (String, Py<PyAny>)>,
        threads: usize,
        max_message_bytes: usize,
        max_calls: usize,
        max_header_bytes: u32,
        max_connections: usize,
        max_streams_per_connection: u32,
        max_address_connections: usize,
        connection_idle_s: f64,
        handshake_timeout_s: f64,
        max_arriving: usize,
        max_bytes_under_way: usize,
        message_timeout_s: f64,
        keepalive_s: f64,
        keepalive_timeout_s: f64,
        patience_s: f64,
        admit: Option<Py<PyAny>>,
        guarded: HashSet<String>,
        certificate: Option<Pem>,
        names_peers: bool,
    ) -> PyResult<Self> {
        if threads < 2 {
            return Err(PyValueError::new_err("a front needs two threads or more"));
        }
        let mut by_path = HashMap::with_capacity(methods.len());
        for (path, (kind, answer)) in methods {
            let admit = admit.as_ref().filter(|_| guarded.contains(&path)).map(|admit| admit.clone_ref(py));
            by_path.insert(path.clone(), Arc::new(Method { path, kind: kind_of(&kind)?, answer, admit }));
        }
        let limits = Limits {
            names_peers,
            message_bytes: max_message_bytes,
            header_bytes: max_header_bytes,
            connections: max_connections,
            streams_per_connection: max_streams_per_connection,
            calls: max_calls,
            running: threads - 1,
            address_connections: max_address_connections,
            connection_idle: seconds(connection_idle_s)?,
            handshake_timeout: seconds(handshake_timeout_s)?,
            arriving: max_arriving,
            bytes_under_way: max_bytes_under_way,
            message_timeout: seconds(message_timeout_s)?,
            keepalive: seconds(keepalive_s)?,
            keepalive_timeout: seconds(keepalive_timeout_s)?,
            patience: seconds(patience_s)?,
        };
        let tls = Tls::new(certificate)?;
        let listener = TcpListener::bind((host, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::new(by_path, limits, Spread::default(), tls));
        runtime.spawn(connections::accept(shared.clone(), listener));
        let watched = shared.clone();
        thread::Builder::new().name("weft-front-watch".into()).spawn(move || watched.turns.watch())?;
        Ok(Self { shared, runtime, port })
    }

    /// Serves until `close`. A thread of Python's that stays here keeps its state between calls.
    fn work(&self, py: Python<'_>) {
        py.detach(|| {
            while self.shared.turns.lead() {
                let mut answered = None;
                while let Some(job) = self.runtime.block_on(self.shared.next(answered.take())) {
                    let unary = job.is_unary();
                    let short = job.is_short();
                    let ticket = if short {
                        self.shared.turns.begin()
                    } else {
                        self.shared.turns.pass();
                        0
                    };
                    answered = run(job);
                    self.shared.ended(unary);
                    if short {
                        self.shared.spread.answered_here();
                    }
                    if !short || !self.shared.turns.end(ticket) {
                        break;
                    }
                }
                if let Some(answered) = answered {
                    answered.send();
                }
            }
        });
    }

    /// The unary call that the calling thread answers waits for another server: one more may be answered, which takes
    /// one more thread in `work`.
    fn leave(&self) {
        self.shared.ended(true);
    }

    /// That call is answered on.
    fn enter(&self) {
        self.shared.resumed();
    }

    /// Connections that are opened from now on get this certificate: `certificate` of a new front, of which there has
    /// to be one. Raises ValueError where it cannot be used; the one before stays then.
    fn certify(&self, chain: Vec<u8>, key: Vec<u8>, client_ca: Option<Vec<u8>>) -> PyResult<()> {
        self.shared.tls.certify(&(chain, key, client_ca))
    }

    /// Another process, in `Worker.work` at the other end of the Unix socket `fd`, answers calls of the kind "spread"
    /// too, up to `max_calls` at a time. The front takes the descriptor over.
    fn spread(&self, fd: RawFd, max_calls: usize) -> PyResult<()> {
        let _within = self.runtime.enter();
        Ok(spread::join(&self.shared, worker::stream_of(fd), max_calls)?)
    }

    /// How many workers there are.
    #[getter]
    fn workers(&self) -> usize {
        self.shared.spread.workers()
    }

    /// Workers get no more calls. Returns whether they have answered those that they have, after up to `timeout_s`.
    fn recall(&self, py: Python<'_>, timeout_s: f64) -> PyResult<bool> {
        let most = seconds(timeout_s)?;
        Ok(py.detach(|| self.shared.spread.recall(most)))
    }

    /// Of each call that a worker answered since this was last asked: path, code of the status, seconds.
    fn outcomes(&self) -> Vec<(String, u32, f64)> {
        let outcomes = self.shared.spread.outcomes();
        outcomes.into_iter().map(|(method, code, seconds)| (method.path.clone(), code, seconds)).collect()
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
        "spread" => Ok(Kind::Spread),
        "long" => Ok(Kind::Long),
        "stream" => Ok(Kind::Stream),
        _ => Err(PyValueError::new_err(format!("'{name}' is none of short, spread, long, stream"))),
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Raised with each change of what Python calls; Weft uses a front of its own interface only.
const INTERFACE: u32 = 2;

#[pymodule]
fn weft_front(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("INTERFACE", INTERFACE)?;
    module.add_class::<Front>()?;
    module.add_class::<Stream>()?;
    module.add_class::<worker::Worker>()?;
    module.add_function(wrap_pyfunction!(client::remaining_s, module)?)?;
    module.add_function(wrap_pyfunction!(client::is_gone, module)?)
}
