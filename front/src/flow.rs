//! The bytes of answers that clients have not taken yet. A client that asks and does not read gets no more answers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Of one connection; one answer may go beyond it.
const MOST_UNSENT: usize = 16 << 20;
/// Of all connections: beyond it, those that have anything unsent wait.
const MOST_UNSENT_OF_ALL: usize = 1 << 30;

/// Of one connection.
pub struct Flow {
    unsent: AtomicUsize,
    written: AtomicUsize,
    /// How many are open.
    calls: AtomicUsize,
    of_all: Arc<AtomicUsize>,
    less: Notify,
}

impl Flow {
    pub fn new(of_all: Arc<AtomicUsize>) -> Self {
        Self {
            unsent: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            of_all,
            less: Notify::new(),
        }
    }

    /// Waits until the client has taken most of its answers.
    pub async fn room(&self) {
        while !self.has_room() {
            self.less.notified().await;
        }
    }

    pub fn has_room(&self) -> bool {
        let unsent = self.unsent.load(Ordering::Relaxed);
        unsent < MOST_UNSENT && (unsent == 0 || self.of_all.load(Ordering::Relaxed) < MOST_UNSENT_OF_ALL)
    }

    /// A call is open until what this returns is dropped.
    pub fn begin(self: &Arc<Self>) -> Open {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// Waits until no call is open and everything is sent.
    pub async fn idle(&self) {
        while !self.is_idle() {
            self.less.notified().await;
        }
    }

    pub fn is_idle(&self) -> bool {
        self.calls.load(Ordering::Relaxed) == 0 && self.unsent.load(Ordering::Relaxed) == 0
    }

    /// An answer of so many bytes is about to be sent.
    pub fn hand(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Ordering::Relaxed);
        self.of_all.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How much has been written so far, if something is still unsent.
    pub fn stuck_at(&self) -> Option<usize> {
        (self.unsent.load(Ordering::Relaxed) > 0).then(|| self.written.load(Ordering::Relaxed))
    }

    /// What else is written, such as headers, counts as well: less seems unsent than is, by a little.
    fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
        let unsent = self.unsent.load(Ordering::Relaxed);
        let sent = bytes.min(unsent);
        if sent > 0 {
            self.unsent.store(unsent - sent, Ordering::Relaxed);
            self.of_all.fetch_sub(sent, Ordering::Relaxed);
            self.less.notify_waiters();
        }
    }
}

/// An open call.
pub struct Open(Arc<Flow>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
        self.0.less.notify_waiters();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.of_all.fetch_sub(*self.unsent.get_mut(), Ordering::Relaxed);
    }
}

/// A socket that counts what is written.
pub struct Counted {
    pub socket: TcpStream,
    pub flow: Arc<Flow>,
}

impl Counted {
    fn counted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.flow.wrote(*bytes);
        }
        written
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, buffer);
        self.counted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, buffers);
        self.counted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
