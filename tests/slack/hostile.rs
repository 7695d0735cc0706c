//! Whatever a target says, nobody is mentioned by it and nothing is formatted by it.

use std::sync::Arc;

use hekate::{
    command::{Reply, ask},
    model::{
        ChannelName, Entry, Kind, OnCallName, TargetId, Verdict,
        board::{Ourselves, Suspicion},
    },
    slack::{Message, grid, message, message::Context, reply},
};

use super::{
    rules::{check, parsed_texts},
    world::{
        NOW, OPTIONS, component, context, entry, facts, mentioning, on_call, recovered_story,
        shared_story, status, story, ten,
    },
};

/// All kinds of messages, with this text wherever foreign text, or a name, can be.
fn messages(words: &str) -> Vec<Message> {
    let on_call = on_call();
    let context = Context {
        late: Some(words),
        ..context(&on_call)
    };
    let mut told = story();
    fill(&mut told, words);
    let mut over = recovered_story();
    fill(&mut over, words);
    if let Some(outage) = &mut over.outage {
        outage.seen = vec![(words.to_owned(), 3)];
    }
    let mut shared = shared_story(2, 1);
    words.clone_into(&mut shared.title);
    shared.notes = vec![words.to_owned()];
    for one in shared.many.iter_mut().flat_map(|many| &mut many.members) {
        words.clone_into(&mut one.title);
        words.clone_into(&mut one.words);
    }
    let mut unmentionable = entry(Kind::Opened, told.clone());
    unmentionable.mention = Some(OnCallName::new(words));
    unmentionable.instead_of = Some(ChannelName::new(words));
    let entries = vec![
        mentioning(Kind::Opened, told.clone()),
        entry(Kind::Changed, told.clone()),
        entry(Kind::Reminder, told.clone()),
        entry(Kind::Recovered, over.clone()),
        entry(Kind::Removed, over),
        entry(Kind::Notice, told),
        entry(Kind::Opened, shared.clone()),
        entry(Kind::Recovered, shared),
        unmentionable,
    ];
    let mut out: Vec<Message> = entries
        .iter()
        .map(|entry| message::render(entry, &context))
        .collect();
    let apart: Vec<Entry> = entries
        .into_iter()
        .zip(0..)
        .map(|(mut entry, number)| {
            entry.key.incident = hekate::model::IncidentId::from_number(number);
            entry
        })
        .collect();
    out.push(message::render_folded(&apart, &context));
    out
}

fn fill(story: &mut hekate::model::Story, words: &str) {
    words.clone_into(&mut story.title);
    words.clone_into(&mut story.reason.words);
    story.siblings = vec![words.to_owned()];
    story.notes = vec![words.to_owned(), words.to_owned()];
    story.also_told = vec![ChannelName::new(words)];
    story.icon = None;
    story.runbook_url = None;
    if let Some(detail) = &mut story.detail {
        detail.components = vec![component(words, words)];
        detail.excerpt = Some(words.to_owned());
        detail.via = Some(words.to_owned());
        detail.note = Some(words.to_owned());
        detail.address = Some(words.to_owned());
    }
}

/// Grids and answers with this text wherever foreign text can be.
fn answers(words: &str) -> Vec<Message> {
    let board = ten();
    let mut suspect = facts(Verdict::Suspect, words, 5);
    suspect.suspicion = Some(Suspicion {
        words: words.to_owned(),
        since: NOW,
        looks: 1,
    });
    for (id, facts) in [
        ("master/blue", facts(Verdict::Down, words, 240)),
        ("staging/green", facts(Verdict::Degraded, words, 60)),
        ("nastenka", suspect),
    ] {
        board
            .row(&TargetId::new(id))
            .expect("it is there")
            .set_facts(facts);
    }
    board.ourselves.store(Arc::new(Ourselves {
        store_trouble: Some((words.to_owned(), NOW)),
        ..Ourselves::default()
    }));
    let mut selected = status(&board);
    words.clone_into(&mut selected.selection);
    vec![
        grid::render(&selected, &OPTIONS),
        reply::render(
            &Reply::Problem {
                understood: words.to_owned(),
                nearest: vec![words.to_owned()],
                hint: words.to_owned(),
                choices: None,
            },
            "/roih",
            &OPTIONS,
        ),
        reply::render(
            &Reply::Said(vec![words.to_owned(), format!("`s1` by {words}")]),
            "/roih",
            &OPTIONS,
        ),
        reply::render(&ask(&board, words, NOW, "/roih"), "/roih", &OPTIONS),
        reply::render(
            &ask(&board, "why master blue", NOW, "/roih"),
            "/roih",
            &OPTIONS,
        ),
    ]
}

