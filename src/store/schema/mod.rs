//! How records look on the disk, and nowhere else.
//!
//! A record in sled is one byte with the version of its format and then postcard; a line of the journal is JSON of the
//! same structs with the version in `v`. Each version is a module of its own and stays for ever.

mod form;
pub(super) mod v1;

pub(super) use form::{Form, Time};
use serde::{Serialize, de::DeserializeOwned};

use super::Error;

/// The version that is written.
pub(super) const VERSION: u8 = 1;

/// A record as bytes.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_extend(record, vec![VERSION])
        .expect("stored structs hold nothing that postcard refuses")
}

/// The record in these bytes.
pub(super) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    let damaged = |why: String| Error::Damaged { what, why };
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let (record, left) =
                postcard::take_from_bytes(rest).map_err(|error| damaged(error.to_string()))?;
            if left.is_empty() {
                Ok(record)
            } else {
                Err(damaged(format!("{} bytes too many", left.len())))
            }
        }
        Some((&found, _)) if found > VERSION => Err(Error::Newer { what, found }),
        Some((found, _)) => Err(damaged(format!("there never was a version {found}"))),
        None => Err(damaged(String::from("it is empty"))),
    }
}
