//! Those that fail at TLS, or within it.

use std::sync::Arc;

use super::{Ends, Hostile, Line, Reads, body, says, tls::Identities};

/// Those that fail at TLS, or within it.
pub(super) fn all(identities: &Identities) -> Vec<Hostile> {
    let over = |name, config: &Arc<rustls::ServerConfig>| {
        body(name, "", "ok")
            .over(Line::Tls(Arc::clone(config)))
            .asked_for_tls()
    };
    let raw = |name, bytes: &[u8]| {
        let bare = says(name, bytes).after(Reads::Byte).asked_for_tls();
        bare.stay()
    };
    // The beginning of a ServerHello whose record says that it has 64 bytes.
    let hello = [22, 3, 3, 0, 64, 2, 0, 0, 60, 3, 3, 1, 2, 3];
    let good = &identities.good;
    vec![
        over("wrong-name", &identities.of_another),
        over("expired", &identities.expired),
        over("not-yet-valid", &identities.not_yet_valid),
        over("self-signed", &identities.self_signed),
        over("crowd-of-certificates", &identities.crowded),
        raw("plain-on-tls", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        raw("hello-cut", &hello).then(Ends::Close),
        raw("hello-reset", &hello).reset(),
        raw("hello-stalls", &hello),
        raw("hello-drips", &hello[..4]).drip([0]),
        raw("alert", &[21, 3, 3, 0, 2, 2, 40]).then(Ends::Close),
        raw(
            "alert-garbage",
            &[21, 3, 3, 0, 9, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6, 7],
        ),
        raw("warnings-flood", b"").flood([21, 3, 3, 0, 2, 1, 90].repeat(1_000)),
        raw("huge-record", &[22, 3, 3, 0xFF, 0xFF]).flood(vec![0; 65_536]),
        raw("empty-records", b"").flood([22, 3, 3, 0, 0].repeat(1_000)),
        raw(
            "endless-certificate",
            &[22, 3, 3, 0x3F, 0xFF, 11, 0xFF, 0xFF, 0xFF],
        )
        .flood(vec![0x30; 16_380]),
        // A HelloRequest in the clear, where only encrypted records may come.
        says("renegotiation", [22, 3, 3, 0, 4, 0, 0, 0, 0])
            .over(Line::TlsThenPlain(Arc::clone(good)))
            .asked_for_tls()
            .stay(),
        says("garbage-after-the-handshake", [0xFF; 4_096])
            .over(Line::TlsThenPlain(Arc::clone(good)))
            .asked_for_tls()
            .stay(),
        says(
            "cut-within-tls",
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        )
        .over(Line::Tls(Arc::clone(good)))
        .asked_for_tls()
        .reset(),
        says("mute-within-tls", "")
            .over(Line::Tls(Arc::clone(good)))
            .asked_for_tls()
            .stay(),
        says(
            "drip-within-tls",
            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        )
        .over(Line::Tls(Arc::clone(good)))
        .asked_for_tls()
        .drip("x"),
        says("flood-within-tls", "HTTP/1.1 200 OK\r\n\r\n")
            .over(Line::Tls(Arc::clone(good)))
            .asked_for_tls()
            .flood(vec![b'x'; 65_536]),
    ]
}
