use proptest::prelude::*;

use super::*;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const TIMESTAMP: &str = "1531420618";
const NOW: Timestamp = Timestamp::from_millis(1_531_420_618_000);
const WORKED_EXAMPLE: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
    &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
    &command=%2Fwebhook-collect&text=\
    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const WORKED_SIGNATURE: &str =
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn secrets(all: &[&str]) -> Vec<Secret> {
    all.iter().map(|text| Secret::new(*text)).collect()
}

fn verified(timestamp: &str, signature: &str, body: &[u8], now: Timestamp) -> Result<(), Rejected> {
    verify(
        &secrets(&[SECRET]),
        Some(timestamp),
        Some(signature),
        body,
        now,
    )
}

#[test]
fn the_worked_example_of_the_documentation_and_five_more() {
    let vectors: [(&[u8], &str); 6] = [
        (WORKED_EXAMPLE.as_bytes(), WORKED_SIGNATURE),
        (
            b"",
            "v0=55f41ec73231010289b54e669149ea021fccab11b5524355523533ce930cb739",
        ),
        (
            b"payload=%7B%22type%22%3A%22block_actions%22%7D",
            "v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c",
        ),
        (
            br#"{"type":"url_verification","challenge":"abc"}"#,
            "v0=ae6e383ee58dd0c92dd248df269b7153bdd89895087b58885a6703496ce22369",
        ),
        (
            b"command=%2Froih&text=m%C3%A1st%C3%A9r",
            "v0=288919d30cf02217fd2208e12c8534a95134ed3327c6bcc4f10765ae54940cea",
        ),
        (
            "text=mástér".as_bytes(),
            "v0=cb5df395bd9df95af50c70b3f9da33f15d9f1b903c870d069c20762196556e50",
        ),
    ];
    for (body, signature) in vectors {
        assert_eq!(verified(TIMESTAMP, signature, body, NOW), Ok(()));
        assert_eq!(sign(&Secret::new(SECRET), TIMESTAMP, body), signature);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let body = WORKED_EXAMPLE.as_bytes();
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut changed = body.to_vec();
            changed[at] ^= 1 << bit;
            assert_eq!(
                verified(TIMESTAMP, WORKED_SIGNATURE, &changed, NOW),
                Err(Rejected::Mismatch)
            );
        }
    }
    for at in 0..WORKED_SIGNATURE.len() {
        for bit in 0..7 {
            let mut changed = WORKED_SIGNATURE.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                verified(TIMESTAMP, &changed, body, NOW).is_err(),
                "{changed}"
            );
        }
    }
}

#[test]
fn five_minutes_either_way_are_near_enough_and_no_second_more() {
    for (away_s, expected) in [
        (0, Ok(())),
        (299, Ok(())),
        (300, Ok(())),
        (301, Err(Rejected::Stale)),
        (86_400, Err(Rejected::Stale)),
    ] {
        let away = Duration::from_secs(away_s);
        for now in [NOW + away, NOW - away] {
            assert_eq!(
                verified(TIMESTAMP, WORKED_SIGNATURE, WORKED_EXAMPLE.as_bytes(), now),
                expected,
                "{away_s} s"
            );
        }
    }
}

#[test]
fn a_timestamp_is_digits_and_nothing_else() {
    for timestamp in [
        "",
        " ",
        "+1531420618",
        "-1531420618",
        "1531420618 ",
        " 1531420618",
        "1531420618.0",
        "1.531420618e9",
        "0x5b47a28a",
        "１５３１４２０６１８",
        "yesterday",
        "99999999999999999999999999",
        "1531420618\n",
    ] {
        let signature = sign(&Secret::new(SECRET), timestamp, b"");
        assert_eq!(
            verified(timestamp, &signature, b"", NOW),
            Err(Rejected::Timestamp),
            "{timestamp:?}"
        );
    }
    assert_eq!(
        verify(&secrets(&[SECRET]), None, Some(WORKED_SIGNATURE), b"", NOW),
        Err(Rejected::Timestamp)
    );
}

