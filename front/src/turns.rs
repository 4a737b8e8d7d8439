//! Who leads. Of the threads that serve a front, one at a time drives the connections and answers short calls itself,
//! without a hand-over to another thread: it leads. It stops leading before a call that is known to be long, and when
//! a watching thread finds that a call has taken longer than `PATIENCE`, which then lets another thread lead.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long a call may keep the connections waiting before the watching thread notices.
const PATIENCE: Duration = Duration::from_millis(1);
/// How often that thread looks: each look costs CPU, as much as some short calls would add up to.
const LOOKS_EVERY: Duration = Duration::from_millis(3);
/// How often in a row it finds nothing to do before it sleeps.
const IDLE_LOOKS: u32 = 5;

#[derive(Default)]
struct State {
    led: bool,
    closed: bool,
}

pub struct Turns {
    origin: Instant,
    /// When the leader began the call that it answers, in ns since `origin`; 0 while it answers none.
    began: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
    watcher: OnceLock<Thread>,
    watcher_sleeps: AtomicBool,
}

impl Turns {
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            began: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
            watcher: OnceLock::new(),
            watcher_sleeps: AtomicBool::new(false),
        }
    }

    /// Waits until this thread leads; false once the front is closed.
    pub fn lead(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        while state.led && !state.closed {
            state = self.changed.wait(state).unwrap();
        }
        state.led = true;
        !state.closed
    }

    /// Another thread may lead.
    pub fn pass(&self) {
        self.state.lock().unwrap().led = false;
        self.changed.notify_one();
    }

    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
        self.changed.notify_all();
        if let Some(watcher) = self.watcher.get() {
            watcher.unpark();
        }
    }

    /// The leader begins to answer a call; returns what `end` takes.
    pub fn begin(&self) -> u64 {
        let ticket = self.now();
        self.began.store(ticket, Ordering::SeqCst);
        if self.watcher_sleeps.load(Ordering::SeqCst) {
            if let Some(watcher) = self.watcher.get() {
                watcher.unpark();
            }
        }
        ticket
    }

    /// The call has ended; whether this thread still leads.
    pub fn end(&self, ticket: u64) -> bool {
        self.began.compare_exchange(ticket, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Runs until `close`: passes the lead on where the leader answers a call for too long.
    pub fn watch(&self) {
        self.watcher.set(thread::current()).expect("one thread watches");
        let mut idle = 0;
        while !self.state.lock().unwrap().closed {
            let began = self.began.load(Ordering::SeqCst);
            if began == 0 {
                idle += 1;
                if idle < IDLE_LOOKS {
                    thread::sleep(LOOKS_EVERY);
                    continue;
                }
                self.watcher_sleeps.store(true, Ordering::SeqCst);
                if self.began.load(Ordering::SeqCst) == 0 {
                    thread::park();
                }
                self.watcher_sleeps.store(false, Ordering::SeqCst);
                idle = 0;
                continue;
            }
            idle = 0;
            let waited = self.now() - began;
            if waited >= PATIENCE.as_nanos() as u64 {
                if self.began.compare_exchange(began, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                    self.pass();
                }
            } else {
                thread::sleep(LOOKS_EVERY);
            }
        }
    }

    /// In ns since `origin`, never 0.
    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64 + 1
    }
}
