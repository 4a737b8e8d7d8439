//! Connections: accepted, kept alive while their clients are, and ended when the front closes.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::calls;
use crate::flow::{Counted, Flow};
use crate::shared::{Limits, Phase, Shared};

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const MOST_FRAME_BYTES: u32 = 1 << 20;
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
            Ok((socket, _)) => {
                if shared.connections.enter(shared.limits.connections) {
                    tokio::spawn(serve(shared.clone(), socket));
                }
            }
        }
    }
}

/// Counts the connection as open for as long as it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.leave();
    }
}

async fn serve(shared: Arc<Shared>, socket: TcpStream) {
    let open = Open(shared.clone());
    let limits = shared.limits;
    // Answers are small and whole: waiting for more would only delay them. A socket that refuses is closed already.
    let _ = socket.set_nodelay(true);
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MOST_FRAME_BYTES)
        .max_header_list_size(limits.header_bytes)
        .max_concurrent_streams(limits.streams_per_connection);
    let flow = Arc::new(Flow::new(shared.unsent.clone()));
    let socket = Counted { socket, flow: flow.clone() };
    let (mut closing, mut cut) = (shared.phase.subscribe(), shared.phase.subscribe());
    let mut connection = tokio::select! {
        greeted = timeout(limits.patience, builder.handshake::<_, Bytes>(socket)) => match greeted {
            Ok(Ok(connection)) => connection,
            _ => return,
        },
        _ = closing.wait_for(|phase| *phase >= Phase::Closing) => return,
    };
    let (dead, mut died) = oneshot::channel();
    let pings = connection.ping_pong().map(|pings| tokio::spawn(keep_alive(pings, flow.clone(), limits, dead)));
    let mut announced = false;
    loop {
        tokio::select! {
            biased;
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    tokio::spawn(calls::serve(shared.clone(), flow.clone(), request, respond));
                }
                _ => break,
            },
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
            _ = &mut died => break,
        }
    }
    if let Some(pings) = pings {
        pings.abort();
    }
    drop(connection);
    drop(open);
}

/// Pings the client now and then; drops `dead` where it does not answer, or took nothing of what it asked for meanwhile.
async fn keep_alive(mut pings: PingPong, flow: Arc<Flow>, limits: Limits, dead: oneshot::Sender<()>) {
    loop {
        let before = flow.stuck_at();
        sleep(limits.keepalive).await;
        let is_stuck = before.is_some() && flow.stuck_at() == before;
        if is_stuck || !matches!(timeout(limits.keepalive_timeout, pings.ping(Ping::opaque())).await, Ok(Ok(_))) {
            drop(dead);
            return;
        }
    }
}
