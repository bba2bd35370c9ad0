//! A file on its way, and how far it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::thread;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{mpsc, oneshot};

/// A file that is being sent.
#[derive(Debug)]
pub(in super::super) struct Upload {
    /// As it was typed.
    pub(in super::super) name: String,
    len: Arc<OnceLock<Option<u64>>>,
    sent: Arc<AtomicU64>,
    /// Dropped, it makes the reader fail: who wants to close does not wait for the rest.
    pub(in super::super) stop: Option<oneshot::Sender<()>>,
}

impl Upload {
    /// How many bytes were taken to be sent.
    pub(in super::super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Its length in bytes. `None` for pipes, and until it is open.
    pub(in super::super) fn bytes(&self) -> Option<u64> {
        self.len.get().copied().flatten()
    }
}

/// A file to be read by a thread, which may wait: for who writes to a named pipe, for a network's folder. "-" is stdin.
pub(in super::super) fn upload(path: &Path) -> (FileReader, Upload) {
    let (stop, stopped) = oneshot::channel();
    let upload = Upload {
        name: path.display().to_string(),
        len: Arc::default(),
        sent: Arc::default(),
        stop: Some(stop),
    };
    let (tell, opened) = oneshot::channel();
    let (to, chunks) = mpsc::channel(CHUNKS_MAX);
    let (path, len) = (path.to_owned(), Arc::clone(&upload.len));
    // It ends when nobody takes its chunks any more, and with the program in any case.
    thread::spawn(move || match open(path) {
        Ok((file, bytes)) => {
            let _ = len.set(bytes);
            let _ = tell.send(Ok(bytes));
            read(file, &to);
        }
        Err(error) => {
            let _ = tell.send(Err(error));
        }
    });
    let reader = FileReader {
        opened: Some(opened),
        chunks,
        chunk: Bytes::new(),
        sent: Arc::clone(&upload.sent),
        stopped,
    };
    (reader, upload)
}

fn open(path: PathBuf) -> io::Result<(File, Option<u64>)> {
    let file = match path.to_str() {
        // Not by a name such as /dev/stdin: that has no sockets, and begins a file anew.
        Some("-") => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        _ => File::open(path)?,
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Of stdin a part may be read already. What the system makes up has a length of 0, and yet something in it.
    let read = io::Seek::stream_position(&mut &file).unwrap_or(0);
    let left = metadata.len().saturating_sub(read);
    let len = Some(left).filter(|left| metadata.is_file() && *left > 0);
    Ok((file, len))
}

/// Gives what a thread reads.
pub(in super::super) struct FileReader {
    opened: Option<oneshot::Receiver<io::Result<Option<u64>>>>,
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    sent: Arc<AtomicU64>,
    stopped: oneshot::Receiver<()>,
}

impl FileReader {
    /// Waits until it is open. Returns its length, if it has one.
    ///
    /// # Errors
    /// When it cannot be read, is a folder, or is to stop.
    pub(in super::super) async fn opened(&mut self) -> io::Result<Option<u64>> {
        let Some(opened) = self.opened.take() else {
            return Ok(None);
        };
        tokio::select! {
            biased;
            _ = &mut self.stopped => Err(stopped()),
            opened = opened => opened.map_err(io::Error::other)?,
        }
    }
}

impl AsyncRead for FileReader {
    fn poll_read(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if Pin::new(&mut this.stopped).poll(ctx).is_ready() {
            return Poll::Ready(Err(stopped()));
        }
        if this.chunk.is_empty() {
            match std::task::ready!(this.chunks.poll_recv(ctx)) {
                Some(chunk) => this.chunk = chunk?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = this.chunk.len().min(buf.remaining());
        buf.put_slice(this.chunk.get(..count).unwrap_or_default());
        this.chunk.advance(count);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        this.sent.fetch_add(count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

fn stopped() -> io::Error {
    io::Error::other("stopped")
}

fn read(mut file: File, to: &mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match file.read(&mut chunk) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map(|count| {
                chunk.truncate(count);
                Bytes::from(chunk)
            }),
        };
        let is_over = read.is_err();
        if to.blocking_send(read).is_err() || is_over {
            return;
        }
    }
}

const CHUNK_BYTES: usize = 64 << 10;

/// How many chunks are read ahead.
const CHUNKS_MAX: usize = 2;
