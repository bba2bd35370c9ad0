//! The peers as they are on this machine: installed and ready to be started, or absent with a reason.

use super::install;
use super::machine::Machine;
use super::options::Options;
use super::peer::{Kind, Peer};
use super::server::Launch;
use crate::tree;
use anyhow::Result;
use std::path::Path;

/// A peer, and what became of it.
#[derive(Debug)]
pub(super) struct Contestant {
    pub(super) peer: &'static Peer,
    /// What was measured, for the report.
    pub(super) version: String,
    /// How it is started, or why it cannot be.
    pub(super) launch: Result<Launch, String>,
}

/// Installs what is missing. A peer that cannot be installed or does not start is absent; the others are measured.
pub(super) fn prepare(
    options: &Options,
    host: &Path,
    machine: &Machine,
) -> Result<Vec<Contestant>> {
    let mut contestants = Vec::new();
    let mut rust = None;
    for peer in options.peers() {
        let installed = match peer.kind {
            Kind::Host(config) => ours(peer, host, config),
            Kind::Rust => rust.get_or_insert_with(install::rust).as_ref().map_or_else(
                |error| Err(anyhow::anyhow!("{error:#}")),
                |folder| install::rust_peer(peer, folder),
            ),
            Kind::Npm { program, arguments } => install::npm(peer, program, arguments),
        };
        // That it starts is seen before the rounds, so that they are not spoilt.
        let started = installed.and_then(|(launch, version)| {
            launch.start(machine.server_core())?;
            Ok((launch, version))
        });
        let (launch, version) = match started {
            Ok((launch, version)) => (Ok(launch), version),
            Err(error) if peer.is_ours() => return Err(error.context("starting the host")),
            Err(error) => {
                eprintln!("absent: {}: {error:#}", peer.name);
                (Err(format!("{error:#}")), "absent".to_owned())
            }
        };
        contestants.push(Contestant {
            peer,
            version,
            launch,
        });
    }
    Ok(contestants)
}

fn ours(peer: &Peer, host: &Path, config: &str) -> Result<(Launch, String)> {
    let folder = tree::root().join("tests/load");
    let launch = Launch {
        program: host.to_owned(),
        arguments: ["serve", config].map(Into::into).into(),
        folder,
        log: install::log(peer.name)?,
    };
    let version = crate::step::Step::new(host, ["--version"]).output()?;
    Ok((launch, version.trim().to_owned()))
}
