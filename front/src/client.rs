//! The client of the unary call that a thread answers, for the function that answers it: how long it waits, and whether
//! it has gone.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pyo3::prelude::*;

thread_local! {
    static CURRENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

pub struct Client {
    pub deadline: Option<Instant>,
    pub gone: Arc<AtomicBool>,
}

/// The result of `answer`, which answers a call of `client` on this thread.
pub fn answering<T>(client: Client, answer: impl FnOnce() -> T) -> T {
    CURRENT.set(Some(client));
    let result = answer();
    CURRENT.set(None);
    result
}

/// How many seconds the client of the call that this thread answers still waits; None: without end.
#[pyfunction]
pub fn remaining_s() -> Option<f64> {
    CURRENT.with_borrow(|current| {
        let deadline = current.as_ref()?.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()).as_secs_f64())
    })
}

/// Whether the client of the call that this thread answers has gone.
#[pyfunction]
pub fn is_gone() -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|client| client.gone.load(Ordering::SeqCst)))
}
