//! Those that are no HTTP or another kind of it, and those that leave or do not come.

use super::{Hostile, Line, Reads, says};

/// Those that are no HTTP or another kind of it, and those that leave or do not come.
pub(super) fn all() -> Vec<Hostile> {
    [languages(), leavers()].concat()
}

fn languages() -> Vec<Hostile> {
    // An empty frame of settings, and what may follow it.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
    let two = |rest: &[u8]| [&settings[..], rest].concat();
    let after = |name, rest: &[u8]| says(name, two(rest));
    vec![
        says("http09", "<html>the whole answer</html>"),
        says("http-of-the-future", "HTTP/9.9 200 OK\r\n\r\nok"),
        says("status-zero", "HTTP/1.1 000 Nothing\r\nContent-Length: 2\r\n\r\nok"),
        says("status-of-four", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"),
        says("status-999", "HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nok"),
        says("no-status", "HTTP/1.1 \r\n\r\n"),
        says("lines-of-unix", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        says("folded-header", "HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
        says("nul-in-the-head", "HTTP/1.1 200 OK\r\nX-\0: \0\r\nContent-Length: 2\r\n\r\nok"),
        says("switching", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n").stay(),
        says("banner", "SSH-2.0-OpenSSH_9.2p1\r\n").after(Reads::Nothing).stay(),
        says("banner-flood", "").after(Reads::Nothing).flood("220 mail.example.test ESMTP\r\n".repeat(1_000)),
        says("request-for-an-answer", "GET / HTTP/1.1\r\nHost: you\r\n\r\n"),
        after("http2", &[]).after(Reads::Nothing).stay(),
        after("http2-goodbye", &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]),
        after("http2-settings-flood", &[]).flood(settings.repeat(1_000)),
        after("http2-ping-flood", &[]).flood(ping.repeat(1_000)),
        after("http2-huge-frame", &[0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1]).flood(vec![0; 65_536]),
        // A block of headers that never ends.
        after("http2-continuation-flood", &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88])
            .flood([0, 0, 1, 9, 0, 0, 0, 0, 1, 0x88].repeat(1_000)),
        // A table of headers that is referred to beyond its end.
        after("http2-bad-headers", &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0xFE]).stay(),
        after("http2-reset", &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 11]).stay(),
        after("http2-window-overflow", &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF]).stay(),
    ]
}

fn leavers() -> Vec<Hostile> {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    vec![
        says("closes-at-once", "").after(Reads::Nothing),
        says("resets-at-once", "").after(Reads::Nothing).reset(),
        says("closes-after-a-byte", "").after(Reads::Byte),
        says("resets-after-a-byte", "").after(Reads::Byte).reset(),
        says("closes-after-the-request", ""),
        says("resets-after-the-request", "").reset(),
        says("closes-within-the-head", "HTTP/1.1 200 OK\r\nServ"),
        says("resets-within-the-head", "HTTP/1.1 200 OK\r\nServ").reset(),
        says("resets-within-the-body", half).reset(),
        says("stalls-within-the-body", half).stay(),
        says("mute", "").after(Reads::Nothing).stay(),
        says("never-accepts", "").over(Line::NeverAccepts),
    ]
}
