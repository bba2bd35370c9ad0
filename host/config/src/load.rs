use crate::meaning::{self, Meaning, Named, NamedKind};
use crate::mistake::{unusable_directory, unusable_file, unusable_variable, useless_file};
use crate::plan::Plan;
use crate::problem::{Mistake, Problems};
use crate::typed::Placed;
use std::env::VarError;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Reads a file into a plan, and looks whether the files that it names can be read.
///
/// # Errors
/// Every mistake of the file; the one mistake when it cannot be read at all.
pub fn load(path: &Path) -> Result<Plan, Problems> {
    load_and_examine(path, |_| Vec::new())
}

/// The same, with somebody who understands what is in the files that a plan names, and objects to some of them.
///
/// # Errors
/// Those of [`load()`], and else every objection, at the line that names the file.
pub fn load_and_examine(
    path: &Path,
    examine: impl FnOnce(&Plan) -> Vec<Objection>,
) -> Result<Plan, Problems> {
    let name = path.display().to_string();
    let text = read_text(path)
        .map_err(|error| Problems::new(&name, "", vec![unreadable(&name, &error)]))?;
    let Meaning {
        plan,
        files,
        mut mistakes,
    } = meaning::read(&text, path.parent().unwrap_or(Path::new("")));
    mistakes.extend(files.iter().filter_map(|named| {
        let Named { what, file, .. } = named;
        let name = Placed {
            value: file.value.display().to_string(),
            span: file.span.clone(),
        };
        Some(match named.kind {
            NamedKind::File => {
                let error = open_regular(&file.value).err()?;
                unusable_file(what, &name, &error)
            }
            NamedKind::Directory => {
                let error = look_into(&file.value).err()?;
                unusable_directory(what, &name, &error)
            }
            NamedKind::Variable => unusable_variable(&name, look_up(&name.value)?),
        })
    }));
    if let (Some(plan), true) = (&plan, mistakes.is_empty()) {
        let objections = examine(plan);
        mistakes.extend(objections.iter().map(|objection| object(objection, &files)));
    }
    finish(plan, &name, &text, mistakes)
}

/// A file that a plan names, and why it is of no use.
#[derive(Debug, Clone)]
pub struct Objection {
    /// The file, as the plan has it.
    pub file: PathBuf,
    /// What is wrong with it, to be written behind its name.
    pub fault: String,
    /// What to do about it.
    pub help: String,
}

fn object(objection: &Objection, files: &[Named]) -> Mistake {
    match files
        .iter()
        .find(|named| named.file.value == objection.file)
    {
        Some(named) => useless_file(&named.file, objection),
        None => Mistake::whole(format!("{} {}", objection.file.display(), objection.fault))
            .with_help(objection.help.clone()),
    }
}

/// Makes a plan of text. `name` is what mistakes call it; paths in it are relative to `base`. Reads no files.
///
/// # Errors
/// Every mistake of the text.
pub fn parse(text: &str, name: &str, base: &Path) -> Result<Plan, Problems> {
    let Meaning { plan, mistakes, .. } = meaning::read(text, base);
    finish(plan, name, text, mistakes)
}

fn finish(
    plan: Option<Plan>,
    name: &str,
    text: &str,
    mistakes: Vec<Mistake>,
) -> Result<Plan, Problems> {
    match plan {
        Some(plan) if mistakes.is_empty() => Ok(plan),
        _ => Err(Problems::new(name, text, mistakes)),
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?
        .take(TEXT_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= TEXT_BYTES_MAX) {
        Ok(text)
    } else {
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

/// Opens a file, which on some systems works with a directory too.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Ok(file)
    }
}

/// The same for a file that others open again, and read anew while the host serves: a pipe would keep them waiting for
/// its writer.
fn open_regular(path: &Path) -> io::Result<File> {
    let metadata = path.metadata()?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(io::Error::other("it is no regular file"));
    }
    open(path)
}

/// Whether it is a directory, and we may look for something in it.
fn look_into(path: &Path) -> io::Result<()> {
    if !path.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    match path.join("index.html").symlink_metadata() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is wrong with a variable of the environment that a component is to have.
fn look_up(name: &str) -> Option<&'static str> {
    match std::env::var(name) {
        Ok(value) if value.len() > VARIABLE_BYTES_MAX => Some("is longer than 32 KiB"),
        Ok(_) => None,
        Err(VarError::NotPresent) => Some("is not set"),
        Err(VarError::NotUnicode(_)) => Some("is not text"),
    }
}

/// The component takes as much of its own memory for it.
const VARIABLE_BYTES_MAX: usize = 32 * 1024;

/// A configuration is written by people: what is longer is another file given by mistake.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

fn unreadable(name: &str, error: &io::Error) -> Mistake {
    let mistake = |what: &str| Mistake::whole(format!("{name} {what}"));
    match error.kind() {
        io::ErrorKind::NotFound => mistake("does not exist").with_help(
            "name the file, as in `wasket serve path/to/wasket.toml`, or serve one component with `wasket run`",
        ),
        io::ErrorKind::IsADirectory => mistake("is a directory").with_help("name the file in it, such as wasket.toml"),
        io::ErrorKind::InvalidData => mistake("is not text").with_help("a configuration is TOML, in UTF-8"),
        io::ErrorKind::FileTooLarge => mistake("is longer than 16 MiB").with_help("a configuration is TOML, in UTF-8"),
        _ => Mistake::whole(format!("{name} cannot be read: {error}")),
    }
}
