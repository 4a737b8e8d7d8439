//! The connections that are open. Where there are too many, the one that has been without calls for the longest time
//! gives way to the next, so that connections which are only kept open keep no one out.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::flow::Flow;

#[derive(Default)]
pub struct OpenConnections {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, Arc<Flow>>,
    /// Those that gave way and have not ended yet.
    leaving: usize,
}

impl State {
    fn count(&self) -> usize {
        self.open.len() + self.leaving
    }

    /// Lets the one without calls for the longest time leave, of those that `among` chooses; whether there is one.
    fn make_room(&mut self, among: impl Fn(&Flow) -> bool) -> bool {
        let idle = self.open.iter().filter(|(_, flow)| flow.is_idle() && among(flow));
        let Some(number) = idle.min_by_key(|(_, flow)| flow.idle_since()).map(|(number, _)| *number) else {
            return false;
        };
        if let Some(flow) = self.open.remove(&number) {
            self.leaving += 1;
            flow.leave.notify_one();
        }
        true
    }
}

impl OpenConnections {
    /// A number for `leave`; None where `most` are open, or `most_of_address` of its address, and all have calls.
    pub fn enter(&self, flow: &Arc<Flow>, most: usize, most_of_address: usize) -> Option<u64> {
        let mut state = self.state.lock().unwrap();
        let address = flow.address;
        if !address.is_loopback() && state.open.len() >= most_of_address {
            let own = state.open.values().filter(|other| other.address == address).count();
            if own >= most_of_address && !state.make_room(|other| other.address == address) {
                return None;
            }
        }
        if state.open.len() >= most && !state.make_room(|_| true) {
            return None;
        }
        state.next += 1;
        let number = state.next;
        state.open.insert(number, flow.clone());
        Some(number)
    }

    pub fn leave(&self, number: u64) {
        let mut state = self.state.lock().unwrap();
        if state.open.remove(&number).is_none() {
            state.leaving -= 1;
        }
        self.changed.notify_all();
    }

    /// Waits until none is open; false where that takes longer than `most`.
    pub fn wait_none(&self, most: Duration) -> bool {
        let state = self.state.lock().unwrap();
        !self.changed.wait_timeout_while(state, most, |state| state.count() > 0).unwrap().1.timed_out()
    }
}
