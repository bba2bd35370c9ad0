//! Many sessions on few connections, all at once: nothing is lost, mixed up or waited for in vain.

use h2::Reason;
use h2::client::Builder;
use wasket_session::Limits;

use crate::h2_client::{H2, Session};
use crate::support::{Running, closing, until};

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        // Knuth's constants.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 40).unwrap() % sides
    }
}

/// Sends messages of many lengths, several at once, and reads them back; in the end it closes, or leaves.
async fn talk(mut session: Session, mut dice: Dice, rounds: usize) {
    for _ in 0..rounds {
        let count = 1 + dice.throw(5);
        let lengths: Vec<_> = (0..count)
            .map(|_| [7, 200, 3000, 40_000][dice.throw(4)])
            .collect();
        let message = |length: usize| -> Vec<u8> { (0..=255).cycle().take(length).collect() };
        for length in &lengths {
            session.frame(0x82, &message(*length));
        }
        for length in &lengths {
            let (first, payload) = session.read().await.unwrap();
            assert!((first, payload) == (0x82, message(*length)), "{length}");
        }
    }
    match dice.throw(3) {
        0 => session.send.send_reset(Reason::CANCEL),
        1 => session.end(),
        _ => {
            session.frame(0x88, &closing(1000, ""));
            assert_eq!(session.read_close().await, 1000);
            session.end();
        }
    }
}

async fn stress(connections: u64, sessions: u64, rounds: usize) {
    let server = Running::echo(Limits::default());
    let mut builder = Builder::new();
    builder.initial_connection_window_size(20 << 20);
    let mut talks = Vec::new();
    for connection in 0..connections {
        let mut client = H2::with(server.address, &builder).await;
        for number in 0..sessions {
            let session = client.open("/echo").await;
            let dice = Dice(connection * 1000 + number);
            talks.push(tokio::spawn(talk(session, dice, rounds)));
        }
    }
    for talk in talks {
        talk.await.unwrap();
    }
    until("all have left", || server.hub.count() == 0).await;
    assert_eq!(server.stop().await, 0);
}

// hardening H21 H25
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sessions_on_few_connections() {
    stress(3, 30, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "slow: 10 s"]
async fn a_thousand_sessions_on_ten_connections() {
    stress(10, 100, 20).await;
}
