//! Sockets that listen before we run (`sd_listen_fds(3)`): systemd holds the ports, so no client is refused while the
//! desk starts again, and the desk needs no right to low ports.

use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use listenfd::ListenFd;
use postdesk::smtp::HandedIn;

/// What was handed in, by the door it is for.
#[derive(Default)]
pub struct Sockets {
    pub smtp: HandedIn,
    pub http: Vec<TcpListener>,
}

impl Sockets {
    /// Takes those of this process. To be called once, before there are threads: it changes the environment.
    pub fn take() -> Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<_> = names.split(':').collect();
        let (mut fds, mut sockets) = (ListenFd::from_env(), Self::default());
        for i in 0..fds.len() {
            let name = names.get(i).copied().unwrap_or_default();
            sockets.add(name, i, &mut fds).with_context(|| format!("the socket handed in as {name:?}"))?;
        }
        Ok(sockets)
    }

    fn add(&mut self, name: &str, i: usize, fds: &mut ListenFd) -> Result<()> {
        let list = match name {
            "smtp" => &mut self.smtp.smtp,
            "smtps" => &mut self.smtp.smtps,
            "http" => &mut self.http,
            "lmtp" => {
                if let Ok(unix) = fds.take_unix_listener(i) {
                    self.smtp.lmtp_unix.extend(unix);
                    return Ok(());
                }
                &mut self.smtp.lmtp
            }
            _ => bail!("expected FileDescriptorName=smtp, smtps, lmtp or http in its socket unit"),
        };
        list.extend(fds.take_tcp_listener(i)?);
        Ok(())
    }
}
