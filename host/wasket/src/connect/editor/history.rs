//! What was typed before, in this session and in others.

use std::env;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Lines, the oldest first, and which of them is shown.
///
/// A line that begins with a space is not kept, nor is one twice in a row.
#[derive(Debug, Default)]
pub(super) struct History {
    lines: Vec<String>,
    /// How many steps back from the line that is being typed.
    back: usize,
    /// What was typed when the first step back was taken.
    draft: String,
    /// Where new ones are added; without it they last as long as the program.
    file: Option<File>,
}

impl History {
    /// That of the person's own file (`$XDG_STATE_HOME/wasket/history`). Without one it begins empty.
    pub(super) fn of_this_person() -> Self {
        let path = path(|name| env::var_os(name).map(PathBuf::from));
        path.and_then(|path| Self::load(&path).ok())
            .unwrap_or_default()
    }

    fn load(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let mut file = open(path)?;
        let mut lines = lines(&mut file)?;
        if lines.len() > 2 * LINES_MAX || file.metadata()?.len() > FILE_BYTES_MAX {
            lines.drain(..lines.len().saturating_sub(LINES_MAX));
            file = rewrite(path, &lines)?;
        }
        Ok(Self {
            lines,
            file: Some(file),
            ..Self::default()
        })
    }

    /// Remembers a line that was sent.
    pub(super) fn add(&mut self, line: &str) {
        self.back = 0;
        self.draft.clear();
        let is_kept = !line.is_empty()
            && !line.starts_with(' ')
            && !line.contains('\n')
            && line.len() <= LINE_BYTES_MAX
            && self.lines.last().is_none_or(|last| last != line);
        if !is_kept {
            return;
        }
        if let Some(file) = &mut self.file {
            // It is a convenience: where it cannot be written, it is not.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        self.lines.push(line.to_owned());
        if self.lines.len() > 2 * LINES_MAX {
            self.lines.drain(..LINES_MAX);
        }
    }

    /// The line before the one that is shown, which is `current`.
    pub(super) fn older(&mut self, current: &str) -> Option<String> {
        let at = self.lines.len().checked_sub(self.back + 1)?;
        if self.back == 0 {
            current.clone_into(&mut self.draft);
        }
        self.back += 1;
        self.lines.get(at).cloned()
    }

    /// The line behind the one that is shown; in the end what was being typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        self.back = self.back.checked_sub(1)?;
        match self.back {
            0 => Some(std::mem::take(&mut self.draft)),
            back => self.lines.get(self.lines.len().checked_sub(back)?).cloned(),
        }
    }
}

/// Where the XDG base directory specification wants it. Relative folders do not count.
fn path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("wasket/history"))
}

/// Nobody else is to read it: tokens are typed, too. What is no file is left alone, such as `/dev/null` behind a link of who
/// wants no history.
fn open(path: &Path) -> io::Result<File> {
    if let Ok(metadata) = fs::metadata(path) {
        must_be_a_file(&metadata)?;
    }
    let file = File::options()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let metadata = file.metadata()?;
    must_be_a_file(&metadata)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        // It was there before.
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn must_be_a_file(metadata: &Metadata) -> io::Result<()> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("is no file")),
    }
}

/// The last lines, as far as they are text.
fn lines(file: &mut File) -> io::Result<Vec<String>> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(FILE_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    io::Read::by_ref(file)
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // Of a longer file, the first of them is not whole.
    let cut = usize::from(len > FILE_BYTES_MAX);
    let is_text =
        |line: &&str| !line.is_empty() && !line.contains(|c: char| c.is_control() && c != '\t');
    let lines = text.lines().skip(cut).filter(is_text);
    Ok(lines.map(str::to_owned).collect())
}

/// The file with these lines alone.
fn rewrite(path: &Path, lines: &[String]) -> io::Result<File> {
    let new = path.with_extension(std::process::id().to_string());
    let mut file = open(&new)?;
    file.set_len(0)?;
    file.write_all((lines.join("\n") + "\n").as_bytes())?;
    fs::rename(&new, path)?;
    Ok(file)
}

/// So many are kept when a run begins, of which the file may have more: runs only add to it, and the next one that finds
/// twice as many, or more bytes than it reads, writes it anew.
const LINES_MAX: usize = 1000;

/// A longer line is not kept.
const LINE_BYTES_MAX: usize = 4096;

/// As much of the file is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("wasket-history-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn steps_lead_back_and_forth() {
        let mut history = History::default();
        assert_eq!(history.older("x"), None);
        for line in ["one", "two", "two", " secret", "", "three"] {
            history.add(line);
        }
        for expected in [Some("three"), Some("two"), Some("one"), None] {
            assert_eq!(history.older("draft").as_deref(), expected);
        }
        for expected in [Some("two"), Some("three"), Some("draft"), None] {
            assert_eq!(history.newer().as_deref(), expected);
        }
        assert_eq!(history.older("other").as_deref(), Some("three"));
        history.add("four");
        assert_eq!(history.older("").as_deref(), Some("four"));
    }

    #[test]
    fn a_file_keeps_the_newest_and_is_private() {
        let path = folder("newest").join("wasket/history");
        let mut history = History::load(&path).unwrap();
        for n in 0..3000 {
            history.add(&format!("line {n}"));
        }
        assert!(history.lines.len() <= 2 * LINES_MAX);
        let mut again = History::load(&path).unwrap();
        assert_eq!(again.lines.len(), LINES_MAX);
        assert_eq!(again.older("").as_deref(), Some("line 2999"));
        again.add("last");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("line 2000\n") && text.ends_with("line 2999\nlast\n"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
    }

    #[test]
    fn a_large_file_that_others_can_read_is_made_small_and_private() {
        let path = folder("large").join("wasket/history");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let long = "x".repeat(LINE_BYTES_MAX);
        let text: String = (0..1100).map(|n| format!("{n} {long}\n")).collect();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let history = History::load(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(metadata.len() <= FILE_BYTES_MAX);
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(history.lines.last().unwrap().starts_with("1099 "));
        fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = folder("fifo");
        fs::create_dir_all(folder.join("wasket")).unwrap();
        let fifo = folder.join("fifo");
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "644"])
            .arg(&fifo)
            .status();
        assert!(made.unwrap().success());
        let path = folder.join("wasket/history");
        std::os::unix::fs::symlink(&fifo, &path).unwrap();
        assert!(History::load(&path).is_err());
        let mode = fs::metadata(&fifo).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn its_place_is_that_of_the_specification() {
        let with = |state: &str, home: &str| {
            path(|name| match name {
                "XDG_STATE_HOME" => Some(state.into()),
                "HOME" => Some(home.into()),
                _ => None,
            })
        };
        let expected = |path: &str| Some(PathBuf::from(path));
        assert_eq!(with("/state", "/home/a"), expected("/state/wasket/history"));
        let at_home = expected("/home/a/.local/state/wasket/history");
        assert_eq!(with("", "/home/a"), at_home);
        assert_eq!(with("state", "/home/a"), at_home);
        assert_eq!(with("", ""), None);
    }
}
