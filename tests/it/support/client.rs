//! A plain SMTP client: it says what it is told to and hands back what the other side says.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// One session.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// Nothing more comes from the other side.
#[derive(Debug)]
pub struct Gone;

impl Client {
    /// Connects, takes the greeting and says EHLO.
    pub async fn connect(address: SocketAddr) -> Result<Self, Gone> {
        Self::connect_saying(address, b"").await
    }

    /// The same through a proxy, for a client at this address.
    pub async fn connect_for(address: SocketAddr, client: &str) -> Result<Self, Gone> {
        let (family, us) = if client.contains(':') { (6, "::1") } else { (4, "127.0.0.1") };
        let header = format!("PROXY TCP{family} {client} {us} 4000 25\r\n");
        Self::connect_saying(address, header.as_bytes()).await
    }

    /// The same with these bytes in front of everything.
    pub async fn connect_saying(address: SocketAddr, first: &[u8]) -> Result<Self, Gone> {
        let stream = TcpStream::connect(address).await.map_err(|_| Gone)?;
        stream.set_nodelay(true).map_err(|_| Gone)?;
        let mut client = Self { stream: BufReader::new(stream) };
        client.write(first).await?;
        client.reply().await?;
        client.say("EHLO client.test").await?;
        Ok(client)
    }

    /// Sends a command; the whole reply, its lines separated by LF.
    pub async fn say(&mut self, command: &str) -> Result<String, Gone> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// Sends a mail; the reply to whatever ended it.
    pub async fn send(&mut self, from: &str, to: &str, raw: &[u8]) -> Result<String, Gone> {
        for command in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let reply = self.say(&command).await?;
            if !reply.starts_with(['2', '3']) {
                self.say("RSET").await?;
                return Ok(reply);
            }
        }
        self.write(&dot_stuffed(raw)).await?;
        self.reply().await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.stream.get_mut().write_all(bytes).await.map_err(|_| Gone)
    }

    async fn reply(&mut self) -> Result<String, Gone> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.stream.read_line(&mut reply).await.map_err(|_| Gone)? == 0 || !reply.ends_with('\n') {
                return Err(Gone);
            }
            if reply.as_bytes().get(start + 3) != Some(&b'-') {
                return Ok(reply.trim_end().replace('\r', ""));
            }
        }
    }
}

/// A mail as it goes over the wire (RFC 5321 §4.5.2), with its final dot.
fn dot_stuffed(raw: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(raw.len() + 16);
    let mut at_line_start = true;
    for &byte in raw {
        if at_line_start && byte == b'.' {
            wire.push(b'.');
        }
        wire.push(byte);
        at_line_start = byte == b'\n';
    }
    wire.extend_from_slice(if at_line_start { b".\r\n" } else { b"\r\n.\r\n" });
    wire
}