#[test]
fn a_signature_has_one_form() {
    let upper = WORKED_SIGNATURE.to_uppercase();
    for signature in [
        "",
        "v0=",
        "v0",
        "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b50",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b5033",
        "v0=A2114D57B48EAC39B9AD189DD8316235A7B4A8D21A10BD27519666489C69B503",
        "v0= a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b50",
        "v0=ř2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b5é",
        upper.as_str(),
    ] {
        assert_eq!(
            verified(TIMESTAMP, signature, WORKED_EXAMPLE.as_bytes(), NOW),
            Err(Rejected::Malformed),
            "{signature}"
        );
    }
    assert_eq!(
        verify(&secrets(&[SECRET]), Some(TIMESTAMP), None, b"", NOW),
        Err(Rejected::Malformed)
    );
}

#[test]
fn either_of_two_secrets_will_do_and_an_empty_one_never() {
    let check = |all: &[&str]| {
        verify(
            &secrets(all),
            Some(TIMESTAMP),
            Some(WORKED_SIGNATURE),
            WORKED_EXAMPLE.as_bytes(),
            NOW,
        )
    };
    assert_eq!(check(&[SECRET, "the next one"]), Ok(()));
    assert_eq!(check(&["the one before", SECRET]), Ok(()));
    assert_eq!(check(&["", SECRET]), Ok(()));
    assert_eq!(check(&["the next one"]), Err(Rejected::Mismatch));
    assert_eq!(check(&[]), Err(Rejected::NoSecret));
    assert_eq!(check(&[""]), Err(Rejected::NoSecret));
    let with_nothing = sign(&Secret::new(""), TIMESTAMP, b"x");
    assert_eq!(
        verify(
            &secrets(&[""]),
            Some(TIMESTAMP),
            Some(&with_nothing),
            b"x",
            NOW
        ),
        Err(Rejected::NoSecret)
    );
}

#[test]
fn a_request_works_once() {
    let mut cache = ReplayCache::new();
    let later = |seconds| NOW + Duration::from_secs(seconds);
    assert!(cache.insert(TIMESTAMP, WORKED_SIGNATURE, NOW));
    assert!(!cache.insert(TIMESTAMP, WORKED_SIGNATURE, later(1)));
    assert!(!cache.insert(TIMESTAMP, WORKED_SIGNATURE, later(600)));
    assert!(cache.insert(TIMESTAMP, "v0=another", later(600)));
    // By now the first one is far too old to be verified, so it need not be remembered.
    assert!(cache.insert("1531421300", WORKED_SIGNATURE, later(601)));
    assert_eq!(cache.len(), 2);
    assert!(!cache.is_empty());
}

#[test]
fn the_memory_of_requests_is_bounded_and_recovers() {
    let mut cache = ReplayCache::new();
    for number in 0..65_536 {
        assert!(cache.insert(TIMESTAMP, &number.to_string(), NOW));
    }
    assert!(!cache.insert(TIMESTAMP, "one too many", NOW));
    assert_eq!(cache.len(), 65_536);
    let later = NOW + Duration::from_secs(601);
    assert!(cache.insert(TIMESTAMP, "one too many", later));
    assert_eq!(cache.len(), 1);
}

proptest! {
    #[test]
    fn what_was_signed_is_believed_and_nothing_panics(
        body in any::<Vec<u8>>(), secret in "[ -~]{1,40}", timestamp in any::<String>(), signature in any::<String>(),
    ) {
        let secrets = [Secret::new(secret.as_str())];
        let signed = sign(&secrets[0], TIMESTAMP, &body);
        prop_assert_eq!(verify(&secrets, Some(TIMESTAMP), Some(&signed), &body, NOW), Ok(()));
        prop_assert!(verify(&secrets, Some(&timestamp), Some(&signature), &body, NOW).is_err());
    }
}
