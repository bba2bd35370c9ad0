//! `wasket serve`: a plan becomes a server, which runs until a signal ends it.

use crate::build::{self, Built, BuiltHttp, Components, Everything};
use crate::certificates::{self, Watch};
use crate::cli::Serve;
use crate::login::Logins;
use crate::reload::Reloads;
use crate::signal::{Asked, Ending, Signals};
use crate::stores::Stores;
use crate::{descriptor, telemetry, terminal};
use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};
use wasket_config::Plan;
use wasket_config::plan::{Listener, Service};
use wasket_net::Server;
use wasket_runtime::{ENDED_WITHIN, GuestHttp, Outbound};
use wasket_session::IdSource;

/// Serves what a configuration says.
pub(crate) fn serve(options: &Serve) -> anyhow::Result<ExitCode> {
    let plan = certificates::load_plan(&options.file)?;
    let levels = telemetry::start(&options.log, &plan.log)?;
    let mut reloads = Reloads::of(options.file.clone(), plan.clone());
    if levels.are_fixed() {
        reloads.leave("[log]", "`--log-level` or `RUST_LOG` goes before it");
    } else {
        reloads.add("[log]", move |plan| levels.follow(&plan.log));
    }
    host(&plan, Unloadable::Answers503, Some(reloads))
}

/// What becomes of a service whose component does not load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unloadable {
    /// Its path answers 503, the other services serve.
    Answers503,
    /// The host does not start.
    EndsTheHost,
}

/// Serves a plan until a signal. The answer is what the process ends with.
pub(crate) fn host(
    plan: &Plan,
    unloadable: Unloadable,
    reloads: Option<Reloads>,
) -> anyhow::Result<ExitCode> {
    descriptor::raise_limit(&plan.listeners);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    crate::heap::keep_small();
    let runtime = tokio_runtime(plan.host.workers).context("starting worker threads")?;
    let ended = runtime.block_on(until_signal(plan, unloadable, reloads));
    // Nothing is worth waiting for any more, such as the compilation of a component.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

pub(crate) fn tokio_runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.thread_name("wasket-worker").enable_all().build()
}

async fn until_signal(
    plan: &Plan,
    unloadable: Unloadable,
    mut reloads: Option<Reloads>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new(reloads.is_some()).context("listening for signals")?;
    let (server, watch, logins, guests) = tokio::select! {
        listening = listening(plan, unloadable) => listening?,
        signal = signals.ending() => {
            info!(signal = signal.name(), "stopped before it served");
            return Ok(());
        }
    };
    if let Some(reloads) = &mut reloads {
        watch.follow(reloads);
        logins.follow(reloads);
    }
    let handle = server.handle();
    let mut serving = Box::pin(async {
        tokio::select! {
            left = server.run(plan.host.drain) => left,
            never = watch.run() => match never {},
            never = logins.watch() => match never {},
        }
    });
    tokio::select! {
        _ = &mut serving => bail!("the listeners ended"),
        signal = reloading(&mut signals, reloads) => {
            info!(signal = signal.name(), "stopping; a second signal ends at once");
            handle.stop();
        }
    }
    let stopped = Instant::now();
    let ending = async {
        let left = serving.await;
        if left == 0 {
            guests.end(plan, stopped).await;
        }
        guests.stores.close().await;
        left
    };
    tokio::select! {
        left = ending => farewell(left),
        signal = signals.ending() => {
            warn!(signal = signal.name(), "ended at once");
            std::process::exit(signal.exit_code());
        }
    }
    Ok(())
}

/// Reloads whenever a signal asks for it, until one ends the program: also while a file keeps the reading waiting.
async fn reloading(signals: &mut Signals, mut reloads: Option<Reloads>) -> Ending {
    loop {
        match (signals.next().await, reloads.take()) {
            (Asked::End(ending), _) => return ending,
            (Asked::Reload, Some(mut running)) => {
                let done = tokio::task::spawn_blocking(|| {
                    running.run();
                    running
                });
                tokio::select! {
                    done = done => match done {
                        Ok(done) => reloads = Some(done),
                        Err(error) => error!(%error, "SIGHUP reloads nothing any more"),
                    },
                    ending = signals.ending() => return ending,
                }
            }
            (Asked::Reload, None) => {}
        }
    }
}

/// What guests do beside the connections of clients.
struct Guests {
    outbound: Outbound,
    http: Vec<Arc<GuestHttp>>,
    stores: Stores,
}

