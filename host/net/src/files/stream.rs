//! A file on its way, a piece at a time. What is read waits in memory once: the next piece is read when it is taken.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use wasket_session::BodyFault;

use super::disk::Disk;

pub(super) struct Stream {
    /// Bytes that are still to go, those of `next` among them.
    left: u64,
    next: Option<Bytes>,
    /// `None` while it is being read, and at the end.
    file: Option<File>,
    reading: Option<Reading>,
    disk: Disk,
}

type Reading = Pin<Box<dyn Future<Output = io::Result<(File, Bytes)>> + Send>>;

impl Stream {
    /// Begins with these bytes of a file. The first piece is read at once, so that a small file takes one turn of a
    /// thread that may wait for the disk.
    pub(super) fn begin(mut file: File, range: Range<u64>, disk: Disk) -> io::Result<Self> {
        file.seek(SeekFrom::Start(range.start))?;
        let left = range.end - range.start;
        let next = if left == 0 {
            None
        } else {
            Some(piece(&mut file, left)?)
        };
        Ok(Self {
            left,
            next,
            file: Some(file),
            reading: None,
            disk,
        })
    }

    fn read_on(&mut self) -> Option<Reading> {
        let mut file = self.file.take()?;
        let (left, reads) = (self.left, self.disk.reads.clone());
        Some(Box::pin(async move {
            let read = move || {
                let bytes = piece(&mut file, left)?;
                Ok((file, bytes))
            };
            reads.run(PIECE_WITHIN, read).await
        }))
    }
}

/// The next of so many bytes.
fn piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let length = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            // It is shorter than it was: what was promised cannot be kept.
            Ok(0) => {
                let text = "a file became shorter while it was sent";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes.into())
}

impl Body for Stream {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(bytes) = this.next.take() {
            this.left = this.left.saturating_sub(bytes.len() as u64);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if this.reading.is_none() {
            this.reading = this.read_on();
        }
        let Some(reading) = &mut this.reading else {
            // It has failed before.
            return Poll::Ready(None);
        };
        let read = ready!(reading.as_mut().poll(cx));
        this.reading = None;
        match read {
            Ok((file, bytes)) => {
                this.file = Some(file);
                this.left = this.left.saturating_sub(bytes.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Err(error) => {
                this.disk.has_failed(&error);
                Poll::Ready(Some(Err(BodyFault::Broken(error.to_string()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

const PIECE_BYTES: usize = 32 << 10;
/// Longer than for the first piece: of what has begun nothing else can be said.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::super::disk::{Failures, Reads};
    use super::*;

    fn stream(content: &[u8], range: Range<u64>) -> io::Result<Stream> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, content).unwrap();
        let disk = Disk {
            reads: Reads::new(),
            service: "files".into(),
            failures: Failures::of(folder.path().to_owned()),
        };
        Stream::begin(File::open(path).unwrap(), range, disk)
    }

    // parity H1
    #[tokio::test]
    async fn pieces_add_up_to_the_range() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let length = content.len() as u64;
        let piece = PIECE_BYTES as u64;
        for range in [
            0..length,
            0..0,
            5..5,
            1..piece,
            1..piece + 1,
            1..piece + 2,
            length - 1..length,
        ] {
            let stream = stream(&content, range.clone()).unwrap();
            assert_eq!(stream.size_hint().exact(), Some(range.end - range.start));
            let read = stream.collect().await.unwrap().to_bytes();
            let at = |n| usize::try_from(n).unwrap();
            assert!(read == content[at(range.start)..at(range.end)], "{range:?}");
        }
    }

    // parity H1
    #[tokio::test]
    async fn a_file_that_shrank_ends_in_an_error() {
        assert!(stream(&[1; 10], 0..20).is_err());
        let shorter = stream(&[1; PIECE_BYTES + 1], 0..100_000).unwrap();
        assert!(matches!(shorter.collect().await, Err(BodyFault::Broken(_))));
    }
}
