//! Which addresses a look may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::{Gap, GapKind, plan::IpFamily};

/// The most addresses of one name that are tried; names with more rotate them anyway.
const ADDRESSES_MAX: usize = 8;

/// The addresses to try, in this order: as given, but the families taking turns so that a dead one costs little.
///
/// # Errors
///
/// There is no address of that family, or only such as are never looked at.
pub(in crate::probe) fn usable(
    addresses: &[IpAddr],
    family: IpFamily,
    port: u16,
) -> Result<Vec<SocketAddr>, Gap> {
    let mut all = all_usable(addresses, family, port)?;
    all.truncate(ADDRESSES_MAX);
    Ok(all)
}

/// As [`usable`], however many there are; each of them once.
///
/// # Errors
///
/// As [`usable`].
pub(in crate::probe) fn all_usable(
    addresses: &[IpAddr],
    family: IpFamily,
    port: u16,
) -> Result<Vec<SocketAddr>, Gap> {
    let fits = |address: &&IpAddr| match family {
        IpFamily::Auto => true,
        IpFamily::V4 => address.is_ipv4(),
        IpFamily::V6 => address.is_ipv6(),
    };
    let allowed: Vec<IpAddr> = addresses
        .iter()
        .filter(fits)
        .copied()
        .filter(|address| !is_never_looked_at(*address))
        .collect();
    let Some(first) = allowed.first() else {
        return Err(Gap {
            kind: GapKind::NotConfigured,
            words: match addresses.iter().find(fits) {
                Some(refused) => format!("address {refused} is never looked at"),
                None => "there is no address of the family that `ip` asks for".to_owned(),
            },
        });
    };
    let leads = |address: &&IpAddr| address.is_ipv6() == first.is_ipv6();
    let mut leading = allowed.iter().filter(leads);
    let mut others = allowed.iter().filter(|address| !leads(address));
    let mut ordered = Vec::with_capacity(allowed.len());
    loop {
        let pair = [leading.next(), others.next()];
        if pair == [None, None] {
            break;
        }
        for ip in pair.into_iter().flatten() {
            let address = SocketAddr::new(*ip, port);
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    Ok(ordered)
}

/// Whether an address is one that no health endpoint has, but a cloud's metadata service or this very machine under
/// another name might: link-local, unspecified, multicast, broadcast.
///
/// It is asked after the name was resolved, with the address that is about to be used, so a name that changes its
/// mind between two questions gains nothing. Loopback and private networks are where targets live, and are allowed.
///
/// Source: RFC 6890 (0.0.0.0/8, 169.254.0.0/16, `fe80::/10`), RFC 6052 (`64:ff9b::/96`); the single addresses are the
/// metadata services of AWS over IPv6, Alibaba, Azure and Oracle.
pub(in crate::probe) fn is_never_looked_at(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_never_looked_at_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_never_looked_at_v4(embedded),
            None => is_never_looked_at_v6(address),
        },
    }
}

fn is_never_looked_at_v4(address: Ipv4Addr) -> bool {
    const METADATA: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    address.octets()[0] == 0
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA.contains(&address)
}

fn is_never_looked_at_v6(address: Ipv6Addr) -> bool {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address == METADATA
}

/// The IPv4 address inside an IPv6 one: mapped (`::ffff:a.b.c.d`) or through NAT64 (`64:ff9b::a.b.c.d`).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    address.to_ipv4_mapped().or_else(|| {
        let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else {
            return None;
        };
        Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn order(texts: &[&str], family: IpFamily) -> Result<Vec<String>, String> {
        usable(&ips(texts), family, 80)
            .map(|list| {
                list.iter()
                    .map(|address| address.ip().to_string())
                    .collect()
            })
            .map_err(|gap| gap.words)
    }

    #[test]
    fn metadata_and_unroutable_addresses_are_never_looked_at() {
        for refused in [
            "169.254.169.254",
            "169.254.170.2",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(is_never_looked_at(refused.parse().unwrap()), "{refused}");
        }
        for allowed in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "100.64.0.1",
            "8.8.8.8",
            "fd00::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
        ] {
            assert!(!is_never_looked_at(allowed.parse().unwrap()), "{allowed}");
        }
    }

    #[test]
    fn families_take_turns_and_the_first_one_leads() {
        assert_eq!(
            order(&["::1", "fd00::1", "10.0.0.1", "10.0.0.2"], IpFamily::Auto),
            Ok(["::1", "10.0.0.1", "fd00::1", "10.0.0.2"]
                .map(String::from)
                .to_vec())
        );
        assert_eq!(
            order(&["10.0.0.1", "10.0.0.2", "::1"], IpFamily::Auto),
            Ok(["10.0.0.1", "::1", "10.0.0.2"].map(String::from).to_vec())
        );
    }

    #[test]
    fn one_family_only_if_asked() {
        assert_eq!(
            order(&["::1", "10.0.0.1"], IpFamily::V4),
            Ok(vec!["10.0.0.1".to_owned()])
        );
        assert_eq!(
            order(&["::1", "10.0.0.1"], IpFamily::V6),
            Ok(vec!["::1".to_owned()])
        );
        assert!(order(&["10.0.0.1"], IpFamily::V6).is_err());
    }

    #[test]
    fn refused_addresses_are_left_out_and_named_if_nothing_is_left() {
        assert_eq!(
            order(&["169.254.169.254", "10.0.0.1"], IpFamily::Auto),
            Ok(vec!["10.0.0.1".to_owned()])
        );
        assert_eq!(
            order(&["169.254.169.254"], IpFamily::Auto),
            Err("address 169.254.169.254 is never looked at".to_owned())
        );
    }

    #[test]
    fn at_most_eight_are_tried() {
        let many: Vec<IpAddr> = (1..=30)
            .map(|last| Ipv4Addr::new(10, 0, 0, last).into())
            .collect();
        assert_eq!(usable(&many, IpFamily::Auto, 80).unwrap().len(), 8);
    }
}
