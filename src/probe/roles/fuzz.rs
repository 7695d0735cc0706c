//! Whatever a place of roles says, in each of their languages.

use http::StatusCode;
use serde_json::Value;

use super::{Said, envoy, haproxy, kubernetes, local, own, traefik, web};
use crate::model::{GroupName, TargetId, roles::Member};

/// The first byte chooses who says the rest.
pub(crate) fn roles(bytes: &[u8]) {
    let Some((&who, said)) = bytes.split_first() else {
        return;
    };
    let members = members();
    let text = String::from_utf8_lossy(said);
    let found = match who {
        b'h' => haproxy::active(&text, "roih", &members),
        b'x' => web::from_header(StatusCode::OK, &text, &members),
        b'y' => web::from_header(StatusCode::BAD_GATEWAY, &text, &members),
        b'w' => web::from_body(said, "", &members),
        b'b' => web::from_body(said, "/active", &members),
        b'f' => local::first_word(said, &members),
        b'o' => {
            let word = own::word("/active", said);
            assert!(word.len() <= said.len(), "nothing is added");
            return;
        }
        _ => match serde_json::from_slice(said) {
            Ok(json) => of_json(who, &json, &members),
            Err(_) => return,
        },
    };
    if let Ok(active) = found {
        assert!(
            active
                .iter()
                .all(|found| usize::from(*found) < members.len())
        );
    }
}

fn of_json(who: u8, json: &Value, members: &[Member]) -> Said {
    match who {
        b'e' => envoy::active(json, "roih", members),
        b's' => kubernetes::selected(json, "color", members),
        b'p' => kubernetes::ready(json, members),
        _ => traefik::active(json, members),
    }
}

fn members() -> [Member; 2] {
    let group = GroupName::new("master");
    [("blue", 8_001), ("green", 8_002)].map(|(name, port)| Member {
        target: TargetId::of(Some(&group), name),
        name: name.to_owned(),
        called: format!("srv-{name}"),
        address: Some((String::from("127.0.0.1"), port)),
    })
}
