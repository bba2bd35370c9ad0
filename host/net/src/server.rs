use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use wasket_session::{Closing, IdSource, Party};

use crate::address::{Crowd, Full, Seated};
use crate::shared::Shared;
use crate::{BindError, Listener, Routes, arrival, full, http};

/// The listeners of a host, bound and serving.
pub struct Server {
    listeners: Vec<(Arc<Listener>, TcpListener)>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// Stops a [`Server`].
#[derive(Clone, Debug)]
pub struct ServerHandle(CancellationToken);

impl Server {
    /// Binds every listener. From now on the kernel accepts connections; [`run`](Self::run) serves them.
    ///
    /// # Errors
    /// When an address cannot be bound.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub fn bind(
        listeners: Vec<Listener>,
        routes: Routes,
        ids: impl Into<Arc<IdSource>>,
    ) -> Result<Self, BindError> {
        let listeners = listeners.into_iter().map(|listener| {
            let socket = listener.bind()?;
            Ok((Arc::new(listener), socket))
        });
        Ok(Self {
            listeners: listeners.collect::<Result<_, _>>()?,
            shared: Arc::new(Shared::new(routes, ids)),
            tasks: TaskTracker::new(),
        })
    }

    /// Where it really listens, listener by listener.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|(_, socket)| socket.local_addr().ok())
            .collect()
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle(self.shared.stopping.clone())
    }

    /// Serves until the handle stops it. Then it accepts no more, closes every session with 1001, and
    /// waits for them for at most `drain`. Returns how many connections were still there.
    pub async fn run(self, drain: Duration) -> usize {
        let Self {
            listeners,
            shared,
            tasks,
        } = self;
        let sweeper = CancellationToken::new();
        let sweep = tokio::spawn(sweep(Arc::clone(&shared), sweeper.clone()));
        let accepting = TaskTracker::new();
        for (listener, socket) in listeners {
            accepting.spawn(accept(listener, socket, Arc::clone(&shared), tasks.clone()));
        }
        shared.stopping.cancelled().await;
        accepting.close();
        accepting.wait().await;
        let closing = Closing {
            frame: shared.farewell(),
            by: Party::Host,
            drain: true,
        };
        for hub in shared.hubs() {
            hub.shut_all(&closing);
        }
        tasks.close();
        let _ = tokio::time::timeout(drain, tasks.wait()).await;
        sweeper.cancel();
        let _ = sweep.await;
        tasks.len()
    }
}

impl ServerHandle {
    /// Begins the orderly end.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// Accepts until the server stops.
async fn accept(
    listener: Arc<Listener>,
    socket: TcpListener,
    shared: Arc<Shared>,
    tasks: TaskTracker,
) {
    let crowd = Crowd::new(
        listener.connections_max,
        listener.connections_per_address_max,
    );
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a peer that has left: neither ends the listener.
                warn!(listener = %listener.address, %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let seated = match seat(&crowd, &listener, remote) {
            Ok(seated) => seated,
            Err(full) => {
                crowd.turn_away(full, listener.address, remote);
                continue;
            }
        };
        tune(&stream, &listener);
        let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
        let own = Arc::clone(&listener);
        match listener.tls.clone() {
            None => {
                let arriving = arrival::plain(stream, remote, own, seated);
                tasks.spawn(http::serve(arriving, remote, listener, shared))
            }
            Some(tls) => {
                let arriving = arrival::secured(stream, remote, own, tls, seated);
                tasks.spawn(http::serve(arriving, remote, listener, shared))
            }
        };
    }
}

/// A place for a connection. Whose it is, is known now unless a proxy is still to say it.
fn seat(crowd: &Arc<Crowd>, listener: &Listener, remote: SocketAddr) -> Result<Seated, Full> {
    let mut seated = crowd.enter()?;
    if !listener.trusted_proxies.contain(remote.ip()) {
        seated.settle(remote.ip())?;
    }
    Ok(seated)
}

fn tune(stream: &TcpStream, listener: &Listener) {
    if listener.nodelay
        && let Err(error) = stream.set_nodelay(true)
    {
        debug!(%error, "TCP_NODELAY");
    }
}

/// One timer for the deadlines of all sessions.
async fn sweep(shared: Arc<Shared>, done: CancellationToken) {
    let mut interval = tokio::time::interval(SWEEP_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hubs = shared.hubs();
    let mut full = full::Queues::of(&hubs);
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            _ = interval.tick() => {}
        }
        let now_ms = shared.clock.monotonic_ms(Instant::now());
        for hub in &hubs {
            hub.sweep(now_ms);
        }
        full.tell();
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Deadlines of sessions are kept to this.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    // parity B4
    #[tokio::test]
    async fn small_frames_go_at_once_where_the_listener_says_so() {
        for nodelay in [true, false] {
            let mut listener = Listener::new(SocketAddr::from(([127, 0, 0, 1], 0)));
            listener.nodelay = nodelay;
            let socket = listener.bind().unwrap();
            let _peer = TcpStream::connect(socket.local_addr().unwrap())
                .await
                .unwrap();
            let (stream, _) = socket.accept().await.unwrap();
            tune(&stream, &listener);
            assert_eq!(stream.nodelay().unwrap(), nodelay);
        }
    }
}
