//! `dns:` name servers that answer, refuse, lie, cut and say nothing.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hekate::{
    clock::Clock,
    model::{
        discovery::{Place, SrvPlace},
        plan::Question,
        wire::{DnsQuestion, Expected, RecordKind},
    },
    probe::discovery::Reader,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};

use super::stage::{PATIENT, look_with, nobody, prober, told};

/// What a name server does with every question.
#[derive(Clone, Copy)]
enum Does {
    /// Answers with this code and these records, each a type and its bytes.
    Answers(u8, &'static [(u16, &'static [u8])]),
    /// The same, but over UDP only that it does not fit.
    Cuts(&'static [(u16, &'static [u8])]),
    Garbage,
    Nothing,
}

/// The answer to a question. Source: RFC 1035, section 4.
fn answer(question: &[u8], code: u8, is_cut: bool, records: &[(u16, &[u8])]) -> Vec<u8> {
    // The question ends four bytes behind the name's last, empty label; what EDNS adds is left out.
    let name_end = 12
        + question[12..]
            .iter()
            .position(|byte| *byte == 0)
            .expect("a name ends");
    let mut out = question[..2].to_vec();
    out.extend([0x81 | u8::from(is_cut) << 1, 0x80 | code, 0, 1]);
    out.extend(u16::try_from(records.len()).expect("few").to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(&question[12..name_end + 5]);
    for (kind, bytes) in records {
        out.extend([0xC0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(bytes.len()).expect("short").to_be_bytes());
        out.extend(*bytes);
    }
    out
}

/// A name server on UDP and TCP.
async fn server(does: Does) -> SocketAddr {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let address = udp.local_addr().expect("it is bound");
        if let Ok(tcp) = TcpListener::bind(address).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut question).await {
            let reply = match does {
                Does::Answers(code, records) => answer(&question[..length], code, false, records),
                Does::Cuts(_) => answer(&question[..length], 0, true, &[]),
                Does::Garbage => b"garbage that is no answer".to_vec(),
                Does::Nothing => continue,
            };
            let _it_may_have_left = udp.send_to(&reply, from).await;
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let (Ok(length), Does::Cuts(records)) = (stream.read_u16().await, does) else {
                continue;
            };
            let mut question = vec![0; usize::from(length)];
            if stream.read_exact(&mut question).await.is_ok() {
                let reply = answer(&question, 0, false, records);
                let length = u16::try_from(reply.len()).expect("short");
                let _it_may_have_left = stream.write_u16(length).await;
                let _it_may_have_left = stream.write_all(&reply).await;
            }
        }
    });
    address
}

fn asking(resolver: SocketAddr, record: RecordKind, expect: Expected) -> DnsQuestion {
    DnsQuestion {
        name: "shop.test".to_owned(),
        record,
        expect,
        resolver: Some(resolver),
    }
}

async fn say(question: DnsQuestion, limit: Duration) -> String {
    told(&look_with(&prober(), &Question::Dns(Arc::new(question)), limit).await)
}

fn exactly(records: &[&str]) -> Expected {
    Expected::Exactly(records.iter().map(|&text| text.to_owned()).collect())
}

fn containing(records: &[&str]) -> Expected {
    Expected::Containing(records.iter().map(|&text| text.to_owned()).collect())
}

const TWO: Does = Does::Answers(0, &[(1, &[192, 0, 2, 11]), (1, &[192, 0, 2, 10])]);

#[tokio::test]
async fn records_are_compared_in_any_order() {
    let resolver = server(TWO).await;
    for (expect, expected) in [
        (Expected::Any, "healthy"),
        (exactly(&["192.0.2.10", "192.0.2.11"]), "healthy"),
        (containing(&["192.0.2.11"]), "healthy"),
        (
            exactly(&["192.0.2.10"]),
            "explicit unexpected: A of shop.test is 192.0.2.10, 192.0.2.11, expected 192.0.2.10",
        ),
        (
            containing(&["192.0.2.12"]),
            "explicit unexpected: A of shop.test is 192.0.2.10, 192.0.2.11, expected among others 192.0.2.12",
        ),
    ] {
        assert_eq!(
            say(asking(resolver, RecordKind::A, expect), PATIENT).await,
            expected
        );
    }
}

