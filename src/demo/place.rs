//! Where the preview page of `hekate run --slack preview` answers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use thiserror::Error;

/// The usual port.
const PORT: u16 = 7878;

/// An address of this machine that nobody else can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(SocketAddr);

/// Why something is no such address; says what to do.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NoPlace {
    /// It is another word.
    #[error("say `preview`, or `preview=PORT` for another port than {PORT}")]
    Word,
    /// Others could reach it.
    #[error(
        "whoever reaches the page can read everything and press everything, so it answers on this machine only: say \
         `preview={0}`, and from elsewhere `ssh -L {0}:127.0.0.1:{0} <this machine>`"
    )]
    Reachable(u16),
}

impl Place {
    /// The address.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let here = |port| Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        if text == "preview" {
            return Ok(here(PORT));
        }
        let place = text.strip_prefix("preview=").ok_or(NoPlace::Word)?;
        if let Ok(port) = place.parse() {
            return Ok(here(port));
        }
        let address: SocketAddr = place.parse().map_err(|_unreadable| NoPlace::Word)?;
        if address.ip().is_loopback() {
            Ok(Self(address))
        } else {
            Err(NoPlace::Reachable(address.port()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_a_place() {
        for (text, address) in [
            ("preview", "127.0.0.1:7878"),
            ("preview=0", "127.0.0.1:0"),
            ("preview=7979", "127.0.0.1:7979"),
            ("preview=127.0.0.2:7979", "127.0.0.2:7979"),
            ("preview=[::1]:7979", "[::1]:7979"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.address().to_string(), address, "{text}");
        }
        for (text, why) in [
            ("slack", NoPlace::Word),
            ("preview=", NoPlace::Word),
            ("preview=70000", NoPlace::Word),
            ("preview=localhost:80", NoPlace::Word),
            ("preview=0.0.0.0:7979", NoPlace::Reachable(7979)),
            ("preview=192.0.2.1:7979", NoPlace::Reachable(7979)),
            ("preview=[::]:7979", NoPlace::Reachable(7979)),
        ] {
            assert_eq!(Place::from_str(text), Err(why), "{text}");
        }
    }
}
