//! How much a front takes at a time, and how long it waits for its clients.

use std::time::Duration;

#[derive(Clone, Copy)]
pub struct Limits {
    /// Functions get the address of the client as a header.
    pub names_peers: bool,
    pub message_bytes: usize,
    pub header_bytes: u32,
    pub connections: usize,
    /// Of one address; any number of this machine.
    pub address_connections: usize,
    /// How long one without calls stays.
    pub connection_idle: Duration,
    pub handshake_timeout: Duration,
    pub streams_per_connection: u32,
    /// Calls at a time: those being answered, and those that wait for a thread.
    pub calls: usize,
    /// Calls being answered at a time.
    pub running: usize,
    pub keepalive: Duration,
    pub keepalive_timeout: Duration,
    /// Calls whose message is on its way.
    pub arriving: usize,
    /// Of the messages of all calls that have not been answered.
    pub bytes_under_way: usize,
    /// How long a unary call's message may take.
    pub message_timeout: Duration,
    /// How long a client may take for its part of the handshake, and between two parts of a message.
    pub patience: Duration,
}
