//! `[log]`: what it says of single services.

use crate::mistake::unknown_service;
use crate::plan::LogLevel;
use crate::problem::Mistakes;
use crate::typed::{Typed, not_valid};
use crate::value::{Invalid, ServiceName};
use toml::de::DeTable;

/// The levels of services that the file has; what answers plain HTTP is one in the log.
pub(super) fn service_levels(
    typed: &Typed<'_>,
    root: &DeTable<'_>,
    mistakes: &Mistakes,
) -> Vec<(ServiceName, LogLevel)> {
    let table = |name| root.get(name).and_then(|value| value.get_ref().as_table());
    let tables = [table("service"), table("http")];
    let names = || tables.into_iter().flatten().flat_map(|table| table.keys());
    let mut levels = Vec::new();
    for (name, level) in typed.pairs("service_levels") {
        let known = names().any(|known| **known.get_ref() == *name.value);
        if !known {
            mistakes.add(unknown_service(
                &name,
                names().map(|name| &**name.get_ref()),
            ));
        }
        let Some(meaning) = LogLevel::named(&level.value) else {
            let expected = "expected off, error, warn, info, debug or trace";
            let invalid = Invalid::Filter(expected);
            mistakes.add(not_valid(&level.value, level.span, invalid));
            continue;
        };
        // A wrong name is reported where the service is.
        levels.extend(name.value.parse().ok().map(|name| (name, meaning)));
    }
    levels
}
