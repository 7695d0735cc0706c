//! A body in pieces: decompressed as it comes, and never more of it than the cap.

use std::{
    io::{self, Write},
    mem,
};

use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most bytes of a body that are read, before and after decompression. Real health bodies end before 64 KiB;
/// more would let a broken target fill our memory.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;

/// What was collected.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// Whether it went on after the cap.
    pub(super) is_cut: bool,
    /// Whether it could not be decompressed.
    pub(super) is_unreadable: bool,
}

/// Takes pieces until it is full.
pub(super) struct Collector {
    coding: Coding,
    cap: usize,
    received: usize,
    is_cut: bool,
}

enum Coding {
    /// As it is. The usual body of one piece is not even copied.
    Plain { only: Bytes, all: Vec<u8> },
    /// Compressed.
    Packed(Box<dyn Unpack + Send>),
    /// `deflate` is zlib by the standard and bare deflate by old habit; the first byte will tell.
    Deflate,
    /// In a way that we did not ask for, or broken.
    Unreadable,
}

impl Collector {
    /// For a body with this `Content-Encoding`, of which at most so many bytes are kept.
    pub(super) fn new(encoding: Option<&[u8]>, cap: usize) -> Self {
        let encoding = encoding.unwrap_or_default().trim_ascii();
        let is = |name: &[u8]| encoding.eq_ignore_ascii_case(name);
        let coding = if is(b"") || is(b"identity") {
            Coding::Plain {
                only: Bytes::new(),
                all: Vec::new(),
            }
        } else if is(b"gzip") || is(b"x-gzip") {
            Coding::Packed(Box::new(MultiGzDecoder::new(Sink::new(cap))))
        } else if is(b"deflate") {
            Coding::Deflate
        } else {
            Coding::Unreadable
        };
        Self {
            coding,
            cap,
            received: 0,
            is_cut: false,
        }
    }

    /// How many bytes came over the wire.
    pub(super) fn received(&self) -> usize {
        self.received
    }

    /// Whether another piece would change anything.
    pub(super) fn wants_more(&self) -> bool {
        !self.is_cut && !matches!(self.coding, Coding::Unreadable)
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: Bytes) {
        let Some(first) = piece.first() else { return };
        self.received += piece.len();
        if matches!(self.coding, Coding::Deflate) {
            let has_zlib_header = first & 0x0f == 8;
            self.coding = Coding::Packed(if has_zlib_header {
                Box::new(ZlibDecoder::new(Sink::new(self.cap)))
            } else {
                Box::new(DeflateDecoder::new(Sink::new(self.cap)))
            });
        }
        match &mut self.coding {
            Coding::Plain { only, all } => {
                if only.is_empty() && all.is_empty() && piece.len() <= self.cap {
                    *only = piece;
                    return;
                }
                all.extend_from_slice(&mem::take(only));
                let room = self.cap - all.len();
                all.extend_from_slice(&piece[..piece.len().min(room)]);
                self.is_cut = piece.len() > room;
            }
            Coding::Packed(unpack) => {
                let unpacked = unpack.write_all(&piece);
                if unpack.sink().is_full || self.received > self.cap {
                    self.is_cut = true;
                } else if unpacked.is_err() {
                    self.coding = Coding::Unreadable;
                }
            }
            Coding::Deflate | Coding::Unreadable => {}
        }
    }

    /// Everything that was taken.
    pub(super) fn finish(self) -> Body {
        let (bytes, is_unreadable) = match self.coding {
            Coding::Plain { only, all } if all.is_empty() => (only, false),
            Coding::Plain { only: _, all } => (all.into(), false),
            Coding::Packed(_) if self.received == 0 => (Bytes::new(), false),
            Coding::Packed(mut unpack) => {
                let is_whole = self.is_cut || unpack.finish().is_ok();
                (mem::take(&mut unpack.sink().bytes).into(), !is_whole)
            }
            Coding::Deflate => (Bytes::new(), false),
            Coding::Unreadable => (Bytes::new(), true),
        };
        Body {
            bytes,
            is_cut: self.is_cut,
            is_unreadable,
        }
    }
}

/// Where decompressed bytes go; it refuses what is over the cap, which stops the decompression.
struct Sink {
    bytes: Vec<u8>,
    cap: usize,
    is_full: bool,
}

