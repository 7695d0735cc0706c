use proptest::prelude::*;

use super::*;

const FORM: &str = "token=old&team_id=T1&team_domain=firm&enterprise_id=E1&enterprise_name=Firm\
    &is_enterprise_install=false&channel_id=C1&channel_name=ops&user_id=U1&user_name=alice\
    &command=%2Froih&text=status+m%C3%A1ster+%3C%40U2%7Cbob%3E\
    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1%2F1%2Fx&trigger_id=1.2.3&api_app_id=A1&new_field=1";

#[test]
fn a_command_is_read() {
    let command = SlashCommand::parse(FORM.as_bytes()).unwrap();
    assert_eq!(command.origin.team_id, "T1");
    assert_eq!(command.origin.enterprise_id, "E1");
    assert!(!command.origin.is_of_organisation);
    assert_eq!(command.channel_id, "C1");
    assert_eq!(command.user_id, "U1");
    assert_eq!(command.command, "/roih");
    assert_eq!(command.typed.text, "status máster @bob");
    assert_eq!(command.typed.users, ["U2"]);
    assert_eq!(command.trigger_id, "1.2.3");
    let address = command.response_url.as_ref().unwrap();
    assert_eq!(address.expose(), "https://hooks.slack.com/commands/T1/1/x");
    // The address is a permission, so it does not show.
    assert!(!format!("{command:?}").contains("hooks.slack.com"));
}

#[test]
fn the_payload_of_a_connection_says_the_same_as_a_form() {
    let fields: serde_json::Map<_, _> = form_urlencoded::parse(FORM.as_bytes())
        .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
        .collect();
    let mut payload = Value::Object(fields);
    let of_form = SlashCommand::parse(FORM.as_bytes());
    let of_payload = |payload: &Value| SlashCommand::of_payload(payload, ResponseUrl::parse);
    assert_eq!(of_payload(&payload), of_form);
    payload["is_enterprise_install"] = Value::Bool(true);
    assert!(of_payload(&payload).unwrap().origin.is_of_organisation);
    for nothing in [Value::Null, Value::from(5), serde_json::json!(["U1"])] {
        payload["user_id"] = nothing;
        assert_eq!(of_payload(&payload), Err(NotACommand::Missing("user_id")));
    }
    payload["user_id"] = Value::from("U1");
    payload["response_url"] = Value::from("https://evil.example.test/commands/1");
    assert_eq!(
        of_payload(&payload),
        Err(NotACommand::ResponseUrl(BadResponseUrl::Host))
    );
    for payload in [Value::Null, Value::from("command"), serde_json::json!([1])] {
        assert_eq!(of_payload(&payload), Err(NotACommand::Missing("team_id")));
    }
}

#[test]
fn what_is_missing_or_there_twice_is_named() {
    for (form, expected) in [
        ("", NotACommand::Missing("team_id")),
        ("ssl_check=1&token=x", NotACommand::Missing("team_id")),
        (
            "team_id=T1&channel_id=C1&user_id=U1",
            NotACommand::Missing("command"),
        ),
        (
            "team_id=T1&channel_id=C1&user_id=&command=x",
            NotACommand::Missing("user_id"),
        ),
        (
            "team_id=T1&user_id=U1&user_id=U2",
            NotACommand::Twice("user_id"),
        ),
        (
            "command=a&team_id=T1&command=b",
            NotACommand::Twice("command"),
        ),
    ] {
        assert_eq!(
            SlashCommand::parse(form.as_bytes()),
            Err(expected),
            "{form}"
        );
    }
}

#[test]
fn typed_text_comes_out_of_its_brackets_and_escapes_once() {
    for (raw, expected) in [
        ("", ""),
        ("status down", "status down"),
        ("<@U012ABCDEF>", "@U012ABCDEF"),
        ("<@U012ABCDEF|alice>", "@alice"),
        ("who is <@U1|a &amp; b>?", "who is @a & b?"),
        ("<#C012ABCDE>", "#C012ABCDE"),
        ("<#C012ABCDE|general>", "#general"),
        ("<#C987654321|>", "#C987654321"),
        (
            "<http://api.example.test|api.example.test>",
            "api.example.test",
        ),
        (
            "<https://api.example.test/x?a=1&amp;b=2>",
            "https://api.example.test/x?a=1&b=2",
        ),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        // Once, and not once more.
        ("&amp;lt;!here&amp;gt;", "&lt;!here&gt;"),
        ("&lt;!here&gt;", "<!here>"),
        ("&nbsp;&quot;&", "&nbsp;&quot;&"),
        // No bracket of Slack's: stays.
        ("a < b", "a < b"),
        ("<", "<"),
        ("<<@U1>", "<@U1"),
        (":hekate-blue: 🔵", ":hekate-blue: 🔵"),
    ] {
        assert_eq!(Typed::read(raw).text, expected, "{raw}");
    }
    assert_eq!(Typed::read("<@U1> and <@W2|w>").users, ["U1", "W2"]);
    assert!(Typed::read("&lt;@U1&gt;").users.is_empty());
}

