//! Those that lie about sizes.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::{Hostile, Reads, body, says};

/// What a bomb becomes.
const UNPACKED: usize = 64 << 20;

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes it");
    packer.finish().expect("memory takes it")
}

/// Those that lie about sizes.
pub(super) fn all() -> Vec<Hostile> {
    [bombs(), floods(), lengths()].concat()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

fn chunked(rest: &str) -> String {
    format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{rest}")
}

fn bombs() -> Vec<Hostile> {
    let bomb = packed(&vec![b' '; UNPACKED]);
    let gzip = "Content-Encoding: gzip\r\n";
    vec![
        body("gzip-bomb", gzip, &bomb),
        body(
            "nested-bomb",
            "Content-Encoding: gzip, gzip\r\n",
            packed(&bomb),
        ),
        body(
            "bomb-in-json",
            &format!("Content-Type: application/json\r\n{gzip}"),
            packed(&[b"[".repeat(UNPACKED / 64), b"1".to_vec()].concat()),
        ),
        body("gzip-cut", gzip, &bomb[..bomb.len() / 2]),
        body("gzip-lie", gzip, "this is plain text"),
        body(
            "zip-archive",
            "Content-Type: application/zip\r\n",
            [b"PK\x03\x04".as_slice(), &[0; 9_000]].concat(),
        ),
        body(
            "strange-coding",
            "Content-Encoding: zstd, br\r\n",
            [0x28, 0xB5, 0x2F, 0xFD, 0xFF, 0xFF],
        ),
    ]
}

fn floods() -> Vec<Hostile> {
    vec![
        says("endless-body", format!("{HEAD}\r\n")).flood(vec![b'x'; 65_536]),
        says("endless-chunks", chunked("")).flood("4\r\nokok\r\n".repeat(4_000)),
        says("drip-body", format!("{HEAD}Content-Length: 100000\r\n\r\n")).drip("x"),
        says("drip-head", HEAD).drip("x"),
        says("drip-chunks", chunked("")).drip("1\r\nx\r\n"),
        says("drip-from-the-start", "")
            .after(Reads::Nothing)
            .drip("H"),
        says("endless-header", format!("{HEAD}X-A: ")).flood(vec![b'a'; 65_536]),
        says("endless-headers", HEAD).flood("X-A: aaaaaaaaaaaaaaaa\r\n".repeat(2_000)),
        says("endless-reason", "HTTP/1.1 200 ").flood(vec![b'a'; 65_536]),
        says(
            "many-headers",
            format!("{HEAD}{}\r\n", "A: b\r\n".repeat(5_000)),
        ),
        says("continue-flood", "").flood("HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)),
        says("hints-flood", "")
            .flood("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1_000)),
    ]
}

fn lengths() -> Vec<Hostile> {
    vec![
        says(
            "length-too-long",
            format!("{HEAD}Content-Length: 1000000\r\n\r\nhello"),
        ),
        says(
            "length-too-short",
            format!("{HEAD}Content-Length: 2\r\n\r\nok{}", "x".repeat(100_000)),
        ),
        says(
            "two-lengths",
            format!("{HEAD}Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        says(
            "negative-length",
            format!("{HEAD}Content-Length: -1\r\n\r\nhello"),
        ),
        says(
            "overflowing-length",
            format!("{HEAD}Content-Length: 99999999999999999999999\r\n\r\nhello"),
        ),
        says(
            "largest-length",
            format!("{HEAD}Content-Length: 18446744073709551614\r\n\r\nhello"),
        )
        .stay(),
        says(
            "length-and-chunks",
            format!(
                "{HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            ),
        ),
        says("chunk-garbage", chunked("zz\r\nhello\r\n")),
        says("chunk-overflow", chunked("FFFFFFFFFFFFFFFFF\r\nhello\r\n")),
        says(
            "chunk-longer-than-said",
            chunked("2\r\nhello world\r\n0\r\n\r\n"),
        ),
        says("endless-chunk-extension", chunked("5;a=")).flood(vec![b'a'; 65_536]),
        says("endless-trailers", chunked("2\r\nok\r\n0\r\n"))
            .flood("X-A: aaaaaaaa\r\n".repeat(2_000)),
    ]
}
