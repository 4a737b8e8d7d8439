//! A call whose messages come and go while it runs, as Python has it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pyo3::exceptions::PyConnectionError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::packed::Message;
use crate::replies::framed;
use crate::status::Status;

/// Messages that wait on either side.
pub const WAITING: usize = 4;

/// Who wants to know that a stream has ended; None once it has.
pub type Listeners = Arc<Mutex<Option<Vec<Py<PyAny>>>>>;

/// How a stream ends; the first word counts. Where none comes before it is dropped, the front is stopping.
#[derive(Clone)]
pub struct End(Arc<Mutex<Option<Ending>>>);

type Ending = oneshot::Sender<Result<(), Status>>;

impl End {
    pub fn new(reply: Ending) -> Self {
        Self(Arc::new(Mutex::new(Some(reply))))
    }

    pub fn with(&self, result: Result<(), Status>) {
        if let Some(reply) = self.0.lock().unwrap().take() {
            // Fails where the client is gone.
            let _ = reply.send(result);
        }
    }
}

#[pyclass(frozen)]
pub struct Stream {
    pub incoming: Mutex<mpsc::Receiver<Result<Message, Status>>>,
    pub outgoing: mpsc::Sender<Bytes>,
    pub listeners: Listeners,
    pub gone: Arc<AtomicBool>,
    pub end: End,
    pub cut: Arc<Notify>,
    /// The client's, without a port.
    #[pyo3(get)]
    pub address: String,
}

#[pymethods]
impl Stream {
    /// The client's next message; None after its last. Raises ConnectionError where the client went away or what it
    /// sent is no message. Waits without the GIL.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match py.detach(|| Some(self.incoming.lock().unwrap().blocking_recv()?.and_then(|message| message.open()))) {
            Some(Ok(message)) => Ok(Some(PyBytes::new(py, &message))),
            Some(Err(status)) => {
                let error = PyConnectionError::new_err(status.message.clone());
                self.end.with(Err(status));
                Err(error)
            }
            None if self.gone.load(Ordering::SeqCst) => Err(PyConnectionError::new_err("the client went away")),
            None => Ok(None),
        }
    }

    /// Sends a message, and waits while the client reads too slowly; False where it went away.
    fn send(&self, py: Python<'_>, message: &[u8]) -> bool {
        let message = framed(message);
        py.detach(|| self.outgoing.blocking_send(message).is_ok())
    }

    /// Ends the call with a status, (code, text, details), or with None as answered, after what was sent.
    #[pyo3(signature = (status=None))]
    fn finish(&self, status: Option<(u32, String, Vec<u8>)>) {
        self.end.with(match status {
            None => Ok(()),
            Some((code, message, details)) => Err(Status { code, message, details }),
        });
    }

    /// Ends the call at once, whether or not the client has read what was sent.
    fn cut(&self) {
        self.cut.notify_one();
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
