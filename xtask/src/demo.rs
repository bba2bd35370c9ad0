//! The demo: every example component on one host.

use crate::arguments::Arguments;
use crate::certificate::Certificate;
use crate::host::{self, Build};
use crate::step::Step;
use crate::{guests, tree};
use anyhow::{Context, Result};

/// `cargo xtask demo`.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let listen = arguments.option("--listen")?;
    let tls = arguments.flag("--tls");
    let build = if arguments.flag("--release") {
        Build::Release
    } else {
        Build::Everyday
    };
    arguments.finish()?;

    guests::build()?;
    let host = host::build(build)?;
    let address = listen.as_deref().unwrap_or(host::DEMO_ADDRESS);
    let config = match (&listen, tls) {
        (None, false) => tree::guests().join("demo.toml"),
        (Some(_), false) => host::demo_config("demo", address, None, "")?,
        (_, true) => {
            let folder = tree::cache("certificate")?;
            let certificate = Certificate::for_address(address, &folder)?;
            println!(
                "The certificate has signed itself: a browser asks before it goes on; others have to trust {}.",
                certificate.chain.display()
            );
            host::demo_config("demo", address, Some(&certificate), "")?
        }
    };
    let scheme = if tls { "https" } else { "http" };
    if !address.ends_with(":0") {
        // What has signed itself is not known to curl.
        let trusting = if tls { " --insecure" } else { "" };
        println!(
            "Open {scheme}://{address}/ in a browser to try the services. A file of the demo is {scheme}://{address}/assets/\n\
             Say something to everyone in /chat: curl{trusting} --data 'Tea is ready.' {scheme}://{address}/publish\n\
             Ctrl-c ends the host."
        );
    }
    become_it(Step::new(host, ["serve"]).arg(config))
}

/// Turns this process into the host, so that ctrl-c reaches the host alone and its exit status is ours.
#[cfg(unix)]
fn become_it(step: Step) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(step.into_command().exec()).context("starting the host")
}

#[cfg(not(unix))]
fn become_it(step: Step) -> Result<()> {
    step.run().context("running the host")
}
