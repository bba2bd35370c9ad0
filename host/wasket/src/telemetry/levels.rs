//! What is logged: levels by target, and levels of single services, which go before those.

use crate::cli::LogOptions;
use crate::exit::Usage;
use anyhow::Context as _;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};
use wasket_config::ServiceName;
use wasket_config::plan::{Log, LogLevel};

/// What is logged, while the host runs.
pub(crate) struct Levels {
    handle: reload::Handle<Filter, Registry>,
    /// The command line or the environment says it, and the configuration nothing.
    fixed: bool,
}

impl Levels {
    /// What was typed goes before the environment (`RUST_LOG`), and that before the configuration.
    pub(super) fn new(
        options: &LogOptions,
        log: &Log,
    ) -> Result<(Self, reload::Layer<Filter, Registry>), Usage> {
        let environment = std::env::var("RUST_LOG")
            .ok()
            .filter(|levels| !levels.is_empty());
        let typed = options.log_level.as_ref();
        let fixed = typed
            .map(|levels| levels.as_str().to_owned())
            .or(environment);
        let filter = match &fixed {
            Some(levels) => Filter::new(levels, &[]),
            None => Filter::new(log.level.as_str(), &log.service_levels),
        };
        let filter = filter.map_err(|error| Usage(format!("{error:#}")))?;
        let (layer, handle) = reload::Layer::new(filter);
        let levels = Self {
            handle,
            fixed: fixed.is_some(),
        };
        Ok((levels, layer))
    }

    /// Whether the command line or the environment said them, which go before any configuration.
    pub(crate) fn are_fixed(&self) -> bool {
        self.fixed
    }

    /// Logs what this says from now on.
    ///
    /// # Errors
    /// When it is not levels; then what was logged still is.
    pub(crate) fn follow(&self, log: &Log) -> anyhow::Result<()> {
        let filter = Filter::new(log.level.as_str(), &log.service_levels)?;
        self.handle.reload(filter).context("changing the levels")
    }
}

/// These levels; but what h2 says of every frame only where they name it.
fn quiet(targets: &str) -> Result<EnvFilter, ParseError> {
    let filter = EnvFilter::try_new(targets)?;
    if filter.max_level_hint() <= Some(LevelFilter::INFO) {
        return Ok(filter);
    }
    // The last word about a target counts.
    EnvFilter::try_new(format!("h2=info,{targets}"))
}

/// Decides on lines. A line with the field `service` is measured by that service's level, if it has one.
#[derive(Debug)]
pub(super) struct Filter {
    targets: EnvFilter,
    services: Vec<(String, LevelFilter)>,
}

impl Filter {
    fn new(targets: &str, services: &[(ServiceName, LogLevel)]) -> anyhow::Result<Self> {
        let levels = services.iter();
        Ok(Self {
            targets: quiet(targets).with_context(|| format!("\"{targets}\" is not a log level"))?,
            services: levels
                .map(|(name, level)| (name.to_string(), filter(*level)))
                .collect(),
        })
    }

    /// Whether the service of an event may decide on it.
    fn asks_service(&self, metadata: &Metadata<'_>) -> bool {
        !self.services.is_empty()
            && metadata.is_event()
            && metadata.fields().field(SERVICE).is_some()
    }

    fn most(&self) -> LevelFilter {
        let levels = self.services.iter().map(|(_, level)| *level);
        levels.max().unwrap_or(LevelFilter::OFF)
    }
}

impl<S: Subscriber> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = Layer::<S>::register_callsite(&self.targets, metadata);
        if self.asks_service(metadata) {
            Interest::sometimes()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        let some_service = self.asks_service(metadata) && *metadata.level() <= self.most();
        some_service || self.targets.enabled(metadata, context)
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if !self.asks_service(metadata) {
            return true;
        }
        let mut named = Named {
            services: &self.services,
            level: None,
        };
        event.record(&mut named);
        match named.level {
            Some(level) => *metadata.level() <= level,
            None => self.targets.enabled(metadata, context),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let targets = Layer::<S>::max_level_hint(&self.targets)?;
        Some(targets.max(self.most()))
    }
}

/// Finds the level of the service that an event names.
struct Named<'f> {
    services: &'f [(String, LevelFilter)],
    level: Option<LevelFilter>,
}

impl Visit for Named<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == SERVICE {
            let found = self.services.iter().find(|(name, _)| name == value);
            self.level = found.map(|(_, level)| *level);
        }
    }

    /// Every `service` is text.
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

const SERVICE: &str = "service";

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::{debug, error, info};
    use tracing_subscriber::layer::SubscriberExt as _;

    /// Keeps the messages that get here.
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
    }

    struct Message(String);

    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }

    fn speak() {
        info!("host info");
        debug!("host debug");
        for service in ["chat", "echo", "quiet"] {
            error!(service, "{service} error");
            info!(target: "wasket::guest", service, "{service} info");
            debug!(service, "{service} debug");
        }
        debug!(target: "loud", "loud debug");
    }

    #[test]
    fn what_http2_says_of_every_frame_is_for_who_names_it() {
        let heard = |levels: &str| {
            let kept = Arc::new(Mutex::new(Vec::new()));
            let filter = Filter::new(levels, &[]).unwrap();
            let subscriber = tracing_subscriber::registry()
                .with(filter)
                .with(Kept(Arc::clone(&kept)));
            tracing::subscriber::with_default(subscriber, || {
                debug!(target: "h2::codec", "frame");
                debug!("ours");
            });
            kept.lock().unwrap().clone()
        };
        assert_eq!(heard("debug"), ["ours"]);
        assert_eq!(heard("trace"), ["ours"]);
        assert_eq!(heard("debug,h2=debug"), ["frame", "ours"]);
        assert_eq!(heard("h2::codec=debug"), ["frame"]);
        assert!(heard("info").is_empty() && heard("off").is_empty());
    }

    // parity S13
    #[test]
    fn the_level_of_a_service_goes_before_that_of_a_target_and_both_change() {
        let name = |name: &str| name.parse::<ServiceName>().unwrap();
        let services = [
            (name("chat"), LogLevel::Debug),
            (name("quiet"), LogLevel::Off),
        ];
        let (layer, handle) =
            reload::Layer::new(Filter::new("info,loud=debug", &services).unwrap());
        let kept = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(Kept(Arc::clone(&kept)));
        let took = || std::mem::take(&mut *kept.lock().unwrap());
        tracing::subscriber::with_default(subscriber, || {
            speak();
            let expected = [
                "host info",
                "chat error",
                "chat info",
                "chat debug",
                "echo error",
                "echo info",
                "loud debug",
            ];
            assert_eq!(took(), expected);
            handle.reload(Filter::new("error", &[]).unwrap()).unwrap();
            speak();
            assert_eq!(took(), ["chat error", "echo error", "quiet error"]);
            let all = [(name("echo"), LogLevel::Trace)];
            handle.reload(Filter::new("off", &all).unwrap()).unwrap();
            speak();
            assert_eq!(took(), ["echo error", "echo info", "echo debug"]);
        });
    }
}
