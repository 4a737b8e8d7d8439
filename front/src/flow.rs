//! The bytes of answers that clients have not taken yet. A client that asks and does not read gets no more answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Instant;

use tokio::sync::Notify;

/// Of one connection; one answer may go beyond it.
const MOST_UNSENT: usize = 16 << 20;
/// Of all connections: beyond it, those that have anything unsent wait.
const MOST_UNSENT_OF_ALL: usize = 1 << 30;

/// Of one connection.
pub struct Flow {
    unsent: AtomicUsize,
    written: AtomicUsize,
    /// How many are open.
    calls: AtomicUsize,
    of_all: Arc<AtomicUsize>,
    less: Notify,
    /// How often everything was sent.
    drained: AtomicUsize,
    idle_since: Mutex<Instant>,
    /// The client's.
    pub address: IpAddr,
    /// The connection, which has no calls, has to end.
    pub leave: Notify,
}

impl Flow {
    pub fn new(of_all: Arc<AtomicUsize>, address: IpAddr) -> Self {
        Self {
            address,
            leave: Notify::new(),
            drained: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            unsent: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            of_all,
            less: Notify::new(),
        }
    }

    /// Waits until the client has taken most of its answers.
    pub async fn room(&self) {
        while !self.has_room() {
            self.less.notified().await;
        }
    }

    pub fn has_room(&self) -> bool {
        let unsent = self.unsent.load(Ordering::Relaxed);
        unsent < MOST_UNSENT && (unsent == 0 || self.of_all.load(Ordering::Relaxed) < MOST_UNSENT_OF_ALL)
    }

    /// A call is open until what this returns is dropped.
    pub fn begin(self: &Arc<Self>) -> Open {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// Waits until no call is open and everything is sent.
    pub async fn idle(&self) {
        while !self.is_idle() {
            self.less.notified().await;
        }
    }

    pub fn is_idle(&self) -> bool {
        self.calls.load(Ordering::Relaxed) == 0 && self.unsent.load(Ordering::Relaxed) == 0
    }

    /// An answer of so many bytes is about to be sent.
    pub fn hand(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Ordering::Relaxed);
        self.of_all.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How much has been written so far, and how often that was all, if something is still unsent.
    pub fn stuck_at(&self) -> Option<(usize, usize)> {
        let at = || (self.written.load(Ordering::Relaxed), self.drained.load(Ordering::Relaxed));
        (self.unsent.load(Ordering::Relaxed) > 0).then(at)
    }

    /// When the last call ended, or the connection was made.
    pub fn idle_since(&self) -> Instant {
        *self.idle_since.lock().unwrap()
    }

    /// What else is written, such as headers, counts as well: less seems unsent than is, by a little.
    pub fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
        let unsent = self.unsent.load(Ordering::Relaxed);
        let sent = bytes.min(unsent);
        if sent > 0 {
            self.unsent.store(unsent - sent, Ordering::Relaxed);
            self.of_all.fetch_sub(sent, Ordering::Relaxed);
            if sent == unsent {
                self.drained.fetch_add(1, Ordering::Relaxed);
            }
            self.less.notify_waiters();
        }
    }
}

/// An open call.
pub struct Open(Arc<Flow>);

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.idle_since.lock().unwrap() = Instant::now();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
        self.0.less.notify_waiters();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.of_all.fetch_sub(*self.unsent.get_mut(), Ordering::Relaxed);
    }
}
