//! A file on its way, and how far it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

/// A file that is being sent.
#[derive(Clone, Debug)]
pub(in super::super) struct Upload {
    /// As it was typed.
    pub(in super::super) name: String,
    /// `None` for pipes.
    pub(in super::super) bytes: Option<u64>,
    sent: Arc<AtomicU64>,
}

impl Upload {
    /// How many bytes were taken to be sent.
    pub(in super::super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Opens a file, "-" being stdin: what it has, and how to watch it go.
///
/// # Errors
/// When it cannot be read, or is a folder.
pub(in super::super) fn open(path: &Path) -> io::Result<(FileReader, Upload)> {
    let name = path.display().to_string();
    let path = match name.as_str() {
        "-" => PathBuf::from("/dev/stdin"),
        _ => path.to_owned(),
    };
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // What the system makes up has a length of 0, and yet something in it.
    let bytes = Some(metadata.len()).filter(|len| metadata.is_file() && *len > 0);
    let sent = Arc::<AtomicU64>::default();
    let upload = Upload {
        name,
        bytes,
        sent: Arc::clone(&sent),
    };
    let (to, chunks) = mpsc::channel(CHUNKS_MAX);
    // It ends when nobody takes its chunks any more.
    thread::spawn(move || read(file, &to));
    let reader = FileReader {
        chunks,
        chunk: Bytes::new(),
        sent,
    };
    Ok((reader, upload))
}

/// Gives what a thread reads.
pub(in super::super) struct FileReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    sent: Arc<AtomicU64>,
}

impl AsyncRead for FileReader {
    fn poll_read(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
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