impl Sink {
    fn new(cap: usize) -> Self {
        Self {
            bytes: Vec::new(),
            cap,
            is_full: false,
        }
    }
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        self.bytes.extend_from_slice(&more[..more.len().min(room)]);
        if more.len() > room {
            self.is_full = true;
            return Err(io::Error::other("the body is over the cap"));
        }
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A decompressor over a sink.
trait Unpack: Write {
    fn sink(&mut self) -> &mut Sink;
    fn finish(&mut self) -> io::Result<()>;
}

macro_rules! unpack {
    ($($decoder:ident),*) => {$(
        impl Unpack for $decoder<Sink> {
            fn sink(&mut self) -> &mut Sink {
                self.get_mut()
            }

            fn finish(&mut self) -> io::Result<()> {
                self.try_finish()
            }
        }
    )*};
}

unpack!(MultiGzDecoder, ZlibDecoder, DeflateDecoder);

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::{
        Compression,
        read::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzEncoder::new(bytes, Compression::fast())
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    fn collect(encoding: Option<&str>, bytes: &[u8], piece: usize) -> Body {
        let mut collector = Collector::new(encoding.map(str::as_bytes), BODY_BYTES_MAX);
        for piece in bytes.chunks(piece.max(1)) {
            if !collector.wants_more() {
                break;
            }
            collector.take(Bytes::copy_from_slice(piece));
        }
        collector.finish()
    }

    #[test]
    fn every_coding_gives_the_same_body_in_any_pieces() {
        let text = br#"{"status":"UP","components":{"db":{"status":"UP"}}}"#.repeat(50);
        let (mut zlib, mut deflate) = (Vec::new(), Vec::new());
        ZlibEncoder::new(&text[..], Compression::fast())
            .read_to_end(&mut zlib)
            .unwrap();
        DeflateEncoder::new(&text[..], Compression::fast())
            .read_to_end(&mut deflate)
            .unwrap();
        for (encoding, bytes) in [
            (None, text.clone()),
            (Some("identity"), text.clone()),
            (Some("gzip"), gzip(&text)),
            (Some(" X-GZIP"), gzip(&text)),
            (Some("deflate"), zlib),
            (Some("Deflate"), deflate),
        ] {
            for piece in [1, 7, 4096] {
                let body = collect(encoding, &bytes, piece);
                assert_eq!(body.bytes, text, "{encoding:?} in pieces of {piece}");
                assert!(!body.is_cut && !body.is_unreadable);
            }
        }
    }

    #[test]
    fn what_cannot_be_decompressed_is_unreadable() {
        let packed = gzip(b"hello hello hello");
        for (encoding, bytes) in [
            ("br", &b"whatever"[..]),
            ("gzip, gzip", &packed[..]),
            ("gzip", b"not gzip at all"),
            ("gzip", &packed[..packed.len() - 6]),
            ("deflate", b"\x78\x9cgarbage"),
        ] {
            let body = collect(Some(encoding), bytes, 5);
            assert!(body.is_unreadable && !body.is_cut, "{encoding}: {bytes:?}");
        }
    }

    #[test]
    fn an_empty_body_is_readable_whatever_was_announced() {
        for encoding in [None, Some("gzip"), Some("deflate")] {
            let body = collect(encoding, b"", 1);
            assert!(body.bytes.is_empty() && !body.is_unreadable && !body.is_cut);
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_cap() {
        let bomb = gzip(&vec![0_u8; 100 * 1024 * 1024]);
        let body = collect(Some("gzip"), &bomb, 16 * 1024);
        assert!(body.is_cut && !body.is_unreadable);
        assert_eq!(body.bytes.len(), BODY_BYTES_MAX);
    }

    #[test]
    fn compressed_nothing_without_end_is_stopped_as_well() {
        let nothing = gzip(b"").repeat(20_000);
        assert!(nothing.len() > BODY_BYTES_MAX);
        let mut collector = Collector::new(Some(b"gzip"), BODY_BYTES_MAX);
        let mut taken = 0;
        for piece in nothing.chunks(1024) {
            if !collector.wants_more() {
                break;
            }
            taken += piece.len();
            collector.take(Bytes::copy_from_slice(piece));
        }
        assert!(taken <= BODY_BYTES_MAX + 1024);
        assert!(collector.finish().is_cut);
    }

    proptest! {
        #[test]
        fn never_more_than_the_cap_and_never_a_panic(
            encoding in prop_oneof![Just(None), Just(Some("gzip")), Just(Some("deflate"))],
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            large in 0_usize..400_000,
        ) {
            let mut collector = Collector::new(encoding.map(str::as_bytes), BODY_BYTES_MAX);
            collector.take(Bytes::from(vec![b'a'; large]));
            for piece in pieces {
                collector.take(Bytes::from(piece));
            }
            prop_assert!(collector.finish().bytes.len() <= BODY_BYTES_MAX);
        }
    }
}
