//! The fuzz targets under libFuzzer: tests/fuzz.

use crate::arguments::Arguments;
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;

/// `cargo xtask fuzz [TARGET]`. What libFuzzer learns stays in `.cache/fuzz`, so that it goes on from there; what it
/// finds is in `tests/fuzz/artifacts` and belongs into the corpus.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let seconds = arguments
        .option("--seconds")?
        .unwrap_or_else(|| "60".to_owned());
    let wanted = arguments.next();
    arguments.finish()?;
    // libFuzzer takes 0 for no end.
    ensure!(
        seconds.parse::<u32>().is_ok_and(|n| n > 0),
        "--seconds takes a number from 1, not `{seconds}`"
    );
    let targets = targets(wanted)?;
    check_tools()?;
    for target in targets {
        fuzz(&target, &seconds)?;
    }
    Ok(())
}

fn fuzz(target: &str, seconds: &str) -> Result<()> {
    let learned = tree::cache("fuzz")?.join(target);
    std::fs::create_dir_all(&learned).with_context(|| format!("making {}", learned.display()))?;
    // Not the pinned toolchain: sanitizers need a nightly one. libFuzzer writes to the first corpus only.
    Step::new("rustup", ["run", "nightly", "cargo", "fuzz", "run"])
        .arg("--fuzz-dir")
        .arg(folder())
        .arg("--target-dir")
        .arg(tree::target()?.join("fuzz"))
        .arg(target)
        .arg(learned)
        .arg(folder().join("corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=4096", "-print_final_stats=1"])
        .run()
        .with_context(|| {
            format!("fuzzing {target}; if it names an input in tests/fuzz/artifacts, copy that to tests/fuzz/corpus/{target}, and `cargo xtask test` repeats it")
        })
}

/// The one target that was asked for, or all.
fn targets(wanted: Option<String>) -> Result<Vec<String>> {
    let files = folder().join("fuzz_targets");
    let files =
        std::fs::read_dir(&files).with_context(|| format!("reading {}", files.display()))?;
    let mut all = Vec::new();
    for file in files {
        let file = file.context("reading the fuzz targets")?.path();
        all.extend(
            file.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    all.sort();
    match wanted {
        None => Ok(all),
        Some(wanted) if all.contains(&wanted) => Ok(vec![wanted]),
        Some(wanted) => bail!(
            "there is no fuzz target `{wanted}`, only {}",
            all.join(", ")
        ),
    }
}

/// Says how to get what is missing.
fn check_tools() -> Result<()> {
    let nightly = Step::new("rustup", ["run", "nightly", "rustc", "--version"]).output();
    ensure!(
        nightly.is_ok(),
        "fuzzing needs a nightly compiler: `rustup toolchain install nightly`"
    );
    ensure!(
        tree::program("cargo-fuzz").is_some(),
        "fuzzing needs cargo-fuzz: `cargo install cargo-fuzz`"
    );
    Ok(())
}

fn folder() -> PathBuf {
    tree::root().join("tests/fuzz")
}
