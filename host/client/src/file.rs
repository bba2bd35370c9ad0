//! A file as an asynchronous reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

/// Reads a file on threads that may wait, 64 KiB at a time.
pub(crate) struct FileReader(State);

enum State {
    Idle(Option<(File, Vec<u8>)>),
    Reading(JoinHandle<io::Result<(File, Vec<u8>)>>),
    /// What was read and is not taken, from an offset on.
    Has(File, Vec<u8>, usize),
}

impl FileReader {
    /// The file, and its length if it has one: pipes have none, and what the system makes up says 0.
    pub(crate) async fn open(path: PathBuf) -> io::Result<(Self, Option<u64>)> {
        let opened = spawn_blocking(move || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let len = Some(metadata.len()).filter(|len| metadata.is_file() && *len > 0);
            io::Result::Ok((file, len))
        });
        let (file, len) = opened.await??;
        Ok((Self(State::Idle(Some((file, Vec::new())))), len))
    }
}

impl AsyncRead for FileReader {
    fn poll_read(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let state = &mut self.get_mut().0;
        loop {
            match state {
                State::Idle(idle) => {
                    let Some((file, bytes)) = idle.take() else {
                        return Poll::Ready(Err(io::Error::other("the file failed before")));
                    };
                    *state = State::Reading(spawn_blocking(move || read(file, bytes)));
                }
                State::Reading(reading) => {
                    let read = ready!(Pin::new(reading).poll(ctx));
                    // After a failure there is no file to go on with.
                    *state = State::Idle(None);
                    let (file, bytes) = read??;
                    if bytes.is_empty() {
                        *state = State::Idle(Some((file, bytes)));
                        return Poll::Ready(Ok(()));
                    }
                    *state = State::Has(file, bytes, 0);
                }
                State::Has(_, bytes, at) if *at < bytes.len() => {
                    let rest = bytes.get(*at..).unwrap_or_default();
                    let taken = rest.len().min(buf.remaining());
                    buf.put_slice(rest.get(..taken).unwrap_or_default());
                    *at += taken;
                    return Poll::Ready(Ok(()));
                }
                State::Has(..) => {
                    let State::Has(file, bytes, _) = std::mem::replace(state, State::Idle(None))
                    else {
                        continue;
                    };
                    *state = State::Idle(Some((file, bytes)));
                }
            }
        }
    }
}

fn read(mut file: File, mut bytes: Vec<u8>) -> io::Result<(File, Vec<u8>)> {
    bytes.clear();
    let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    file.by_ref().take(limit).read_to_end(&mut bytes)?;
    Ok((file, bytes))
}

const CHUNK_BYTES: usize = 64 << 10;
