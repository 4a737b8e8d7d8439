//! What the threads of a front share: its methods, limits, and the jobs that wait for a thread.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pyo3::prelude::*;
use tokio::sync::{Notify, oneshot, watch};

use crate::flow::Flow;
use crate::status::Status;
use crate::stream::Stream;
use crate::turns::Turns;

#[derive(Clone, Copy)]
pub struct Limits {
    pub message_bytes: usize,
    pub header_bytes: u32,
    pub connections: usize,
    pub streams_per_connection: u32,
    /// Calls at a time: those being answered, and those that wait for a thread.
    pub calls: usize,
    /// Calls being answered at a time.
    pub running: usize,
    pub keepalive: Duration,
    pub keepalive_timeout: Duration,
    /// How long a client may take for its part of the handshake, and between two parts of a message.
    pub patience: Duration,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Answered by the leader.
    Short,
    /// The thread that answers it lets another lead first.
    Long,
    /// Messages come and go while it runs.
    Stream,
}

pub struct Method {
    pub kind: Kind,
    pub answer: Py<PyAny>,
}

/// The ASCII headers that a client added to those of gRPC and HTTP/2.
pub type Headers = Vec<(String, String)>;

pub enum Work {
    /// The reply is None where the call has to wait until its client has taken other answers.
    Unary {
        message: Bytes,
        flow: Arc<Flow>,
        reply: oneshot::Sender<Option<Result<Bytes, Status>>>,
    },
    Stream {
        stream: Stream,
        reply: oneshot::Sender<Result<(), Status>>,
    },
    /// A function that wanted to know that its stream has ended.
    Ended(Py<PyAny>),
}

pub struct Job {
    pub method: Arc<Method>,
    pub headers: Arc<Headers>,
    pub deadline: Option<Instant>,
    /// The client no longer waits.
    pub gone: Arc<AtomicBool>,
    pub work: Work,
}

impl Job {
    pub fn is_short(&self) -> bool {
        self.method.kind == Kind::Short || matches!(self.work, Work::Ended(_))
    }
}

/// From one to the next, never back.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub enum Phase {
    Serving,
    /// Connections end when their calls have.
    Closing,
    /// Connections end at once.
    Cut,
}

pub struct Shared {
    pub methods: HashMap<String, Arc<Method>>,
    pub limits: Limits,
    pub turns: Turns,
    pub phase: watch::Sender<Phase>,
    pub connections: Connections,
    /// Bytes of answers, of all connections.
    pub unsent: Arc<AtomicUsize>,
    jobs: Mutex<VecDeque<Job>>,
    ready: Notify,
    running: AtomicUsize,
    closed: AtomicBool,
}

impl Shared {
    pub fn new(methods: HashMap<String, Arc<Method>>, limits: Limits) -> Self {
        Self {
            methods,
            limits,
            turns: Turns::new(),
            phase: watch::Sender::new(Phase::Serving),
            connections: Connections::default(),
            unsent: Arc::default(),
            jobs: Mutex::default(),
            ready: Notify::new(),
            running: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// The job waits for a thread; false where too many do.
    pub fn submit(&self, job: Job) -> bool {
        {
            let mut jobs = self.jobs.lock().unwrap();
            let taken = jobs.len() + self.running.load(Ordering::SeqCst);
            if taken >= self.limits.calls && !matches!(job.work, Work::Ended(_)) {
                return false;
            }
            jobs.push_back(job);
        }
        self.ready.notify_one();
        true
    }

    /// For the leader: the next job, and it counts as running; None once the front is closed.
    pub async fn next(&self) -> Option<Job> {
        let mut let_others_run = true;
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return None;
            }
            if self.running.load(Ordering::SeqCst) < self.limits.running && !self.jobs.lock().unwrap().is_empty() {
                if !let_others_run {
                    if let Some(job) = self.jobs.lock().unwrap().pop_front() {
                        self.running.fetch_add(1, Ordering::SeqCst);
                        return Some(job);
                    }
                }
                // Answers are written and requests read before the next call is answered.
                let_others_run = false;
                tokio::task::yield_now().await;
                continue;
            }
            self.ready.notified().await;
        }
    }

    /// A job that `next` gave has ended.
    pub fn ended(&self) {
        if self.running.fetch_sub(1, Ordering::SeqCst) == self.limits.running {
            self.ready.notify_one();
        }
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.turns.close();
        self.ready.notify_one();
    }
}

/// How many connections are open.
#[derive(Default)]
pub struct Connections {
    open: Mutex<usize>,
    changed: Condvar,
}

impl Connections {
    /// False where `most` are open already.
    pub fn enter(&self, most: usize) -> bool {
        let mut open = self.open.lock().unwrap();
        if *open >= most {
            return false;
        }
        *open += 1;
        true
    }

    pub fn leave(&self) {
        *self.open.lock().unwrap() -= 1;
        self.changed.notify_all();
    }

    /// Waits until none is open; false where that takes longer than `most`.
    pub fn wait_none(&self, most: Duration) -> bool {
        let open = self.open.lock().unwrap();
        !self.changed.wait_timeout_while(open, most, |open| *open > 0).unwrap().1.timed_out()
    }
}