/// All that acts in parsed text: everything in brackets, every emoji, and every mark of formatting.
fn acting(message: &Message) -> Vec<String> {
    let payload = message.to_json();
    let mut out: Vec<String> = parsed_texts(&payload)
        .into_iter()
        .flat_map(tokens)
        .collect();
    out.sort();
    out
}

fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        let end = rest[start..].find('>').expect("a bracket is closed") + start;
        out.push(rest[start..=end].to_owned());
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    assert!(!plain.contains('>'), "{text}");
    let letters: Vec<char> = plain.chars().collect();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|c| c.is_alphanumeric())
    };
    for (at, c) in letters.iter().enumerate() {
        let acts = match c {
            '*' | '~' | '`' => true,
            '_' => !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))),
            // `#k7f2` is ours and in the template, too; anything after a word is an address or an anchor.
            '@' | '#' => !is_word(at.checked_sub(1)) && is_word(Some(at + 1)),
            '/' => at >= 2 && letters[at - 2..=at] == [':', '/', '/'],
            _ => false,
        };
        if acts {
            out.push(c.to_string());
        }
    }
    out.extend(emoji(&plain));
    out.extend(
        plain
            .split('&')
            .skip(1)
            .filter(|after| !["amp;", "lt;", "gt;"].iter().any(|e| after.starts_with(e)))
            .map(|after| format!("a bare & before {after}")),
    );
    out
}

/// `:tada:`, but not the middle of `11:59:15`.
fn emoji(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split(':').collect();
    parts
        .iter()
        .skip(1)
        .take(parts.len().saturating_sub(2))
        .filter(|name| {
            !name.is_empty()
                && !name.contains(char::is_whitespace)
                && !name.bytes().all(|b| b.is_ascii_digit())
        })
        .map(|name| format!(":{name}:"))
        .collect()
}

/// What was asked is answered in one way or another, so only the first three answers have a template.
fn assert_same_marks(words: &str, template: &[Vec<String>], answered: &[Vec<String>]) {
    for (message, expected) in messages(words)
        .iter()
        .zip(template)
        .chain(answers(words).iter().zip(answered))
    {
        assert_eq!(&acting(message), expected, "{words:?}\n{message:#?}");
    }
}

/// As [`assert_same_marks`], and Slack takes all of them.
fn assert_harmless(words: &str, template: &[Vec<String>], answered: &[Vec<String>]) {
    assert_same_marks(words, template, answered);
    for message in messages(words).iter().chain(&answers(words)) {
        check(&message.to_json());
    }
}

fn templates() -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    (
        messages("harmless").iter().map(acting).collect(),
        answers("harmless").iter().take(3).map(acting).collect(),
    )
}

#[test]
fn the_template_mentions_exactly_who_is_on_call() {
    let (template, answered) = templates();
    let mentions = |tokens: &[String]| -> Vec<String> {
        tokens
            .iter()
            .filter(|token| token.starts_with("<!subteam") || token.starts_with("<@"))
            .cloned()
            .collect()
    };
    assert_eq!(
        mentions(&template[0]),
        ["<!subteam^S0CORE01>", "<@U0ALICE>"]
    );
    for tokens in template[1..7].iter().chain(&answered) {
        assert!(mentions(tokens).is_empty(), "{tokens:?}");
    }
}

#[test]
fn two_hundred_hostile_strings_do_nothing() {
    let (template, answered) = templates();
    let strings = hostile_strings();
    assert!(strings.len() >= 200, "{}", strings.len());
    for words in &strings {
        assert_harmless(words, &template, &answered);
    }
}

#[test]
fn generated_strings_do_nothing() {
    let (template, answered) = templates();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for round in 0..generated() {
        // A name of nothing but blanks is no name, and the template has one.
        let words = format!("x{}", dice.string());
        assert_same_marks(&words, &template, &answered);
        if round % 50 == 0 {
            assert_harmless(&words, &template, &answered);
        }
    }
}

/// How many; each is put into every field of eleven messages. More with `HEKATE_GENERATED=100000`.
fn generated() -> usize {
    std::env::var("HEKATE_GENERATED")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(2_000)
}

