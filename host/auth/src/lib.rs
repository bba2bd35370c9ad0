//! HTTP authentication: Basic (RFC 7617) and Digest (RFC 7616: MD5 and SHA-256, `qop=auth`), and the files that
//! users are kept in.
//!
//! [`Guard::begin`] reads what a request says of itself, and answers whose secret is needed. The caller looks that
//! up, wherever users are kept, and [`Guard::finish`] compares. [`Guard::challenges`] is what a 401 says. The other side
//! picks a [`Challenge`] and answers it.
//!
//! Pure: time comes in as milliseconds of any monotonic clock, the nonces' key and the text of files as arguments.
//! Deliberately absent: I/O, clocks and randomness; roles of a service and limits on attempts, which are its
//! caller's; `auth-int`, `userhash` and session variants of the algorithms. Passwords
//! and hashes are shown by no `Debug`, but their memory is not wiped when it is given back: copies of them are in the
//! buffers of sockets and TLS as well, which nobody wipes.
#![forbid(unsafe_code)]

mod challenge;
mod digest;
mod field;
mod file;
mod guard;
mod header;
mod limits;
mod nonce;
mod realm;
mod secret;
mod target;

pub use challenge::{Challenge, basic};
pub use digest::Algorithm;
pub use file::{FileMistake, RoleTable, UserTable};
pub use guard::{Attempt, Begun, Guard, Scheme, Verdict};
pub use header::{AUTHORIZATION_BYTES_MAX, Malformed};
pub use limits::HashLimits;
pub use realm::{Realm, RealmError};
pub use secret::{Secret, SecretError};
