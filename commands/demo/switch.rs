//! The switch in front of a provider: it owns the provider's public port, and fails as providers fail.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

/// How the provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It works.
    Heal,
    /// Nothing listens on its port.
    Refuse,
    /// It accepts connections and never answers; those that are open stall.
    Hang,
    /// It answers every request with an error: status 500, or a directory's "busy".
    Error,
}

/// What is spoken through a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// Web servers.
    Http,
    /// Directories.
    Ldap,
}

impl Mode {
    /// In the order of the buttons.
    pub const ALL: [Mode; 4] = [Mode::Heal, Mode::Refuse, Mode::Hang, Mode::Error];

    /// As on the buttons.
    pub fn word(self, speech: Speech) -> &'static str {
        match (self, speech) {
            (Mode::Heal, _) => "heal",
            (Mode::Refuse, _) => "refuse",
            (Mode::Hang, _) => "hang",
            (Mode::Error, Speech::Http) => "500",
            (Mode::Error, Speech::Ldap) => "busy",
        }
    }

    /// What it does to the provider, after "it ...".
    pub fn effect(self, speech: Speech) -> &'static str {
        match (self, speech) {
            (Mode::Heal, _) => "works",
            (Mode::Refuse, _) => "refuses connections",
            (Mode::Hang, _) => "accepts connections and never answers",
            (Mode::Error, Speech::Http) => "answers every request with status 500",
            (Mode::Error, Speech::Ldap) => "answers every request with \u{201c}busy\u{201d}",
        }
    }

    /// From a button.
    pub fn of(word: &str, speech: Speech) -> Option<Self> {
        Mode::ALL.into_iter().find(|mode| mode.word(speech) == word)
    }
}

type Order = (Mode, oneshot::Sender<io::Result<()>>);

/// A switch that runs; it stops when the last handle is gone.
pub struct Switch {
    /// The port people and the orchestrator know.
    pub public: SocketAddr,
    /// What is spoken through it.
    pub speech: Speech,
    orders: mpsc::Sender<Order>,
    mode: watch::Receiver<Mode>,
}

impl Switch {
    /// Forwards what arrives at `listener` to `provider`.
    pub fn start(listener: TcpListener, provider: SocketAddr, speech: Speech) -> io::Result<Self> {
        let public = listener.local_addr()?;
        let (orders, incoming) = mpsc::channel(8);
        let (announce, mode) = watch::channel(Mode::Heal);
        tokio::spawn(run(listener, public, (provider, speech), incoming, announce));
        Ok(Switch { public, speech, orders, mode })
    }

    /// How it stands.
    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Changes how the provider behaves; when this returns, it does. The port may have been taken by somebody
    /// else while it was refused: an error, and it stays refused.
    pub async fn set(&self, mode: Mode) -> io::Result<()> {
        let (done, ack) = oneshot::channel();
        let gone = || io::Error::other("the switch has stopped");
        self.orders.send((mode, done)).await.map_err(|_| gone())?;
        ack.await.map_err(|_| gone())?
    }
}

/// A socket on a port that this process, or the one before it, used a moment ago.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn run(
    listener: TcpListener,
    public: SocketAddr,
    provider: (SocketAddr, Speech),
    mut orders: mpsc::Receiver<Order>,
    announce: watch::Sender<Mode>,
) {
    let mut listener = Some(listener);
    loop {
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => {
                let Some((mode, done)) = order else { return };
                let changed = change(&mut listener, public, mode);
                if changed.is_ok() {
                    announce.send_replace(mode);
                }
                let _ = done.send(changed);
            }
            accepted = accept => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, provider, announce.subscribe()));
                }
                // Out of descriptors, most likely: let those that end give theirs back.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
}

fn change(listener: &mut Option<TcpListener>, public: SocketAddr, mode: Mode) -> io::Result<()> {
    if mode == Mode::Refuse {
        *listener = None;
    } else if listener.is_none() {
        *listener = Some(listen(public)?);
    }
    Ok(())
}

/// One connection, which behaves as the switch stands. One that was let through stalls when the switch turns
/// to hang, and ends with any other change.
async fn connection(
    mut stream: TcpStream,
    (provider, speech): (SocketAddr, Speech),
    mut mode: watch::Receiver<Mode>,
) {
    let _ = stream.set_nodelay(true);
    let stands = *mode.borrow_and_update();
    match stands {
        Mode::Refuse => {}
        Mode::Hang => stall(stream, mode).await,
        Mode::Error => tokio::select! {
            () = always_an_error(stream, speech) => {}
            _ = mode.changed() => {}
        },
        Mode::Heal => {
            let Ok(mut inner) = TcpStream::connect(provider).await else { return };
            let _ = inner.set_nodelay(true);
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut stream, &mut inner) => return,
                _ = mode.changed() => {}
            }
            drop(inner);
            if *mode.borrow_and_update() == Mode::Hang {
                stall(stream, mode).await;
            }
        }
    }
}

/// Reads and says nothing, until the other side gives up or the switch turns.
async fn stall(mut stream: TcpStream, mut mode: watch::Receiver<Mode>) {
    let (mut read, _write) = stream.split();
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(&mut read, &mut nowhere) => {}
        _ = mode.changed() => {}
    }
}

async fn always_an_error(stream: TcpStream, speech: Speech) {
    if speech == Speech::Ldap {
        return super::directory::busy(stream).await;
    }
    let service = service_fn(|_| async {
        let mut response =
            http::Response::new(Full::new(Bytes::from_static(b"The demo's switch stands at 500.\n")));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok::<_, Infallible>(response)
    });
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    async fn echo() -> SocketAddr {
        let listener = listen(LOCAL).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn answers(stream: &mut TcpStream) -> bool {
        if stream.write_all(b"ping").await.is_err() {
            return false;
        }
        let mut four = [0; 4];
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read_exact(&mut four));
        matches!(read.await, Ok(Ok(_))) && &four == b"ping"
    }

    #[tokio::test]
    async fn each_mode_does_what_it_says() {
        let switch = Switch::start(listen(LOCAL).unwrap(), echo().await, Speech::Http).unwrap();
        let mut open = TcpStream::connect(switch.public).await.unwrap();
        assert!(answers(&mut open).await);

        switch.set(Mode::Hang).await.unwrap();
        assert!(!answers(&mut open).await, "an open connection stalls");
        let mut held = TcpStream::connect(switch.public).await.unwrap();
        assert!(!answers(&mut held).await, "a new one is accepted and stalls");

        switch.set(Mode::Refuse).await.unwrap();
        let refused = TcpStream::connect(switch.public).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(switch.mode(), Mode::Refuse);

        switch.set(Mode::Error).await.unwrap();
        let mut failing = TcpStream::connect(switch.public).await.unwrap();
        failing.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut text = String::new();
        failing.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 500 "), "{text}");

        switch.set(Mode::Heal).await.unwrap();
        assert!(answers(&mut TcpStream::connect(switch.public).await.unwrap()).await);
    }

    #[tokio::test]
    async fn a_port_taken_meanwhile_is_said_and_stays_refused() {
        let switch = Switch::start(listen(LOCAL).unwrap(), echo().await, Speech::Http).unwrap();
        switch.set(Mode::Refuse).await.unwrap();
        let thief = listen(switch.public).unwrap();
        assert!(switch.set(Mode::Heal).await.is_err());
        assert_eq!(switch.mode(), Mode::Refuse);
        drop(thief);
        switch.set(Mode::Heal).await.unwrap();
    }
}
