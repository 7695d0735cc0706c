//! Those whose words are made for whoever reads them.

use super::{Hostile, json, says};

/// Those whose texts are made for whoever reads them.
pub(super) fn all() -> Vec<Hostile> {
    [bodies(), words(), redirects()].concat()
}

fn bodies() -> Vec<Hostile> {
    let parts: Vec<_> = (0..9_000)
        .map(|number| format!(r#""part{number}":{{"status":"DOWN"}}"#))
        .collect();
    let lists = [r#"{"status":["#, &"[".repeat(60_000)].concat();
    vec![
        json("broken-utf8", b"{\"status\":\"UP\xFF\xFE\xC0\x80\"}"),
        json(
            "utf16",
            "\u{feff}{\"status\":\"UP\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
        ),
        json(
            "nul-bytes",
            [b"{\"status\":\"UP\0\"}".as_slice(), &[0; 5_000]].concat(),
        ),
        json("deep-lists", "[".repeat(200_000)),
        json(
            "deep-objects",
            [&r#"{"status":"#.repeat(20_000), "1"].concat(),
        ),
        json("deep-in-a-field", lists),
        json(
            "huge-numbers",
            r#"{"status":1e999999,"data":{"resultType":"scalar","result":[1e400,"99999999999999999999999999"]},"time":-9223372036854775809,"hits":18446744073709551616}"#,
        ),
        json(
            "long-number",
            ["{\"status\":1", &"0".repeat(200_000), "}"].concat(),
        ),
        json(
            "many-parts",
            format!(
                r#"{{"status":"DOWN","components":{{{}}}}}"#,
                parts.join(",")
            ),
        ),
        json(
            "same-key",
            format!(
                "{{{}\"status\":\"UP\"}}",
                r#""status":"DOWN","#.repeat(10_000)
            ),
        ),
        json(
            "open-string",
            [r#"{"status":""#, &"\\".repeat(100_001)].concat(),
        ),
    ]
}

fn words() -> Vec<Hostile> {
    let error = |name, words: &str| {
        let said = serde_json::json!({ "status": words, "error": words, "components": { words: { "status": "DOWN", "details": { "error": words } } } });
        json(name, said.to_string())
    };
    vec![
        error(
            "slack-markup",
            "<!channel> <!here|all> <@U123> <https://evil.example.test|fine> &lt;!everyone&gt; *b* `c` :fire:",
        ),
        error(
            "ansi-escapes",
            "\u{1b}[2J\u{1b}[31mroot#\u{1b}]0;title\u{7} \u{9b}31m\r\nGET /",
        ),
        error(
            "text-that-turns",
            "\u{202e}lla si lla\u{202c} \u{200b}\u{2066}x\u{2069}\u{feff} \u{e0001}\u{e0041}",
        ),
        error(
            "log-lines",
            "ok\n{\"level\":\"ERROR\",\"event\":\"stolen\"}\r\n2026-01-01 ERROR forged",
        ),
        error(
            "a-page",
            "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&",
        ),
        error("combining", &"Z\u{308}\u{330}\u{35c}".repeat(2_000)),
        says(
            "markup-in-the-head",
            "HTTP/1.1 502 <!channel>\r\nServer: <!here> \u{202e}x\r\nVia: 1.1 <@U1>\u{1b}[31m\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
        ),
    ]
}

/// Those that send visitors away.
fn redirects() -> Vec<Hostile> {
    let mut all = vec![
        redirect("to-itself", "/x"),
        redirect("to-metadata", "http://169.254.169.254/latest/meta-data/"),
        redirect(
            "to-metadata-in-disguise",
            "http://[::ffff:a9fe:a9fe]/latest",
        ),
        redirect("to-metadata-as-number", "http://2852039166/latest"),
        redirect("to-link-local", "http://[fe80::1]/"),
        redirect("to-a-file", "file:///etc/passwd"),
        redirect("to-gopher", "gopher://127.0.0.1:11211/_stats"),
        redirect("to-script", "javascript:alert(1)"),
        redirect("to-nowhere", "http://"),
        redirect("to-a-password", "http://user:password@127.0.0.1:1/"),
        redirect("to-a-novel", &["/", &"x".repeat(20_000)].concat()),
        redirect("to-markup", "http://127.0.0.1:1/<!channel>\u{202e}"),
    ];
    let everywhere = "HTTP/1.1 300 Choose\r\nLocation: /a\r\nLocation: http://169.254.169.254/\r\nRefresh: 0;url=file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
    all.push(says("to-two-places", everywhere));
    all
}

fn redirect(name: &'static str, to: &str) -> Hostile {
    says(
        name,
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
    )
}
