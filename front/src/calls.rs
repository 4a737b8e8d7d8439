//! One call: its head is checked, its messages are read, a job is made of it, and the answer is sent.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use crate::arriving::Waiting;
use crate::flow::Flow;
use crate::messages::Messages;
use crate::metadata::{deadline, own};
use crate::packed::Message;
use crate::replies::{self, Respond};
use crate::shared::{Headers, Job, Kind, Method, Shared, Work};
use crate::status::{CANCELLED, DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED, Status, UNAVAILABLE, UNIMPLEMENTED};
use crate::stream::{End, Listeners, Stream, WAITING};

/// The header that names the address of the client, where the front adds it.
const PEER: &str = "weft-peer";

pub async fn serve(shared: Arc<Shared>, flow: Arc<Flow>, request: Request<RecvStream>, respond: Respond) {
    let _open = flow.begin();
    let (mut head, body) = request.into_parts();
    if shared.limits.names_peers {
        let address = flow.address.to_canonical().to_string();
        // In place of one that the client may have sent.
        head.headers.insert(PEER, HeaderValue::try_from(address).expect("an address is ASCII"));
    }
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
    let holding = shared.arriving.hold();
    let messages = match Messages::new(body, &head.headers, shared.limits.message_bytes, patience, holding) {
        Ok(messages) => messages,
        Err(status) => return replies::refuse(respond, &status),
    };
    if method.kind == Kind::Stream {
        stream(&shared, &flow, method, head, messages, respond).await;
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
    let headers = Arc::new(own(&head.headers));
    let gone = Arc::new(AtomicBool::new(false));
    let received = {
        let waiting = messages.holding.clone();
        let mut receiving = pin!(messages.only());
        match poll_fn(|context| Poll::Ready(receiving.as_mut().poll(context))).await {
            Poll::Ready(received) => received,
            Poll::Pending => receive(shared, &method, &headers, waiting.wait(), receiving, &mut respond).await,
        }
    };
    let message = match received {
        Ok(message) => message,
        Err(status) => return replies::refuse(respond, &status),
    };
    loop {
        let (reply, answered) = oneshot::channel();
        let work = Work::Unary { message: message.clone(), flow: flow.clone(), reply };
        let (method, headers, gone_too) = (method.clone(), headers.clone(), gone.clone());
        if !shared.submit(Job::new(method, headers, deadline, gone_too, work)) {
            return replies::refuse(respond, &full());
        }
        let answer = tokio::select! {
            biased;
            answer = answered => answer,
            _ = poll_fn(|context| respond.poll_reset(context)) => {
                gone.store(true, Ordering::SeqCst);
                return shared.spread.abandon(&gone);
            }
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

/// The message of a call with which it did not come. Who calls is looked at first; then it may take so long.
async fn receive(
    shared: &Shared,
    method: &Arc<Method>,
    headers: &Arc<Headers>,
    waiting: Waiting,
    receiving: Pin<&mut impl Future<Output = Result<Message, Status>>>,
    respond: &mut Respond,
) -> Result<Message, Status> {
    let arrived = async {
        if method.admit.is_some() {
            let (reply, admitted) = oneshot::channel();
            let job = Job::new(method.clone(), headers.clone(), None, Arc::default(), Work::Admit(reply));
            if !shared.submit(job) {
                return Err(full());
            }
            admitted.await.unwrap_or_else(|_| Err(stopping()))?;
        }
        receiving.await
    };
    tokio::select! {
        biased;
        received = timeout(shared.limits.message_timeout, arrived) => received.unwrap_or_else(|_| Err(late())),
        () = waiting.cut() => Err(late()),
        _ = poll_fn(|context| respond.poll_reset(context)) => Err(Status::new(CANCELLED, "the client went away")),
    }
}

async fn stream(
    shared: &Arc<Shared>,
    flow: &Flow,
    method: Arc<Method>,
    head: Parts,
    mut messages: Messages,
    mut respond: Respond,
) {
    let (incoming, received) = mpsc::channel(WAITING);
    let (outgoing, mut sent) = mpsc::channel(WAITING);
    let (reply, ended) = oneshot::channel();
    let listeners: Listeners = Arc::new(Mutex::new(Some(Vec::new())));
    let (gone, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let work = Work::Stream(Stream {
        incoming: Mutex::new(received),
        outgoing,
        listeners: listeners.clone(),
        gone: gone.clone(),
        end: End::new(reply),
        cut: cut.clone(),
        address: flow.address.to_string(),
    });
    let headers = Arc::new(own(&head.headers));
    if !shared.submit(Job::new(method.clone(), headers, None, gone.clone(), work)) {
        return replies::refuse(respond, &full());
    }
    let most = shared.limits.message_timeout;
    let reading = tokio::spawn(async move {
        loop {
            let next = match next(&mut messages, most).await {
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
        let whole = tokio::select! {
            whole = reply_all(&mut send, &mut sent, ended, deadline(&head.headers)) => whole,
            () = cut.notified() => false,
        };
        gone.store(!whole, Ordering::SeqCst);
    }
    reading.abort();
    let functions = listeners.lock().unwrap().take().unwrap_or_default();
    for function in functions {
        shared.submit(Job::new(method.clone(), Arc::default(), None, gone.clone(), Work::Ended(function)));
    }
}

/// The next message of a stream, which may take `most` once it has begun to come.
async fn next(messages: &mut Messages, most: Duration) -> Result<Option<Message>, Status> {
    messages.begun().await?;
    let waiting = messages.holding.wait_apart();
    tokio::select! {
        biased;
        next = timeout(most, messages.next()) => next.unwrap_or_else(|_| Err(late())),
        () = waiting.cut() => Err(late()),
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

fn late() -> Status {
    Status::new(DEADLINE_EXCEEDED, "the message of the call did not arrive in time")
}

fn full() -> Status {
    Status::new(RESOURCE_EXHAUSTED, "too many calls wait for an answer; try again later")
}

fn stopping() -> Status {
    Status::new(UNAVAILABLE, "the server is stopping; send the request again when it is back")
}

pub fn unanswered() -> Status {
    Status::new(INTERNAL, "the server failed to answer; its log has the reason")
}
