//! Bytes on a socket, as nobody's library would send them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a server did with some bytes.
#[derive(Debug)]
pub struct Outcome {
    /// Status of each answer, in order.
    pub statuses: Vec<u16>,
    /// Everything it sent.
    pub text: String,
    /// Whether it closed the connection.
    pub closed: bool,
}

/// Sends bytes and reads until the server closes or is silent for a while.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Outcome {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(700))).expect("a timeout");
    // The server may close while a flood is still being sent.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let closed = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(n) => received.extend_from_slice(&buffer[..n]),
            Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    let text = String::from_utf8_lossy(&received).into_owned();
    let statuses =
        text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect();
    Outcome { statuses, text, closed }
}