#[test]
fn a_hundred_thousand_generated_strings_are_neutral() {
    let mut dice = Dice(0x0123_4567_89AB_CDEF);
    for _ in 0..100_000 {
        let words = dice.string();
        let neutral = hekate::slack::mrkdwn::neutral(&words, 200);
        assert_eq!(tokens(&neutral), Vec::<String>::new(), "{words:?}");
    }
}

#[test]
fn an_icon_or_a_runbook_that_is_none_is_left_out() {
    let on_call = on_call();
    for words in hostile_strings() {
        let mut told = story();
        told.icon = Some(words.clone());
        told.runbook_url = Some(words.clone());
        let message = message::render(&entry(Kind::Opened, told), &context(&on_call));
        check(&message.to_json());
        for token in acting(&message) {
            let is_ours = ["<!date^", "<https://status.example.test/|status page>"]
                .iter()
                .any(|start| token.starts_with(start));
            let is_a_link = token.starts_with("<http") && token.ends_with("|runbook>");
            let is_an_icon = token.starts_with(':') && !token.contains(['<', '>', '&', ' ']);
            assert!(
                is_ours || is_a_link || is_an_icon || ["*", "`", "#"].contains(&token.as_str()),
                "{token} from {words:?}"
            );
        }
    }
}

/// Mentions, links, formats, escapes of escapes, and characters that hide or turn others.
fn hostile_strings() -> Vec<String> {
    const CORES: [&str; 50] = [
        "<!here>",
        "<!channel>",
        "<!everyone>",
        "<!here|here>",
        "<@U0ALICE>",
        "<@U0ALICE|alice>",
        "<!subteam^S0CORE01>",
        "<!subteam^S0CORE01|@core>",
        "<#C0GENERAL>",
        "<#C0GENERAL|general>",
        "@here",
        "@channel",
        "@everyone",
        "#general",
        "&lt;!here&gt;",
        "&amp;lt;!here&amp;gt;",
        "&#60;!here&#62;",
        "\\u003c!here\\u003e",
        "%3C!here%3E",
        "<https://evil.test|click>",
        "https://evil.test/a|b",
        "<mailto:a@evil.test|mail>",
        "<!date^1^{ago}|now>",
        "<!date^1^{date}^https://evil.test|x>",
        "*bold*",
        "_italic_",
        "~strike~",
        "`code`",
        "```fence```",
        "> quote",
        "&gt; quote",
        "1. list",
        "• list",
        ":tada:",
        ":red_circle:",
        ":large_green_circle: operational",
        "a:b:c",
        "🔴🟢",
        "<",
        ">",
        "&",
        "<>",
        "<<!here>>",
        "<!here",
        "!here>",
        "<!\u{200b}here>",
        "\u{202E}>ereh!<",
        "\u{FEFF}<!here>",
        "</script>",
        "${jndi:ldap://evil.test}",
    ];
    let mut out: Vec<String> = CORES.iter().map(|core| (*core).to_owned()).collect();
    for (at, core) in CORES.iter().enumerate() {
        let next = CORES[(at + 7) % CORES.len()];
        out.push(format!("{core}{next}"));
        out.push(format!("HTTP 500 {core} and\n{next}\r\n\t*x*"));
        out.push(format!("{}{core}", "x".repeat(60 + at)));
        out.push(format!("`{core}` *{next}* ```{core}"));
    }
    out
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).expect("small")).expect("small")
    }

    fn string(&mut self) -> String {
        const PARTS: [&str; 40] = [
            "<", ">", "&", "!", "here", "channel", "@", "#", "|", "^", "*", "_", "~", "`", "```",
            ":", "::", "/", "//", "lt;", "gt;", "amp;", "U0ALICE", "S0CORE01", "subteam", "date",
            " ", "\n", "\r", "\t", "a", "9", "é", "日本", "🔥", "\u{202E}", "\u{200B}", "\0",
            "http:", ".",
        ];
        let count = 1 + self.next(24);
        (0..count)
            .map(|_| match self.next(12) {
                0 => char::from_u32(u32::try_from(self.next(0x11_0000)).expect("small"))
                    .unwrap_or('?')
                    .to_string(),
                _ => PARTS[self.next(PARTS.len())].to_owned(),
            })
            .collect()
    }
}
