//! Which calls workers answer, so that several processes are busy though one has all connections.
//!
//! A call goes to the least busy process. While calls come one at a time, the leader answers them in place: the way to
//! a worker and back costs more than it gains. A worker gets up to two calls beyond the one that it answers only where as
//! many others wait, so that it has something to do while the leader answers a call itself.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use std::{io, mem};

use crate::frames::Reply;
use crate::peer::Peer;
use crate::shared::{Job, Method, Shared, Work};

/// After two calls at a time, how many more are taken to be among several.
const CROWD: u32 = 64;
/// How many calls a worker may have beyond the one that it answers, where as many others wait.
const AHEAD: usize = 2;
/// How many calls in a row must come while the one before is answered.
const HINTS: u32 = 2;
/// How often the leader looks for a second call after one that it answered alone, and after how many of these it does:
/// each look is a system call.
const LOOKS: u32 = 2;
const LOOKS_EVERY: u32 = 8;
/// More than any client of gRPC takes.
const MOST_REPLY_BYTES: usize = i32::MAX as usize;

/// A call that a worker answered: its method, the code of its status, how long it took in seconds.
pub type Outcome = (Arc<Method>, u32, f64);

#[derive(Default)]
pub struct Spread {
    peers: Mutex<Vec<Arc<Peer>>>,
    recalled: AtomicBool,
    crowd: AtomicU32,
    /// Set when the leader has answered a call alone: how often it had been interrupted by then.
    alone: Mutex<Option<i64>>,
    answered_alone: AtomicU32,
    hints: AtomicU32,
    /// Calls that workers have.
    away: Mutex<usize>,
    fewer_away: Condvar,
    outcomes: Mutex<Vec<Outcome>>,
}

impl Spread {
    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.peers.lock().unwrap().len()
    }

    pub fn away(&self) -> usize {
        *self.away.lock().unwrap()
    }

    /// Of what was answered since this was last asked.
    pub fn outcomes(&self) -> Vec<Outcome> {
        mem::take(&mut *self.outcomes.lock().unwrap())
    }

    /// The worker that should have the next call of `waiting`, where `busy` are being answered in this process and
    /// `running` more may be; None where the call should stay.
    pub fn choose(&self, waiting: usize, busy: usize, running: usize) -> Option<Arc<Peer>> {
        if self.recalled.load(Ordering::SeqCst) {
            return None;
        }
        let peers = self.peers.lock().unwrap();
        let (load, peer) = peers
            .iter()
            .filter_map(|peer| peer.load().filter(|load| *load < peer.most).map(|load| (load, peer)))
            .min_by_key(|(load, _)| *load)?;
        if load > busy + (waiting - 1).min(AHEAD) {
            return None;
        }
        if waiting == 1 && running == 0 && peers.iter().all(|peer| peer.load().is_none_or(|load| load == 0)) {
            let crowd = self.crowd.load(Ordering::SeqCst);
            if crowd == 0 {
                return None;
            }
            self.crowd.store(crowd - 1, Ordering::SeqCst);
        } else {
            self.crowd.store(CROWD, Ordering::SeqCst);
        }
        Some(peer.clone())
    }

    /// The leader has answered a call in place.
    pub fn answered_here(&self) {
        if self.crowd.load(Ordering::SeqCst) == 0
            && self.workers() > 0
            && self.answered_alone.fetch_add(1, Ordering::SeqCst) % LOOKS_EVERY == 0
        {
            *self.alone.lock().unwrap() = Some(interruptions());
        }
    }

    /// How often to look whether another call came while the last one was answered.
    pub fn looks(&self) -> u32 {
        if self.alone.lock().unwrap().is_some() { LOOKS } else { 0 }
    }

    /// What the leader saw after a call that it answered alone: whether another is there already. That means nothing where
    /// the leader was interrupted in between, since the same client then had the time to call again.
    pub fn saw(&self, another: bool) {
        let before = self.alone.lock().unwrap().take();
        let hints = if another { self.hints.load(Ordering::SeqCst) } else { 0 };
        let hints = hints + u32::from(another && before == Some(interruptions()));
        if hints >= HINTS {
            self.crowd.store(CROWD, Ordering::SeqCst);
        }
        self.hints.store(hints % HINTS, Ordering::SeqCst);
    }

    /// The worker has the call; it comes back where the worker is lost.
    pub fn give(&self, peer: &Peer, job: Job) -> Option<Job> {
        *self.away.lock().unwrap() += 1;
        let back = peer.send(job);
        if back.is_some() {
            self.came_back(1);
        }
        back
    }

    /// The client of a call has gone, which a worker may have.
    pub fn abandon(&self, gone: &Arc<AtomicBool>) {
        for peer in self.peers.lock().unwrap().iter() {
            peer.abandon(gone);
        }
    }

    fn came_back(&self, calls: usize) {
        let mut away = self.away.lock().unwrap();
        *away -= calls;
        if *away == 0 {
            self.fewer_away.notify_all();
        }
    }

    /// Workers get no more calls; whether they have answered those that they have, after `most`.
    pub fn recall(&self, most: Duration) -> bool {
        self.recalled.store(true, Ordering::SeqCst);
        let away = self.away.lock().unwrap();
        !self.fewer_away.wait_timeout_while(away, most, |away| *away > 0).unwrap().1.timed_out()
    }
}

/// A worker at the other end of `stream` may have `most` calls at a time, from now on. Within the front's runtime.
pub fn join(shared: &Arc<Shared>, stream: UnixStream, most: usize) -> io::Result<()> {
    let peer = Arc::new(Peer::new(stream, most)?);
    shared.spread.peers.lock().unwrap().push(peer.clone());
    tokio::spawn(serve(shared.clone(), peer));
    Ok(())
}

async fn serve(shared: Arc<Shared>, peer: Arc<Peer>) {
    let replies = peer.read(MOST_REPLY_BYTES, |job, reply, seconds| settle(&shared, job, reply, seconds));
    tokio::select! {
        () = replies => (),
        () = peer.write() => (),
    }
    shared.spread.peers.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &peer));
    let left = peer.lose();
    shared.spread.came_back(left.len());
    // They only read, so asking again is safe.
    for job in left.into_iter().rev() {
        shared.keep(job);
    }
}

fn settle(shared: &Shared, job: Job, reply: Reply, seconds: f64) {
    shared.spread.came_back(1);
    let answer = match reply {
        Reply::Passed => {
            shared.keep(job);
            return shared.hand_out();
        }
        Reply::Answered(message) => Ok(message),
        Reply::Refused(status) => Err(status),
    };
    let code = answer.as_ref().map_or_else(|status| status.code, |_| 0);
    shared.spread.outcomes.lock().unwrap().push((job.method.clone(), code, seconds));
    if let Work::Unary { reply, .. } = job.work {
        // Fails where the client no longer waits.
        let _ = reply.send(Some(answer));
    }
    shared.hand_out();
}

/// How often this thread had to leave its core to another, where the system counts that.
fn interruptions() -> i64 {
    #[cfg(target_os = "linux")]
    {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // The structure is the caller's, whole and zeroed.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        usage.ru_nivcsw as i64
    }
    #[cfg(not(target_os = "linux"))]
    0
}
