//! One call: its head is checked, its messages are read, a job is made of it, and the answer is sent.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use tokio::sync::{mpsc, oneshot};

use crate::flow::Flow;
use crate::messages::Messages;
use crate::replies::{self, Respond};
use crate::shared::{Headers, Job, Kind, Method, Shared, Work};
use crate::status::{DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED, Status, UNAVAILABLE, UNIMPLEMENTED};
use crate::stream::{Listeners, Stream, WAITING};

pub async fn serve(shared: Arc<Shared>, flow: Arc<Flow>, request: Request<RecvStream>, respond: Respond) {
    let _open = flow.begin();
    let (head, body) = request.into_parts();
    let content_type = head.headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
    if head.method != http::Method::POST {
        return replies::reject(respond, StatusCode::METHOD_NOT_ALLOWED);
    }
    if !content_type.starts_with(b"application/grpc") || content_type.starts_with(b"application/grpc-web") {
        return replies::reject(respond, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Some(method) = shared.methods.get(head.uri.path()).cloned() else {
        let message = format!("there is no method {}", head.uri.path());
        return replies::refuse(respond, &Status::new(UNIMPLEMENTED, message));
    };
    let patience = (method.kind != Kind::Stream).then_some(shared.limits.patience);
    let messages = match Messages::new(body, &head.headers, shared.limits.message_bytes, patience) {
        Ok(messages) => messages,
        Err(status) => return replies::refuse(respond, &status),
    };
    if method.kind == Kind::Stream {
        stream(&shared, method, head, messages, respond).await;
    } else {
        unary(&shared, &flow, method, head, messages, respond).await;
    }
}

async fn unary(
    shared: &Shared,
    flow: &Arc<Flow>,
    method: Arc<Method>,
    head: Parts,
    mut messages: Messages,
    mut respond: Respond,
) {
    let deadline = deadline(&head.headers);
    let message = match messages.only().await {
        Ok(message) => message,
        Err(status) => return replies::refuse(respond, &status),
    };
    let headers = Arc::new(own(&head.headers));
    let gone = Arc::new(AtomicBool::new(false));
    loop {
        let (reply, answered) = oneshot::channel();
        let work = Work::Unary { message: message.clone(), flow: flow.clone(), reply };
        let (method, headers, gone_too) = (method.clone(), headers.clone(), gone.clone());
        if !shared.submit(Job { method, headers, deadline, gone: gone_too, work }) {
            return replies::refuse(respond, &full());
        }
        let answer = tokio::select! {
            biased;
            answer = answered => answer,
            _ = poll_fn(|context| respond.poll_reset(context)) => return gone.store(true, Ordering::SeqCst),
        };
        match answer {
            Ok(Some(Ok(message))) => {
                flow.hand(message.len());
                return replies::answer(respond, message);
            }
            Ok(Some(Err(status))) => return replies::refuse(respond, &status),
            Err(_) => return replies::refuse(respond, &stopping()),
            Ok(None) => tokio::select! {
                biased;
                () = flow.room() => (),
                _ = poll_fn(|context| respond.poll_reset(context)) => return,
            },
        }
    }
}

async fn stream(shared: &Arc<Shared>, method: Arc<Method>, head: Parts, mut messages: Messages, mut respond: Respond) {
    let (incoming, received) = mpsc::channel(WAITING);
    let (outgoing, mut sent) = mpsc::channel(WAITING);
    let (reply, ended) = oneshot::channel();
    let listeners: Listeners = Arc::new(Mutex::new(Some(Vec::new())));
    let gone = Arc::new(AtomicBool::new(false));
    let job = Job {
        headers: Arc::new(own(&head.headers)),
        deadline: None,
        gone: gone.clone(),
        work: Work::Stream { stream: Stream::new(received, outgoing, listeners.clone(), gone.clone()), reply },
        method: method.clone(),
    };
    if !shared.submit(job) {
        return replies::refuse(respond, &full());
    }
    let reading = tokio::spawn(async move {
        loop {
            let next = match messages.next().await {
                Ok(None) => break,
                Ok(Some(message)) => Ok(message),
                Err(status) => Err(status),
            };
            let last = next.is_err();
            if incoming.send(next).await.is_err() || last {
                break;
            }
        }
    });
    if let Some(mut send) = replies::begin(&mut respond) {
        if !reply_all(&mut send, &mut sent, ended, deadline(&head.headers)).await {
            gone.store(true, Ordering::SeqCst);
        }
    }
    reading.abort();
    let functions = listeners.lock().unwrap().take().unwrap_or_default();
    for function in functions {
        shared.submit(Job {
            method: method.clone(),
            headers: Arc::default(),
            deadline: None,
            gone: gone.clone(),
            work: Work::Ended(function),
        });
    }
}

/// Sends messages until the call has ended; false where the client went away before.
async fn reply_all(
    send: &mut SendStream<Bytes>,
    messages: &mut mpsc::Receiver<Bytes>,
    mut ended: oneshot::Receiver<Result<(), Status>>,
    deadline: Option<Instant>,
) -> bool {
    let late = async {
        match deadline {
            None => std::future::pending().await,
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        }
    };
    tokio::pin!(late);
    let end = loop {
        tokio::select! {
            biased;
            message = messages.recv() => match message {
                Some(message) => {
                    if !replies::send(send, message).await {
                        return false;
                    }
                }
                None => break (&mut ended).await,
            },
            end = &mut ended => break end,
            _ = poll_fn(|context| send.poll_reset(context)) => return false,
            _ = &mut late => {
                let status = Status::new(DEADLINE_EXCEEDED, "the deadline of the call has passed");
                replies::end(send, Some(&status));
                return false;
            }
        }
    };
    while let Ok(message) = messages.try_recv() {
        if !replies::send(send, message).await {
            return false;
        }
    }
    match end {
        Ok(Ok(())) => replies::end(send, None),
        Ok(Err(status)) => replies::end(send, Some(&status)),
        Err(_) => replies::end(send, Some(&stopping())),
    }
    true
}

fn full() -> Status {
    Status::new(RESOURCE_EXHAUSTED, "too many calls wait for an answer; try again later")
}

fn stopping() -> Status {
    Status::new(UNAVAILABLE, "the server is stopping; send the request again when it is back")
}

/// The headers of the client's own, as Python gets them: no binary ones, none of gRPC's and HTTP's.
fn own(headers: &HeaderMap) -> Headers {
    let mut found = Headers::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.as_str();
        if matches!(name, "te" | "content-type") || name.starts_with("grpc-") || name.ends_with("-bin") {
            continue;
        }
        if let Ok(value) = value.to_str() {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// When the client stops waiting, by `grpc-timeout`: up to 8 digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    let left = match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    Instant::now().checked_add(left)
}

pub fn unanswered() -> Status {
    Status::new(INTERNAL, "the server failed to answer; its log has the reason")
}
