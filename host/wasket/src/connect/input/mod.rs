//! What is to be sent, from wherever it comes.

mod file;

use std::collections::VecDeque;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

pub(super) use file::{Upload, upload};

use super::options::Options;

/// One thing that came in.
#[derive(Debug)]
pub(super) enum Item {
    Text(String),
    Binary(Bytes),
    File(PathBuf),
    /// What a terminal sends for keys.
    Keys(Vec<u8>),
    /// It cannot be sent, or not be read.
    Failed(String),
}

/// Where it comes from. A thread reads stdin, which may wait as long as it likes, a few items ahead.
pub(super) struct Input {
    ahead: VecDeque<Item>,
    stdin: Option<mpsc::Receiver<Ahead>>,
    is_edited: bool,
}

/// What was read ahead, and its share of the bytes that may be.
type Ahead = (Item, Option<OwnedSemaphorePermit>);

impl Input {
    /// Needs a tokio runtime. Files, or stdin in the way that was asked for. `editing` is when a terminal's keys are taken one by one.
    pub(super) fn new(options: &Options, editing: bool) -> Self {
        let files: VecDeque<Item> = options.file.iter().cloned().map(Item::File).collect();
        let stdin = match (files.is_empty(), editing, options.binary) {
            (false, _, _) => None,
            (true, true, _) => Some(reading(keys)),
            (true, false, true) => Some(reading(chunks)),
            (true, false, false) => Some(reading(lines)),
        };
        Self {
            ahead: files,
            stdin,
            is_edited: editing,
        }
    }

    /// Whether there is something that was not asked for yet. Keys are nothing before they are a line.
    pub(super) fn has_more(&self) -> bool {
        let stdin = self.stdin.as_ref().filter(|_| !self.is_edited);
        !self.ahead.is_empty() || stdin.is_some_and(|stdin| !stdin.is_empty())
    }

    /// The next thing; `None` at the end. Cancelling this loses nothing.
    pub(super) async fn next(&mut self) -> Option<Item> {
        if let Some(item) = self.ahead.pop_front() {
            return Some(item);
        }
        let (item, _) = self.stdin.as_mut()?.recv().await?;
        Some(item)
    }
}

/// Whether a person types: then the end of stdin is a wish to leave.
pub(super) fn is_typed(options: &Options) -> bool {
    options.file.is_empty() && io::stdin().is_terminal()
}

fn reading(read: fn(&Queue) -> io::Result<()>) -> mpsc::Receiver<Ahead> {
    let (to, items) = mpsc::channel(AHEAD_MAX);
    let queue = Queue {
        to,
        budget: Arc::new(Semaphore::new(AHEAD_BYTES_MAX)),
        runtime: Handle::current(),
    };
    // It ends with the program: nothing else wakes who waits for a key.
    thread::spawn(move || {
        if let Err(error) = read(&queue) {
            queue.put(Item::Failed(format!("cannot read stdin: {error}")));
        }
    });
    items
}

/// The way from the thread that reads, bounded in items and in bytes.
struct Queue {
    to: mpsc::Sender<Ahead>,
    budget: Arc<Semaphore>,
    runtime: Handle,
}

impl Queue {
    /// Waits for room. Whether there is still somebody who takes it.
    fn put(&self, item: Item) -> bool {
        let bytes = match &item {
            Item::Text(text) => text.len(),
            Item::Binary(bytes) => bytes.len(),
            Item::Keys(_) | Item::File(_) | Item::Failed(_) => 0,
        };
        let share = u32::try_from(bytes.min(AHEAD_BYTES_MAX)).unwrap_or(0);
        let room = Arc::clone(&self.budget).acquire_many_owned(share);
        let room = self.runtime.block_on(room).ok();
        self.to.blocking_send((item, room)).is_ok()
    }
}

fn lines(to: &Queue) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    for number in 1_u64.. {
        let mut line = Vec::new();
        stdin
            .by_ref()
            .take(LINE_BYTES_MAX + LINE_END_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let item = item(line, number);
        let is_last = matches!(item, Item::Failed(_));
        if !to.put(item) || is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// A line as a message, without its end.
fn item(mut line: Vec<u8>, number: u64) -> Item {
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    if u64::try_from(line.len()).is_ok_and(|len| len > LINE_BYTES_MAX) {
        let max = wasket_config::show_size(LINE_BYTES_MAX);
        return Item::Failed(format!(
            "line {number} of stdin has more than {max}: send it with --file -"
        ));
    }
    String::from_utf8(line).map_or_else(
        |_| {
            Item::Failed(format!(
                "line {number} of stdin is not UTF-8, as text has to be: send it with --binary"
            ))
        },
        Item::Text,
    )
}

fn chunks(to: &Queue) -> io::Result<()> {
    pieces(|chunk| to.put(Item::Binary(Bytes::from(chunk))))
}

fn keys(to: &Queue) -> io::Result<()> {
    pieces(|keys| to.put(Item::Keys(keys)))
}

/// What each read gives, while `take` wants more.
fn pieces(take: impl Fn(Vec<u8>) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES_MAX];
    let mut stdin = io::stdin().lock();
    loop {
        let count = match stdin.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = buffer.get(..count).unwrap_or_default().to_vec();
        if piece.is_empty() || !take(piece) {
            return Ok(());
        }
    }
}

/// How many items wait for their turn, and how many bytes of them.
const AHEAD_MAX: usize = 16;
const AHEAD_BYTES_MAX: usize = 1 << 20;

/// A line is in memory whole.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// `\r\n`
const LINE_END_BYTES_MAX: u64 = 2;

/// The largest message of binary stdin.
const CHUNK_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_without_its_end() {
        for (line, text) in [
            (&b"a\n"[..], "a"),
            (b"a\r\n", "a"),
            (b"a", "a"),
            (b"a\r", "a\r"),
            (b"\n", ""),
            (b" \xc3\xa9 \n", " \u{e9} "),
        ] {
            let found = item(line.to_vec(), 1);
            assert!(matches!(&found, Item::Text(it) if it == text), "{found:?}");
        }
        let longest = [&vec![b'a'; 16 << 20][..], b"\r\n"].concat();
        assert!(matches!(item(longest, 1), Item::Text(text) if text.len() == 16 << 20));
        for (line, part) in [
            (b"\xff\n".to_vec(), "line 7 of stdin is not UTF-8"),
            (vec![b'a'; (16 << 20) + 1], "more than 16MiB"),
            (
                [&vec![b'a'; (16 << 20) + 1][..], b"\n"].concat(),
                "more than 16MiB",
            ),
        ] {
            let found = item(line, 7);
            assert!(
                matches!(&found, Item::Failed(why) if why.contains(part)),
                "{part}"
            );
        }
    }
}
