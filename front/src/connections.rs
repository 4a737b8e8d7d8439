//! Connections: accepted, kept alive while their clients are, and ended when the front closes.

use std::future::poll_fn;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::calls;
use crate::flow::Flow;
use crate::gathered::Gathered;
use crate::limits::Limits;
use crate::shared::{Phase, Shared};

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const MOST_FRAME_BYTES: u32 = 1 << 20;
/// Of answers that wait for a client, by the time that it is pinged again.
const LEAST_TAKEN: usize = 16 << 10;
/// After an error of `accept`, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a connection without calls stays when the front closes: for the last bytes, and requests on their way.
const LINGER: Duration = Duration::from_millis(50);

pub async fn accept(shared: Arc<Shared>, listener: StdListener) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut phase = shared.phase.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.wait_for(|phase| *phase >= Phase::Closing) => return,
        };
        match accepted {
            Err(_) => sleep(PAUSE).await,
            Ok((socket, peer)) => {
                let flow = Arc::new(Flow::new(shared.unsent.clone(), peer.ip()));
                let limits = shared.limits;
                if let Some(number) = shared.connections.enter(&flow, limits.connections, limits.address_connections) {
                    let open = Open { shared: shared.clone(), number };
                    tokio::spawn(greet(shared.clone(), socket, flow, open));
                }
            }
        }
    }
}

/// Counts the connection as open for as long as it lives.
struct Open {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.connections.leave(self.number);
    }
}

/// The handshake of TLS, where there is one.
async fn greet(shared: Arc<Shared>, socket: TcpStream, flow: Arc<Flow>, open: Open) {
    // Answers are small and whole: waiting for more would only delay them. A socket that refuses is closed already.
    let _ = socket.set_nodelay(true);
    let mut closing = shared.phase.subscribe();
    match shared.tls.accept(socket) {
        Err(socket) => serve(shared, socket, flow, open).await,
        Ok(handshake) => {
            let greeted = tokio::select! {
                greeted = timeout(shared.limits.handshake_timeout, handshake) => greeted,
                _ = closing.wait_for(|phase| *phase >= Phase::Closing) => return,
                () = flow.leave.notified() => return,
            };
            if let Ok(Ok(encrypted)) = greeted {
                serve(shared, encrypted, flow, open).await;
            }
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: Arc<Shared>, socket: S, flow: Arc<Flow>, open: Open) {
    let limits = shared.limits;
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MOST_FRAME_BYTES)
        .max_header_list_size(limits.header_bytes)
        .max_concurrent_streams(limits.streams_per_connection);
    let socket = Gathered::new(socket, flow.clone());
    let (mut closing, mut cut) = (shared.phase.subscribe(), shared.phase.subscribe());
    let mut connection = tokio::select! {
        greeted = timeout(limits.handshake_timeout, builder.handshake::<_, Bytes>(socket.clone())) => match greeted {
            Ok(Ok(connection)) => connection,
            _ => return,
        },
        _ = closing.wait_for(|phase| *phase >= Phase::Closing) => return,
        () = flow.leave.notified() => return,
    };
    socket.gather();
    let (dead, mut died) = oneshot::channel();
    let pings = connection.ping_pong().map(|pings| tokio::spawn(keep_alive(pings, flow.clone(), limits, dead)));
    let mut announced = false;
    let (mut leaving, mut idle) = (pin!(flow.leave.notified()), pin!(idle_for(&flow, limits.connection_idle)));
    loop {
        tokio::select! {
            biased;
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    tokio::spawn(calls::serve(shared.clone(), flow.clone(), request, respond));
                }
                _ => break,
            },
            // After the turn above, which has written whatever there is to say.
            () = poll_fn(|context| match socket.poll_send(context) {
                Poll::Ready(Err(_)) => Poll::Ready(()),
                _ => Poll::Pending,
            }) => break,
            _ = closing.wait_for(|phase| *phase >= Phase::Closing), if !announced => {
                announced = true;
                connection.graceful_shutdown();
            }
            () = async { flow.idle().await; sleep(LINGER).await }, if announced => {
                if flow.is_idle() {
                    break;
                }
            }
            _ = cut.wait_for(|phase| *phase == Phase::Cut) => break,
            () = &mut leaving => break,
            () = &mut idle, if !announced => {
                announced = true;
                connection.graceful_shutdown();
            }
            _ = &mut died => break,
        }
    }
    if let Some(pings) = pings {
        pings.abort();
    }
    drop((connection, socket));
    drop(open);
}

/// Returns once there was no call for so long.
async fn idle_for(flow: &Flow, most: Duration) {
    loop {
        let left = if flow.is_idle() { most.saturating_sub(flow.idle_since().elapsed()) } else { most };
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// Pings the client now and then; drops `dead` where it does not answer, or hardly anything of what it asked for meanwhile.
async fn keep_alive(mut pings: PingPong, flow: Arc<Flow>, limits: Limits, dead: oneshot::Sender<()>) {
    loop {
        let before = flow.stuck_at();
        sleep(limits.keepalive).await;
        let is_stuck = match (before, flow.stuck_at()) {
            (Some((before, drained)), Some((now, still))) => drained == still && now - before < LEAST_TAKEN,
            _ => false,
        };
        if is_stuck || !matches!(timeout(limits.keepalive_timeout, pings.ping(Ping::opaque())).await, Ok(Ok(_))) {
            drop(dead);
            return;
        }
    }
}
