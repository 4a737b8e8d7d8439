//! What the threads of a front share: its methods, limits, and the jobs that wait for a thread.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use pyo3::prelude::*;
use tokio::sync::{Notify, oneshot, watch};

use crate::arriving::Arriving;
use crate::flow::Flow;
use crate::limits::Limits;
use crate::open_connections::OpenConnections;
use crate::packed::Message;
use crate::spread::Spread;
use crate::status::{DEADLINE_EXCEEDED, Status};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::turns::Turns;

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Answered by the leader.
    Short,
    /// Short, and it only reads: workers may answer it too.
    Spread,
    /// The thread that answers it lets another lead first.
    Long,
    /// Messages come and go while it runs.
    Stream,
}

pub struct Method {
    pub path: String,
    pub kind: Kind,
    pub answer: Py<PyAny>,
    /// Says by path and headers whether a call is refused, whatever its message is.
    pub admit: Option<Py<PyAny>>,
}

/// The ASCII headers that a client added to those of gRPC and HTTP/2.
pub type Headers = Vec<(String, String)>;

/// What a unary call gets; None where it has to wait until its client has taken other answers.
pub type Reply = oneshot::Sender<Option<Result<Bytes, Status>>>;

/// The answer of a unary call, on its way to what sends it.
pub struct Answered {
    pub answer: Result<Bytes, Status>,
    pub reply: Reply,
}

impl Answered {
    /// To nowhere where the client is gone.
    pub fn send(self) {
        let _ = self.reply.send(Some(self.answer));
    }
}

pub enum Work {
    Unary {
        message: Message,
        flow: Arc<Flow>,
        reply: Reply,
    },
    Stream(Stream),
    /// Whether the call is refused, before its message is received.
    Admit(oneshot::Sender<Result<(), Status>>),
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
    /// No worker may have it.
    pub stays: bool,
}

impl Job {
    pub fn new(
        method: Arc<Method>,
        headers: Arc<Headers>,
        deadline: Option<Instant>,
        gone: Arc<AtomicBool>,
        work: Work,
    ) -> Self {
        let whole = matches!(&work, Work::Unary { message, .. } if message.packed.is_none());
        let stays = method.kind != Kind::Spread || !whole;
        Self { method, headers, deadline, gone, work, stays }
    }

    pub fn is_short(&self) -> bool {
        match self.work {
            Work::Ended(_) => true,
            // It may wait for an identity provider.
            Work::Admit(_) => false,
            _ => matches!(self.method.kind, Kind::Short | Kind::Spread),
        }
    }

    pub fn is_unary(&self) -> bool {
        matches!(self.work, Work::Unary { .. })
    }

    /// The job, where it can be done now. A call whose client is gone is dropped, one that is late is refused, and one
    /// whose client has to take other answers first is put off.
    pub fn due(self) -> Option<Self> {
        if self.gone.load(Ordering::SeqCst) && !matches!(self.work, Work::Ended(_)) {
            return None;
        }
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        match self.work {
            Work::Unary { flow, reply, .. } if !flow.has_room() => {
                let _ = reply.send(None);
                None
            }
            Work::Unary { reply, .. } if late => {
                let status = Status::new(DEADLINE_EXCEEDED, "the deadline of the call passed before it was answered");
                let _ = reply.send(Some(Err(status)));
                None
            }
            work => Some(Self { work, ..self }),
        }
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
    pub connections: OpenConnections,
    /// Bytes of answers, of all connections.
    pub unsent: Arc<AtomicUsize>,
    pub spread: Spread,
    pub arriving: Arc<Arriving>,
    pub tls: Tls,
    jobs: Mutex<VecDeque<Job>>,
    ready: Notify,
    /// Jobs that threads have.
    running: AtomicUsize,
    /// Those of them that are unary calls.
    answering: AtomicUsize,
    closed: AtomicBool,
}

impl Shared {
    pub fn new(methods: HashMap<String, Arc<Method>>, limits: Limits, spread: Spread, tls: Tls) -> Self {
        Self {
            methods,
            limits,
            turns: Turns::new(),
            phase: watch::Sender::new(Phase::Serving),
            connections: OpenConnections::default(),
            unsent: Arc::default(),
            spread,
            arriving: Arc::new(Arriving::new(limits.arriving, limits.bytes_under_way)),
            tls,
            jobs: Mutex::default(),
            ready: Notify::new(),
            running: AtomicUsize::new(0),
            answering: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// The job waits for a thread or a worker; false where too many do.
    pub fn submit(&self, job: Job) -> bool {
        {
            let mut jobs = self.jobs.lock().unwrap();
            let taken = jobs.len() + self.running.load(Ordering::SeqCst) + self.spread.away();
            if taken >= self.limits.calls && !matches!(job.work, Work::Ended(_)) {
                return false;
            }
            jobs.push_back(job);
        }
        self.hand_out();
        self.ready.notify_one();
        true
    }

    /// The job, which a worker had, is the next that a thread gets.
    pub fn keep(&self, job: Job) {
        self.jobs.lock().unwrap().push_front(Job { stays: true, ..job });
        self.ready.notify_one();
    }

    /// Gives workers those of the waiting calls that they should have.
    pub fn hand_out(&self) {
        if self.spread.workers() == 0 {
            return;
        }
        loop {
            let mut jobs = self.jobs.lock().unwrap();
            let Some(place) = jobs.iter().position(|job| !job.stays) else { return };
            let answering = self.answering.load(Ordering::SeqCst);
            let running = self.running.load(Ordering::SeqCst);
            let Some(peer) = self.spread.choose(jobs.len(), answering, running) else { return };
            let Some(job) = jobs.remove(place) else { return };
            drop(jobs);
            if let Some(job) = job.due().and_then(|job| self.spread.give(&peer, job)) {
                self.keep(job);
            }
        }
    }

    /// For the leader: the next job, and it counts as running; None once the front is closed. `answered` is sent first:
    /// within the runtime, where that needs no system call to wake it.
    pub async fn next(&self, answered: Option<Answered>) -> Option<Job> {
        if let Some(answered) = answered {
            answered.send();
        }
        let mut let_others_run = true;
        let mut looks = self.spread.looks();
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return None;
            }
            if self.running.load(Ordering::SeqCst) < self.limits.running && !self.jobs.lock().unwrap().is_empty() {
                if looks > 0 {
                    looks = 0;
                    self.spread.saw(true);
                    self.hand_out();
                    continue;
                }
                if !let_others_run {
                    if let Some(job) = self.jobs.lock().unwrap().pop_front() {
                        self.running.fetch_add(1, Ordering::SeqCst);
                        self.answering.fetch_add(usize::from(job.is_unary()), Ordering::SeqCst);
                        return Some(job);
                    }
                }
                // Answers are written and requests read before the next call is answered.
                let_others_run = false;
                tokio::task::yield_now().await;
                continue;
            }
            if looks > 0 {
                looks -= 1;
                if looks == 0 {
                    self.spread.saw(false);
                }
                tokio::task::yield_now().await;
                continue;
            }
            self.ready.notified().await;
            // Which they did meanwhile.
            let_others_run = false;
        }
    }

    /// A job that `next` gave has ended.
    pub fn ended(&self, unary: bool) {
        self.answering.fetch_sub(usize::from(unary), Ordering::SeqCst);
        if self.running.fetch_sub(1, Ordering::SeqCst) == self.limits.running {
            self.ready.notify_one();
        }
    }

    /// A unary call that `ended` was said of, because it waits for another server, is answered on.
    pub fn resumed(&self) {
        self.answering.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.turns.close();
        self.ready.notify_one();
    }
}
