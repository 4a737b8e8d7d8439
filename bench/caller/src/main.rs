//! `caller PORT PATH FILE CALLERS CONNECTIONS CALLS` calls a gRPC method of a server of this machine, on one thread:
//! so many callers, one call at a time each, share so many connections and make so many calls together.
//!
//! `FILE` holds the requests, which are sent in turn: a `u32` of its length in little-endian order before each. Prints
//! one line of JSON: `wall_s`, the process's own `cpu_s`, `failed`, and `took_s` with the seconds of each call.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{self, SendRequest};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WINDOW: u32 = 4 << 20;

/// What the callers share.
struct Run {
    uri: String,
    messages: Vec<Bytes>,
    left: RefCell<usize>,
    next: RefCell<usize>,
    took_s: RefCell<Vec<f64>>,
    failed: RefCell<usize>,
}

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().collect();
    let [_, port, path, file, callers, connections, calls] = given.as_slice() else {
        return Err("caller PORT PATH FILE CALLERS CONNECTIONS CALLS".into());
    };
    let port: u16 = port.parse()?;
    let run = Rc::new(Run {
        uri: format!("http://127.0.0.1:{port}{path}"),
        messages: messages(&std::fs::read(file)?)?,
        left: RefCell::new(calls.parse()?),
        next: RefCell::new(0),
        took_s: RefCell::default(),
        failed: RefCell::default(),
    });
    let (callers, connections): (usize, usize) = (callers.parse()?, connections.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, call_all(run, port, callers, connections.max(1)))
}

/// Each with the five bytes that gRPC puts before a message.
fn messages(mut data: &[u8]) -> Result<Vec<Bytes>> {
    let mut found = Vec::new();
    while let Some((size, rest)) = data.split_first_chunk::<4>() {
        let size = u32::from_le_bytes(*size);
        let (message, rest) = rest.split_at_checked(size as usize).ok_or("the file ends within a request")?;
        let mut framed = BytesMut::with_capacity(5 + message.len());
        framed.put_u8(0);
        framed.put_u32(size);
        framed.put_slice(message);
        found.push(framed.freeze());
        data = rest;
    }
    if found.is_empty() { Err("the file holds no request".into()) } else { Ok(found) }
}

async fn call_all(run: Rc<Run>, port: u16, callers: usize, connections: usize) -> Result<()> {
    let mut senders = Vec::new();
    for _ in 0..connections {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .handshake::<_, Bytes>(socket)
            .await?;
        spawn_local(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended: {error}");
            }
        });
        senders.push(sender);
    }
    let (began, before_s) = (Instant::now(), cpu_s()?);
    let tasks: Vec<_> =
        (0..callers).map(|n| spawn_local(keep_calling(run.clone(), senders[n % connections].clone()))).collect();
    for task in tasks {
        task.await?.map_err(|error| format!("a call failed: {error}"))?;
    }
    let (wall_s, used_s) = (began.elapsed().as_secs_f64(), cpu_s()? - before_s);
    let took_s: Vec<String> = run.took_s.borrow().iter().map(|one| format!("{one:.6}")).collect();
    println!(
        "{{\"wall_s\": {wall_s}, \"cpu_s\": {used_s}, \"failed\": {}, \"took_s\": [{}]}}",
        run.failed.borrow(),
        took_s.join(",")
    );
    Ok(())
}

/// One call after the other, until all that were asked for are made.
async fn keep_calling(run: Rc<Run>, mut sender: SendRequest<Bytes>) -> std::result::Result<(), h2::Error> {
    loop {
        if *run.left.borrow() == 0 {
            return Ok(());
        }
        *run.left.borrow_mut() -= 1;
        let place = run.next.replace_with(|next| *next + 1) % run.messages.len();
        let began = Instant::now();
        sender = sender.ready().await?;
        let request = http::Request::post(&run.uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a valid request");
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(run.messages[place].clone(), true)?;
        let response = response.await?;
        let mut status = response.headers().get("grpc-status").cloned();
        let mut stream = response.into_body();
        while let Some(data) = stream.data().await {
            let _ = stream.flow_control().release_capacity(data?.len());
        }
        if let Some(trailers) = stream.trailers().await? {
            status = trailers.get("grpc-status").cloned().or(status);
        }
        run.took_s.borrow_mut().push(began.elapsed().as_secs_f64());
        if status.is_none_or(|code| code != "0") {
            *run.failed.borrow_mut() += 1;
        }
    }
}

/// Of this process so far: the nanoseconds that Linux has run it.
fn cpu_s() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let ns: f64 = text.split_whitespace().next().ok_or("no time in schedstat")?.parse()?;
    Ok(ns / 1e9)
}