impl Guests {
    /// Waits for what may still go on when the last client has gone: work on requests that have been answered, for as long as
    /// `drain` lasts, and connections to the outside of guests that have just ended.
    async fn end(&self, plan: &Plan, stopped: Instant) {
        let left = plan.host.drain.saturating_sub(stopped.elapsed());
        let answered = async {
            for guest in &self.http {
                guest.ended().await;
            }
        };
        if tokio::time::timeout(left, answered).await.is_err() {
            warn!("requests that have been answered are worked on for longer than `drain`");
        }
        let _ = tokio::time::timeout(ended_within(plan), self.outbound.ended()).await;
    }
}

/// How long guests' connections to the outside may take to close.
fn ended_within(plan: &Plan) -> Duration {
    let services = plan.services.iter().map(|it| it.limits.close_timeout);
    let longest = services
        .chain(plan.http.iter().map(|it| it.limits.close_timeout))
        .max();
    longest.unwrap_or_default().saturating_add(ENDED_WITHIN)
}

fn farewell(left: usize) {
    match left {
        0 => info!("stopped"),
        left => warn!(
            connections = left,
            "stopped; some had not closed within `drain`"
        ),
    }
}

/// Loads the services, binds the listeners, and says where.
async fn listening(
    plan: &Plan,
    unloadable: Unloadable,
) -> anyhow::Result<(Server, Watch, Logins, Guests)> {
    let ids = Arc::new(IdSource::new(plan.host.node));
    let stores = Stores::open(plan).await;
    let mut components = Components::new(&plan.host, Arc::clone(&ids), stores);
    let logins = Logins::new(plan, &mut components).await?;
    logins.warn(plan);
    let built = build::everything(plan, &mut components).await?;
    check(&built, unloadable)?;
    let routes = build::routes(&built, &plan.files, &logins)?;
    let listeners = build::listeners(plan, &built, &logins)?;
    let watch = Watch::new(&listeners);
    let server = Server::bind(listeners, routes, ids)?;
    let addresses = server.addresses();
    for (listener, address) in plan.listeners.iter().zip(&addresses) {
        info!(%address, "listening");
        announce(plan, &built, listener, *address);
    }
    let guests = Guests {
        outbound: components.outbound().clone(),
        http: built.guests().cloned().collect(),
        stores: components.stores().clone(),
    };
    Ok((server, watch, logins, guests))
}

/// Tells of what did not load.
fn check(built: &Everything<'_>, unloadable: Unloadable) -> anyhow::Result<()> {
    let services = built.services.iter().map(|Built { plan, service }| {
        let error = service.as_ref().err();
        (&plan.name, error)
    });
    let http = built.http.iter().map(|BuiltHttp { plan, service }| {
        let error = service.as_ref().err();
        (&plan.name, error)
    });
    for (name, error) in services.chain(http) {
        match (error, unloadable) {
            (None, _) => {}
            (Some(error), Unloadable::Answers503) => {
                error!(
                    service = name.as_str(),
                    "does not load, its path answers 503: {error}"
                );
            }
            (Some(error), Unloadable::EndsTheHost) => bail!("{error}"),
        }
    }
    Ok(())
}

/// The lines by which people and programs learn where everything is.
fn announce(plan: &Plan, built: &Everything<'_>, listener: &Listener, address: SocketAddr) {
    for service in &plan.services {
        terminal::line(&announcement(listener, address, service));
    }
    let scheme = if listener.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let line = |route: &dyn std::fmt::Display, what: &str| {
        terminal::line(&format!(
            "listening on {scheme}://{address}{route} ({what})"
        ));
    };
    let beside = built.handlers();
    for service in beside.filter(|it| plan.http_at(&it.route).is_none()) {
        line(&service.route, &format!("http {}", service.name));
    }
    for http in &plan.http {
        line(&http.route, &format!("http {}", http.name));
    }
    for files in &plan.files {
        line(&files.route, &format!("files {}", files.name));
    }
    if listener.try_page {
        line(&"/", "a page to try the services");
    }
}

/// The line by which people and programs learn where a service is. Its form is a promise, and the same for a
/// service that did not load: its path is there, and answers 503.
fn announcement(listener: &Listener, address: SocketAddr, service: &Service) -> String {
    let Service { name, route, .. } = service;
    let scheme = if listener.tls.is_some() { "wss" } else { "ws" };
    format!("listening on {scheme}://{address}{route} (service {name})")
}