#[tokio::test]
async fn every_type_is_written_as_people_write_it() {
    let cases: [(RecordKind, Does, &str); 7] = [
        (
            RecordKind::Aaaa,
            Does::Answers(
                0,
                &[(
                    28,
                    &[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                )],
            ),
            "2001:db8:0:0::1",
        ),
        (
            RecordKind::Mx,
            Does::Answers(0, &[(15, b"\0\x0a\x04MAIL\x04test\0")]),
            "10 mail.test",
        ),
        (
            RecordKind::Cname,
            Does::Answers(0, &[(5, b"\x03www\x04test\0")]),
            "www.test.",
        ),
        (
            RecordKind::Txt,
            Does::Answers(0, &[(16, b"\x0bv=spf1 -all")]),
            "v=spf1 -all",
        ),
        (
            RecordKind::Srv,
            Does::Answers(0, &[(33, b"\0\x01\0\x02\x13\xc4\x03sip\x04test\0")]),
            "1 2 5060 sip.test",
        ),
        (
            RecordKind::Ns,
            Does::Answers(0, &[(2, b"\x02ns\x04test\0")]),
            "ns.test",
        ),
        (
            RecordKind::Caa,
            Does::Answers(0, &[(257, b"\0\x05issueca.test")]),
            "0 issue \"ca.test\"",
        ),
    ];
    for (record, does, expected) in cases {
        let resolver = server(does).await;
        assert_eq!(
            say(asking(resolver, record, exactly(&[expected])), PATIENT).await,
            "healthy",
            "{}",
            record.as_str()
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_fetched_over_tcp() {
    let resolver = server(Does::Cuts(&[(1, &[192, 0, 2, 10])])).await;
    let asked = asking(resolver, RecordKind::A, exactly(&["192.0.2.10"]));
    assert_eq!(say(asked, PATIENT).await, "healthy");
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    let limit = Duration::from_secs(2);
    for (does, expected) in [
        (
            Does::Answers(3, &[]),
            "explicit name_not_found: there is no name shop.test",
        ),
        (
            Does::Answers(0, &[]),
            "explicit name_not_found: shop.test has no A record",
        ),
        (
            Does::Answers(2, &[]),
            "refused server_error: the resolver R answers SERVFAIL for shop.test",
        ),
        (
            Does::Answers(5, &[]),
            "refused server_error: the resolver R answers REFUSED for shop.test",
        ),
    ] {
        let resolver = server(does).await;
        let said = say(asking(resolver, RecordKind::A, Expected::Any), limit).await;
        assert_eq!(said.replace(&resolver.to_string(), "R"), expected);
    }
    for does in [Does::Nothing, Does::Garbage] {
        let resolver = server(does).await;
        let said = say(
            asking(resolver, RecordKind::A, Expected::Any),
            Duration::from_millis(600),
        )
        .await;
        assert!(
            said.starts_with(&format!(
                "silent first_byte_timeout: the resolver {resolver} "
            )),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_resolver_that_is_not_there_fails_the_target() {
    let said = say(
        asking(nobody().await, RecordKind::A, Expected::Any),
        Duration::from_millis(600),
    )
    .await;
    assert!(
        said.starts_with("refused connection_refused: nothing listens at the resolver ")
            || said.starts_with("silent first_byte_timeout: the resolver "),
        "{said}"
    );
}

/// Priority 10, weight 5, port 8080.
const SRV_A: (u16, &[u8]) = (33, b"\x00\x0a\x00\x05\x1f\x90\x01A\x04shop\x04test\x00");
const SRV_B: (u16, &[u8]) = (33, b"\x00\x14\x00\x00\x1f\x91\x01b\x04shop\x04test\x00");
/// Decidedly not offered: RFC 2782.
const SRV_NONE: (u16, &[u8]) = (33, b"\x00\x00\x00\x00\x00\x00\x00");
const SRV_PORTLESS: (u16, &[u8]) = (33, b"\x00\x00\x00\x00\x00\x00\x01c\x04shop\x04test\x00");
const SRV_HOSTILE: (u16, &[u8]) = (33, b"\x00\x00\x00\x00\x00\x50\x06x@evil\x00");

async fn listed(resolvers: &[SocketAddr]) -> Result<String, String> {
    let mut lines = Vec::new();
    for resolver in resolvers {
        let place = Place::DnsSrv(SrvPlace {
            names: vec![String::from("_http._tcp.shop.test")],
            resolver: Some(*resolver),
        });
        let list = Reader::new(Clock::start()).read(&place, &[]).await?;
        lines.extend(list.iter().map(|found| {
            let labels: Vec<_> = found
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("{} {}", found.address, labels.join(" "))
        }));
    }
    Ok(lines.join("\n"))
}

#[tokio::test]
async fn srv_records_are_things_that_can_be_looked_at() {
    let two = server(Does::Answers(0, &[SRV_B, SRV_A, SRV_A, SRV_NONE])).await;
    let expected = "a.shop.test:8080 name=_http._tcp.shop.test port=8080 priority=10 weight=5\n\
         b.shop.test:8081 name=_http._tcp.shop.test port=8081 priority=20 weight=0";
    assert_eq!(listed(&[two]).await.as_deref(), Ok(expected));
    // What does not fit is asked for again over TCP.
    let cut = server(Does::Cuts(&[SRV_A])).await;
    let expected = "a.shop.test:8080 name=_http._tcp.shop.test port=8080 priority=10 weight=5";
    assert_eq!(listed(&[cut]).await.as_deref(), Ok(expected));
    // A name without such records, or with one that says so, is an empty list.
    let (none, not_offered) = (Does::Answers(0, &[]), Does::Answers(0, &[SRV_NONE]));
    let empty = [server(none).await, server(not_offered).await];
    assert_eq!(listed(&empty).await.as_deref(), Ok(""));
    // What cannot be an address is known, but not where it is.
    let odd = server(Does::Answers(0, &[SRV_HOSTILE, SRV_PORTLESS])).await;
    let list = listed(&[odd]).await.expect("it answers");
    assert!(
        list.lines().all(|line| line.starts_with(" name=")) && !list.is_empty(),
        "{list}"
    );
}

#[tokio::test]
async fn without_a_usable_answer_there_is_no_list() {
    let silent = nobody().await;
    for (resolver, expected) in [
        (
            server(Does::Answers(3, &[])).await,
            "there is no name _http._tcp.shop.test",
        ),
        (server(Does::Answers(2, &[])).await, "answers SERVFAIL"),
        (server(Does::Answers(5, &[])).await, "answers REFUSED"),
        (server(Does::Garbage).await, "answer"),
        // In time, or too late, or that nothing listens: how soon a machine hears of it is its own matter.
        (silent, ""),
    ] {
        let why = listed(&[resolver]).await.expect_err(expected);
        assert!(why.contains(expected), "{why}");
    }
}
