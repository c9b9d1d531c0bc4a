//! The PROXY protocol: what a load balancer in front of us says of whom it speaks for. Only those in
//! `smtp.proxy_networks` are listened to, and they have to say it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Longest wait for the header: a proxy sends it at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest header of version 2 (its §2.2); one of version 1 has 107 octets.
const LONGEST: usize = 536;
/// How soon a header that came in pieces is looked at again.
const AGAIN: Duration = Duration::from_millis(10);

/// Reads the header. The client's address, or the proxy's own where it speaks for itself (a health check).
///
/// # Errors
/// When there is no header, or no good one, in time.
pub(super) async fn client(stream: &mut TcpStream, proxy: IpAddr) -> io::Result<IpAddr> {
    timeout(PATIENCE, header(stream, proxy)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn header(stream: &mut TcpStream, proxy: IpAddr) -> io::Result<IpAddr> {
    let mut seen = [0; LONGEST];
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    loop {
        let length = stream.peek(&mut seen).await?;
        match ProxyHeader::parse(&seen[..length], config) {
            Ok((header, used)) => {
                let ip = header.proxied_address().map_or(proxy, |address| address.source.ip());
                stream.read_exact(&mut seen[..used]).await?;
                return Ok(ip.to_canonical());
            }
            Err(Error::BufferTooShort) if (1..LONGEST).contains(&length) => sleep(AGAIN).await,
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
