//! Calls of Python's functions: what they are given, and what they return.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::client::{self, Client};
use crate::packed::Message;
use crate::shared::{Answered, Headers, Job, Method, Work};
use crate::status::Status;
use crate::stream::Stream;
use crate::{calls, python, replies};

/// Answers the call by its function; returns the answer of a unary one, which is still to be sent.
pub fn run(job: Job) -> Option<Answered> {
    let job = job.due()?;
    match job.work {
        Work::Unary { message, reply, .. } => {
            let client = Client { deadline: job.deadline, gone: job.gone };
            let answer = client::answering(client, || {
                opened(&job.method, &message, &job.headers)
                    .and_then(|message| Python::attach(|py| answer(py, &job.method.answer, &message, &job.headers)))
            });
            return Some(Answered { answer, reply });
        }
        Work::Stream(stream) => {
            let end = stream.end.clone();
            if let Err(status) = Python::attach(|py| converse(py, &job.method.answer, stream, &job.headers)) {
                end.with(Err(status));
            }
        }
        Work::Admit(reply) => {
            // Fails where the client is gone.
            let _ = reply.send(admitted(&job.method, &job.headers));
        }
        Work::Ended(function) => Python::attach(|py| {
            if let Err(error) = python::call(py, &function, ()) {
                error.write_unraisable(py, None);
            }
        }),
    }
    None
}

/// The message, decompressed for a caller that is admitted.
fn opened(method: &Method, message: &Message, headers: &Headers) -> Result<Bytes, Status> {
    if message.packed.is_some() {
        admitted(method, headers)?;
    }
    message.open()
}

fn admitted(method: &Method, headers: &Headers) -> Result<(), Status> {
    let Some(admit) = &method.admit else { return Ok(()) };
    Python::attach(|py| {
        let called = dict(py, headers).and_then(|headers| python::call(py, admit, (method.path.as_str(), headers)));
        match called {
            Ok(value) if value.is_none() => Ok(()),
            Ok(value) => Err(refusal(&value)),
            Err(error) => Err(failed(py, &error)),
        }
    })
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

/// Has a function take the stream over. It returns None where it has, and a status where it refuses.
fn converse(py: Python<'_>, function: &Py<PyAny>, stream: Stream, headers: &Headers) -> Result<(), Status> {
    let called = dict(py, headers).and_then(|headers| python::call(py, function, (Py::new(py, stream)?, headers)));
    match called {
        Ok(value) if value.is_none() => Ok(()),
        Ok(value) => Err(refusal(&value)),
        Err(error) => Err(failed(py, &error)),
    }
}

/// What a function returns where it refuses: (code, message, details).
pub fn refusal(value: &Bound<'_, PyAny>) -> Status {
    match value.cast::<PyTuple>().ok().and_then(|status| status.extract::<(u32, String, Vec<u8>)>().ok()) {
        Some((code, message, details)) => Status { code, message, details },
        None => calls::unanswered(),
    }
}

fn failed(py: Python<'_>, error: &PyErr) -> Status {
    error.clone_ref(py).write_unraisable(py, None);
    calls::unanswered()
}

pub fn dict<'py>(py: Python<'py>, headers: &Headers) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for (name, value) in headers {
        found.set_item(name, value)?;
    }
    Ok(found)
}
