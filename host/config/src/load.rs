use crate::meaning::{self, Meaning};
use crate::mistake::unusable_file;
use crate::plan::Plan;
use crate::problem::{Mistake, Problems};
use crate::typed::Placed;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file into a plan, and looks whether the components that it names can be read.
///
/// # Errors
/// Every mistake of the file; the one mistake when it cannot be read at all.
pub fn load(path: &Path) -> Result<Plan, Problems> {
    let name = path.display().to_string();
    let text = read_text(path)
        .map_err(|error| Problems::new(&name, "", vec![unreadable(&name, &error)]))?;
    let Meaning {
        plan,
        files,
        mut mistakes,
    } = meaning::read(&text, path.parent().unwrap_or(Path::new("")));
    mistakes.extend(files.into_iter().filter_map(|(what, file)| {
        let error = open(&file.value).err()?;
        let file = Placed {
            value: file.value.display().to_string(),
            span: file.span,
        };
        Some(unusable_file(what, &file, &error))
    }));
    finish(plan, &name, &text, mistakes)
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
