//! What a connection writes in one turn, gathered: an answer is several frames, which HTTP/2 would send one by one, each
//! by a system call, in a packet of its own that wakes the client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::flow::Flow;

/// More is sent at once.
const MOST_HELD: usize = 64 << 10;
/// What an idle connection may keep of its memory.
const MOST_IDLE: usize = 16 << 10;

struct Held<S> {
    socket: S,
    flow: Arc<Flow>,
    waiting: Vec<u8>,
    /// How much of it the socket has taken.
    sent: usize,
    /// The socket has taken something that it may still hold, as an encrypted one does.
    unflushed: bool,
    gathers: bool,
}

/// A socket whose writes wait for `send` once `gather` was called; what is sent is counted.
pub struct Gathered<S>(Arc<Mutex<Held<S>>>);

impl<S> Clone for Gathered<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gathered<S> {
    pub fn new(socket: S, flow: Arc<Flow>) -> Self {
        Self(Arc::new(Mutex::new(Held {
            socket,
            flow,
            waiting: Vec::new(),
            sent: 0,
            unflushed: false,
            gathers: false,
        })))
    }

    /// From now on the one that drives the connection calls `poll_send` after each turn.
    pub fn gather(&self) {
        self.held().gathers = true;
    }

    /// Sends what waits. Ready once nothing does.
    pub fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held().poll_send(context)
    }

    fn held(&self) -> MutexGuard<'_, Held<S>> {
        self.0.lock().unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Held<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waiting.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while self.sent < self.waiting.len() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(context, &self.waiting[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
            self.unflushed = true;
            self.flow.wrote(sent);
        }
        self.sent = 0;
        self.waiting.clear();
        self.waiting.shrink_to(MOST_IDLE);
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if self.gathers && self.waiting.len() + bytes <= MOST_HELD {
            for part in parts {
                self.waiting.extend_from_slice(part);
            }
            return Poll::Ready(Ok(bytes));
        }
        ready!(self.poll_send(context))?;
        let sent = ready!(Pin::new(&mut self.socket).poll_write_vectored(context, parts))?;
        self.unflushed = true;
        self.flow.wrote(sent);
        Poll::Ready(Ok(sent))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.held().socket).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.held().poll_write(context, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.held().poll_write(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.held().socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = self.held();
        if held.gathers {
            return Poll::Ready(Ok(()));
        }
        held.poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = self.held();
        ready!(held.poll_send(context))?;
        Pin::new(&mut held.socket).poll_shutdown(context)
    }
}
