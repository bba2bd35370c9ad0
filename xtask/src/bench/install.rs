//! Installing the peers, below cargo's target folder. tests/load has their servers and the lock files that pin them.

use super::peer::{Peer, Program};
use super::server::Launch;
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Builds the peers that are Rust libraries; returns the folder of their programs.
pub(super) fn rust() -> Result<PathBuf> {
    let target = folder("rust")?;
    Step::cargo("build --release --locked")
        .within(sources())
        .env("CARGO_TARGET_DIR", &target)
        .run()
        .context("building the servers in tests/load; crates.io has to be reachable once")?;
    Ok(target.join("release"))
}

/// How a peer of these is started, and its version.
pub(super) fn rust_peer(peer: &Peer, programs: &Path) -> Result<(Launch, String)> {
    let lock = read(&sources().join("Cargo.lock"))?;
    let package = match peer.name {
        "minimal" => "tokio",
        "tungstenite" => "tokio-tungstenite",
        name => name,
    };
    let version = locked(&lock, package)
        .with_context(|| format!("tests/load/Cargo.lock does not name {package}"))?;
    let launch = Launch {
        program: programs.join(peer.name),
        arguments: Vec::new(),
        folder: programs.to_owned(),
        log: log(peer.name)?,
    };
    Ok((launch, format!("{package} {version}")))
}

/// Installs a peer that is an npm package; returns how it is started, and its version.
pub(super) fn npm(peer: &Peer, program: Program, arguments: &[&str]) -> Result<(Launch, String)> {
    let sources = sources().join(peer.name);
    let folder = folder("npm")?.join(peer.name);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let lock = read(&sources.join("package-lock.json"))?;
    copy_files(&sources, &folder)?;
    let mark = folder.join("node_modules/.installed");
    if fs::read_to_string(&mark).ok().as_ref() != Some(&lock) {
        // Not `npm ci`: that wants the packages of all other systems in the lock file, which no registry has to have.
        let install = Step::new(
            "npm",
            ["install", "--no-audit", "--no-fund", "--loglevel=error"],
        );
        eprintln!("installing {} into {}", peer.name, folder.display());
        let install = install.within(&folder).output();
        install.context("Node.js 20 or later with npm, and the npm registry, are needed")?;
        fs::write(&mark, &lock).with_context(|| format!("writing {}", mark.display()))?;
    }
    let version = package_version(&lock, peer.name)?;
    let (program, of_the_machine) = match program {
        Program::OfThePackage(name) => (folder.join("node_modules/.bin").join(name), None),
        Program::OfTheMachine(name) => {
            let program = tree::program(name).with_context(|| format!("there is no {name}"))?;
            let version = Step::new(&program, ["--version"]).output()?;
            (program, Some(format!(" on {name} {}", version.trim())))
        }
    };
    let launch = Launch {
        program,
        arguments: arguments.iter().map(Into::into).collect(),
        folder,
        log: log(peer.name)?,
    };
    let version = format!(
        "{} {version}{}",
        peer.name,
        of_the_machine.unwrap_or_default()
    );
    Ok((launch, version))
}

/// Where a server's standard error goes.
pub(super) fn log(name: &str) -> Result<PathBuf> {
    Ok(folder("log")?.join(name).with_extension("log"))
}

/// A folder below the target folder, made if it is missing.
pub(super) fn folder(name: &str) -> Result<PathBuf> {
    let folder = tree::target()?.join("load").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

fn sources() -> PathBuf {
    tree::root().join("tests/load")
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let copying = || format!("copying {} to {}", from.display(), to.display());
    for entry in fs::read_dir(from).with_context(copying)? {
        let file = entry.with_context(copying)?.path();
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            fs::copy(&file, to.join(name)).with_context(copying)?;
        }
    }
    Ok(())
}

/// The version of a package in a Cargo.lock.
fn locked(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next().map(str::to_owned)
}

/// The version of a package in a package-lock.json.
fn package_version(lock: &str, package: &str) -> Result<String> {
    let lock: serde_json::Value =
        serde_json::from_str(lock).context("reading package-lock.json")?;
    let version = lock["packages"][format!("node_modules/{package}")]["version"].as_str();
    let version = version.with_context(|| format!("package-lock.json does not name {package}"))?;
    Ok(version.to_owned())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::super::peer::{Kind, PEERS};
    use super::*;

    #[test]
    fn every_peer_is_pinned() {
        let cargo = read(&sources().join("Cargo.lock")).unwrap();
        for package in ["fastwebsockets", "tokio", "tokio-tungstenite"] {
            assert!(locked(&cargo, package).is_some(), "{package}");
        }
        assert_eq!(locked(&cargo, "toki"), None);
        for peer in PEERS
            .iter()
            .filter(|peer| matches!(peer.kind, Kind::Npm { .. }))
        {
            let lock = read(&sources().join(peer.name).join("package-lock.json")).unwrap();
            let version = package_version(&lock, peer.name).unwrap();
            let manifest = read(&sources().join(peer.name).join("package.json")).unwrap();
            assert!(manifest.contains(&format!("\"{}\": \"{version}\"", peer.name)));
        }
    }
}
