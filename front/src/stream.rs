//! A call whose messages come and go while it runs, as Python has it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pyo3::exceptions::PyConnectionError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::mpsc;

use crate::replies::framed;
use crate::status::Status;

/// Messages that wait on either side.
pub const WAITING: usize = 4;

/// Who wants to know that a stream has ended; None once it has.
pub type Listeners = Arc<Mutex<Option<Vec<Py<PyAny>>>>>;

#[pyclass(frozen)]
pub struct Stream {
    incoming: Mutex<mpsc::Receiver<Result<Bytes, Status>>>,
    outgoing: mpsc::Sender<Bytes>,
    listeners: Listeners,
    gone: Arc<AtomicBool>,
}

impl Stream {
    pub fn new(
        incoming: mpsc::Receiver<Result<Bytes, Status>>,
        outgoing: mpsc::Sender<Bytes>,
        listeners: Listeners,
        gone: Arc<AtomicBool>,
    ) -> Self {
        Self { incoming: Mutex::new(incoming), outgoing, listeners, gone }
    }
}

#[pymethods]
impl Stream {
    /// The client's next message; None after its last. Raises ConnectionError where the client went away or what it
    /// sent is no message. Waits without the GIL.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match py.detach(|| self.incoming.lock().unwrap().blocking_recv()) {
            Some(Ok(message)) => Ok(Some(PyBytes::new(py, &message))),
            Some(Err(status)) => Err(PyConnectionError::new_err(status.message)),
            None if self.gone.load(Ordering::SeqCst) => Err(PyConnectionError::new_err("the client went away")),
            None => Ok(None),
        }
    }

    /// Sends a message, and waits while the client reads too slowly; False where it went away.
    fn send(&self, py: Python<'_>, message: &[u8]) -> bool {
        let message = framed(message);
        py.detach(|| self.outgoing.blocking_send(message).is_ok())
    }

    /// `function` is called when the client goes away or the call has ended; False where that is so already.
    fn on_end(&self, function: Py<PyAny>) -> bool {
        match self.listeners.lock().unwrap().as_mut() {
            None => false,
            Some(listeners) => {
                listeners.push(function);
                true
            }
        }
    }
}
