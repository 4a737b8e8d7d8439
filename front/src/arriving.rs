//! Messages of requests on their way: how many calls wait for theirs, and how many bytes are held in all.
//!
//! So that clients that begin calls and send nothing, or stop in between, keep no one else out: beyond so many calls the
//! oldest is cut off, and where bytes are short, one of which nothing came for a while. Small messages are always taken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

/// Of one message, however many bytes are held.
const SMALL: usize = 64 << 10;
/// A message of which nothing came for so long gives way.
const STALLED: Duration = Duration::from_secs(2);
/// How often, and how many times, to look whether there is room; at every so many looks a stalled message gives way.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: u32 = 150;
const CUT_EVERY: u32 = 5;

pub struct Arriving {
    most_calls: usize,
    most_bytes: usize,
    bytes: AtomicUsize,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    next: u64,
    /// The oldest first.
    waiting: BTreeMap<u64, Arc<Holding>>,
    /// Streams that have a part of a message, which do not count.
    streams: BTreeMap<u64, Arc<Holding>>,
}

/// What one call holds, until it is dropped.
pub struct Holding {
    all: Arc<Arriving>,
    bytes: AtomicUsize,
    /// When something came for the last time.
    since: Mutex<Instant>,
    cut: Notify,
}

/// A call that waits for its message, until it is dropped.
pub struct Waiting {
    number: u64,
    holding: Arc<Holding>,
}

impl Arriving {
    pub fn new(most_calls: usize, most_bytes: usize) -> Self {
        Self { most_calls, most_bytes, bytes: AtomicUsize::new(0), calls: Mutex::default() }
    }

    pub fn hold(self: &Arc<Self>) -> Arc<Holding> {
        Arc::new(Holding {
            all: self.clone(),
            bytes: AtomicUsize::new(0),
            since: Mutex::new(Instant::now()),
            cut: Notify::new(),
        })
    }

    /// Cuts off the call of which nothing came for the longest time.
    fn cut_stalled(&self) {
        let mut calls = self.calls.lock().unwrap();
        let stalled = calls
            .waiting
            .iter()
            .chain(&calls.streams)
            .filter(|(_, holding)| holding.bytes.load(Ordering::Relaxed) > SMALL)
            .map(|(number, holding)| (*holding.since.lock().unwrap(), *number))
            .min();
        let Some((since, number)) = stalled else { return };
        if since.elapsed() >= STALLED {
            let found = calls.waiting.remove(&number);
            if let Some(holding) = found.or_else(|| calls.streams.remove(&number)) {
                holding.cut.notify_one();
            }
        }
    }
}

impl Holding {
    /// For the next message.
    pub fn next(&self) -> Arc<Self> {
        self.all.hold()
    }

    /// So many bytes more, which are there already; false where they are too many.
    pub fn grow(&self, bytes: usize) -> bool {
        let own = self.bytes.load(Ordering::Relaxed) + bytes;
        let all = self.all.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > self.all.most_bytes && own > SMALL {
            self.all.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes.store(own, Ordering::Relaxed);
        true
    }

    /// As `grow`, of what has just come; makes room, or with `patient` waits for it.
    pub async fn receive(&self, bytes: usize, patient: bool) -> bool {
        *self.since.lock().unwrap() = Instant::now();
        let mut looks = 0;
        while !self.grow(bytes) {
            if looks % CUT_EVERY == 0 {
                self.all.cut_stalled();
            }
            looks += 1;
            if looks > LOOKS && !patient {
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
        true
    }

    /// The call waits for its message; beyond so many, the one that has waited for the longest is cut off.
    pub fn wait(self: &Arc<Self>) -> Waiting {
        let mut calls = self.all.calls.lock().unwrap();
        while calls.waiting.len() >= self.all.most_calls {
            if let Some((_, oldest)) = calls.waiting.pop_first() {
                oldest.cut.notify_one();
            }
        }
        calls.next += 1;
        let number = calls.next;
        calls.waiting.insert(number, self.clone());
        Waiting { number, holding: self.clone() }
    }

    /// As `wait`, for a stream of whose message a part has come.
    pub fn wait_apart(self: &Arc<Self>) -> Waiting {
        let mut calls = self.all.calls.lock().unwrap();
        calls.next += 1;
        let number = calls.next;
        calls.streams.insert(number, self.clone());
        Waiting { number, holding: self.clone() }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

impl Waiting {
    /// Returns once the call has to end without its message.
    pub async fn cut(&self) {
        self.holding.cut.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut calls = self.holding.all.calls.lock().unwrap();
        if calls.waiting.remove(&self.number).is_none() {
            calls.streams.remove(&self.number);
        }
    }
}
