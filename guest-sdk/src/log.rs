//! Lines for the host's log (`wasi:logging`), which adds the service and escapes what needs it.
//!
//! ```
//! use wasket_guest::log;
//! fn joined(name: &str) {
//!     log::info!("{name} joined");
//! }
//! ```

use std::fmt;

use crate::host;

#[doc(inline)]
pub use crate::{
    __critical as critical, __debug as debug, __error as error, __info as info, __trace as trace,
    __warn as warn,
};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Values and the flow of control.
    Trace,
    /// For someone who debugs.
    Debug,
    /// For someone who watches.
    Info,
    /// A hazard.
    Warn,
    /// A serious error.
    Error,
    /// A fatal error.
    Critical,
}

/// Writes a line. The context groups similar lines; the macros ([`info!`] and so on) pass the module's
/// path.
pub fn log(level: Level, context: &str, line: fmt::Arguments<'_>) {
    match line.as_str() {
        Some(line) => host::log(level, context, line),
        None => host::log(level, context, &line.to_string()),
    }
}

/// Logs at [`Level::Trace`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Trace, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}

/// Logs at [`Level::Debug`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Debug, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}

/// Logs at [`Level::Info`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Info, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}

/// Logs at [`Level::Warn`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Warn, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}

/// Logs at [`Level::Error`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Error, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}

/// Logs at [`Level::Critical`]; arguments as for `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __critical {
    ($($arg:tt)+) => {
        $crate::log::log($crate::log::Level::Critical, ::core::module_path!(), ::core::format_args!($($arg)+))
    };
}