#[test]
fn late_answers_go_to_slack() {
    for address in [
        "https://hooks.slack.com/commands/T1/2/x",
        "https://hooks.slack.com:443/commands/T1/2/x",
        "https://HOOKS.SLACK.COM/commands",
        "https://a.b.slack.com/",
        "https://hooks.slack-gov.com/commands/T1/2/x?a=b",
    ] {
        assert!(ResponseUrl::parse(address).is_ok(), "{address}");
    }
}

#[test]
fn and_nowhere_else() {
    for address in [
        "",
        "hooks.slack.com/commands",
        "//hooks.slack.com/commands",
        "http://hooks.slack.com/commands",
        "ftp://hooks.slack.com/",
        "file:///etc/passwd",
        "gopher://hooks.slack.com/",
        "javascript:alert(1)",
        "https://",
        "https:///commands",
        "https://slack.com.evil.test/",
        "https://hooks.slack.com.evil.test/",
        "https://evil.test/hooks.slack.com",
        "https://evil.test/?https://hooks.slack.com",
        "https://evil.test/#.slack.com",
        "https://evilslack.com/",
        "https://hooks-slack.com/",
        "https://hooks.slack.co/",
        "https://hooks.slack.comm/",
        "https://hooks.slack-gov.com.evil.test/",
        "https://hooks.evilslack-gov.com/",
        "https://slack.com/",
        "https://.slack.com/",
        "https://..slack.com/",
        "https://hooks.slack.com./",
        "https://hooks.slack.com@evil.test/",
        "https://hooks.slack.com:x@evil.test/",
        "https://evil.test@hooks.slack.com/",
        "https://user:password@hooks.slack.com/",
        "https://hooks.slack.com:8443/",
        "https://hooks.slack.com:80/",
        "https://hooks.slack.com\\@evil.test/",
        "https:\\\\hooks.slack.com/",
        "https://evil.test\\.slack.com/",
        "https://hooks.slack.com /",
        " https://hooks.slack.com/",
        "https://hooks.slack.com/\r\nHost: evil.test",
        "https://hooks.slack.com\t.evil.test/",
        "https://hooks。slack。com/",
        "https://ｈooks.slack.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://metadata.google.internal/",
        "https://hooks.slack.com%2eevil.test/",
        "https://hooks.slack.com%00.evil.test/",
        "https://xn--slack-com.test/",
    ] {
        assert!(ResponseUrl::parse(address).is_err(), "{address}");
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("team_id", "T1")
            .append_pair("channel_id", "C1")
            .append_pair("user_id", "U1")
            .append_pair("command", "/roih")
            .append_pair("response_url", address)
            .finish();
        let parsed = SlashCommand::parse(form.as_bytes());
        match parsed {
            Ok(command) => assert!(address.is_empty() && command.response_url.is_none()),
            Err(error) => assert!(matches!(error, NotACommand::ResponseUrl(_)), "{address}"),
        }
    }
}

#[test]
fn a_stand_in_of_slack_can_be_allowed_by_its_origin() {
    let origin = "http://127.0.0.1:9999".parse().unwrap();
    let parse = |address| ResponseUrl::parse_allowing(address, &origin);
    assert!(parse("http://127.0.0.1:9999/late/1").is_ok());
    assert!(parse("https://hooks.slack.com/x").is_ok());
    for address in [
        "http://127.0.0.1:9998/late/1",
        "http://x@127.0.0.1:9999/late/1",
        "https://127.0.0.1:9999/late/1",
        "http://127.0.0.1/",
    ] {
        assert!(parse(address).is_err(), "{address}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_no_other_host_is_ever_taken(bytes in any::<Vec<u8>>(), text in any::<String>(), host in "[a-z.@:/\\\\?#%-]{0,30}") {
        let _parsed = SlashCommand::parse(&bytes);
        let _typed = Typed::read(&text);
        for address in [text, format!("https://{host}"), format!("https://{host}slack.com/"), format!("https://hooks.slack.com{host}")] {
            if let Ok(taken) = ResponseUrl::parse(&address) {
                let url = url::Url::parse(taken.expose()).unwrap();
                prop_assert_eq!(url.scheme(), "https");
                let host = url.host_str().unwrap();
                prop_assert!(host.ends_with(".slack.com") || host.ends_with(".slack-gov.com"), "{}", address);
                prop_assert!(url.port().is_none() && url.username().is_empty());
            }
        }
    }
}
