//! How it ended: the code that scripts see. docs/connect.md has the table.

use std::io;
use std::process::ExitCode;

use wasket_client::{By, Closed, Error, Fault, HandshakeFault, Phase, ProxyFault};

use crate::exit::FAILURE;
use crate::signal::Ending;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Closed as it should be.
    Clean,
    /// Something of ours failed: a file, stdin, stdout.
    Failed,
    /// The server has no address, or does not answer at it.
    Unreachable,
    /// The proxy is out of reach or refuses.
    Proxy,
    /// TLS failed, or the certificate is not acceptable.
    Tls,
    /// The server did not accept the handshake.
    Refused,
    /// The connection was lost, or the server broke the protocol.
    Lost,
    /// The server closed it with a code that says that something is wrong.
    ClosedWithError,
    /// A signal.
    Signal(Ending),
}

impl End {
    fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => FAILURE,
            // 2 is what was typed wrong.
            Self::Unreachable => 3,
            Self::Proxy => 4,
            Self::Tls => 5,
            Self::Refused => 6,
            Self::Lost => 7,
            Self::ClosedWithError => 8,
            Self::Signal(ending) => u8::try_from(ending.exit_code()).unwrap_or(FAILURE),
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end.code())
    }
}

impl From<&Error> for End {
    fn from(error: &Error) -> Self {
        match error.phase() {
            Phase::Resolve | Phase::Connect => Self::Unreachable,
            Phase::Proxy => Self::Proxy,
            Phase::Tls => Self::Tls,
            Phase::Handshake => Self::Refused,
            _ => Self::Lost,
        }
    }
}

impl From<&Closed> for End {
    fn from(closed: &Closed) -> Self {
        let is_well = matches!(closed.code, 1000 | 1001 | 1005);
        match (&closed.fault, closed.by) {
            // It has read our close frame, and saves itself the answer.
            (Some(Fault::Gone), By::Us) => Self::Clean,
            // The same, of one that has not read all that we sent before: which of the two it is is chance.
            (Some(Fault::Socket(error)), By::Us) if is_hung_up(error) => Self::Clean,
            (Some(_), _) => Self::Lost,
            (None, By::Us) => Self::Clean,
            (None, _) if is_well => Self::Clean,
            (None, _) => Self::ClosedWithError,
        }
    }
}

fn is_hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset)
}

/// Whether another attempt may end in another way. Of answers of 4xx and of certificates the library knows that it does not;
/// where a redirect is not followed it will not be, and a name that never had an address is likely wrong.
pub(super) fn may_mend(error: &Error, was_open: bool) -> bool {
    match error {
        Error::Resolve { source, .. } => was_open || is_passing(source),
        Error::Proxy {
            fault: ProxyFault::Unreachable(error),
            ..
        } => may_mend(error, was_open),
        Error::Handshake(HandshakeFault::Redirect { .. }) => false,
        Error::Proxy {
            fault: ProxyFault::Refused(rejection),
            ..
        } => !rejection.status.is_redirection(),
        error => error
            .rejection()
            .is_none_or(|rejection| !rejection.status.is_redirection()),
    }
}

/// Whether looking up a name has failed only for now.
fn is_passing(error: &io::Error) -> bool {
    // What getaddrinfo says has no kind, and std keeps its code (EAI_AGAIN) to itself. These are its texts, of glibc and of
    // musl.
    let text = error.to_string();
    error.kind() == io::ErrorKind::TimedOut
        || text.contains("Temporary failure")
        || text.ends_with("Try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_server_count_when_it_closes() {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, InvalidData};
        let socket =
            |kind: io::ErrorKind| Some(Fault::Socket(std::sync::Arc::new(io::Error::from(kind))));
        for (code, by, fault, end) in [
            (1000, By::Peer, None, End::Clean),
            (1001, By::Peer, None, End::Clean),
            (1005, By::Peer, None, End::Clean),
            (1008, By::Peer, None, End::ClosedWithError),
            (1011, By::Peer, None, End::ClosedWithError),
            (4000, By::Peer, None, End::ClosedWithError),
            (4000, By::Us, None, End::Clean),
            (1006, By::Network, Some(Fault::Gone), End::Lost),
            (1006, By::Us, Some(Fault::Gone), End::Clean),
            (1006, By::Us, Some(Fault::CloseOverdue), End::Lost),
            (1006, By::Us, socket(ConnectionReset), End::Clean),
            (1006, By::Us, socket(BrokenPipe), End::Clean),
            (1006, By::Us, socket(InvalidData), End::Lost),
            (1006, By::Network, socket(ConnectionReset), End::Lost),
        ] {
            let closed = Closed {
                code,
                reason: String::new(),
                clean: fault.is_none(),
                by,
                fault,
            };
            assert_eq!(End::from(&closed), end, "{closed:?}");
        }
        assert_eq!(End::Signal(Ending::Interrupt).code(), 130);
        assert_eq!(End::Signal(Ending::Terminate).code(), 143);
    }

    // parity W18
    #[test]
    fn what_will_not_change_is_not_tried_again() {
        let unknown = || Error::Resolve {
            host: "a".to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        let of_proxy = Error::Proxy {
            proxy: "a:1".to_owned(),
            fault: ProxyFault::Unreachable(Box::new(unknown())),
        };
        for error in [unknown(), of_proxy] {
            assert!(!may_mend(&error, false), "{error}");
            assert!(may_mend(&error, true), "{error}");
        }
        for source in [
            io::ErrorKind::TimedOut.into(),
            io::Error::other(
                "failed to lookup address information: Temporary failure in name resolution",
            ),
        ] {
            let host = "a".to_owned();
            assert!(may_mend(&Error::Resolve { host, source }, false));
        }
        let refused = Error::Connect {
            to: "a:1".to_owned(),
            fault: wasket_client::ConnectFault::Refused,
        };
        assert!(may_mend(&refused, false));
        for (status, mends) in [(307, false), (404, true), (503, true)] {
            let rejection = wasket_client::Rejection::new(status.try_into().unwrap());
            let of_proxy = Error::Proxy {
                proxy: "a:1".to_owned(),
                fault: ProxyFault::Refused(Box::new(rejection.clone())),
            };
            let of_server = HandshakeFault::Rejected(Box::new(rejection)).into();
            for error in [of_proxy, of_server] {
                assert_eq!(may_mend(&error, true), mends, "{error}");
            }
        }
    }
}
