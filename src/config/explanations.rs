//! Every kind of problem with its cause, an example and the fix. The examples are loaded by a test.

use super::code::Code;

/// What can be said of a kind of problem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// Which kind.
    pub code: Code,
    /// A heading.
    pub title: &'static str,
    /// Why it is a problem.
    pub cause: &'static str,
    /// What it looks like, as YAML.
    pub example: &'static str,
    /// What it looks like when it is right.
    pub fix: &'static str,
}

/// The explanation of a code such as `H0102`; case makes no difference.
pub fn explanation(code: &str) -> Option<&'static Explanation> {
    ALL.iter()
        .find(|explanation| explanation.code.as_str().eq_ignore_ascii_case(code.trim()))
}

/// All explanations, in the order of their codes.
pub fn explanations() -> &'static [Explanation] {
    ALL
}

const ALL: &[Explanation] = &[
    Explanation {
        code: Code::Syntax,
        title: "The file is not YAML",
        cause: "A quote or bracket is not closed, a line is indented differently from its neighbours, or a tab was used. YAML readers often notice it lines later, so the line named is the one without which the rest can be read.",
        example: r##"server: { listen: "127.0.0.1:8080" }
store:
  path: "./data
  retention: 30d
"##,
        fix: r##"server: { listen: "127.0.0.1:8080" }
store:
  path: "./data"
  retention: 30d
"##,
    },
    Explanation {
        code: Code::UnknownKey,
        title: "The section has no such key",
        cause: "Keys are checked strictly, so that a slip is never silently ignored.",
        example: r##"defaults:
  timout: 5s
"##,
        fix: r##"defaults:
  timeout: 5s
"##,
    },
    Explanation {
        code: Code::NotYet,
        title: "The key belongs to a later version",
        cause: "hekate knows this key from its plans, but this version cannot do it yet. It is refused rather than ignored, because you would believe that it works.",
        example: r##"silences:
  - { target: master/blue, for: 2h }
"##,
        fix: r##"x-silences:
  - { target: master/blue, for: 2h }
"##,
    },
    Explanation {
        code: Code::VariableInBraces,
        title: "A variable in braces needs quotes",
        cause: "In YAML `{` inside of `{ … }` begins a map of its own.",
        example: r##"channels:
  alerts: { webhook_url: ${SLACK_WEBHOOK_URL} }
"##,
        fix: r##"channels:
  alerts: { webhook_url: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::WrongType,
        title: "A value of another kind is needed",
        cause: "A list, a text, a number or keys and values are needed, and something else is there.",
        example: r##"targets: { name: api, health: "https://api.example.test/health" }
"##,
        fix: r##"targets:
  - { name: api, health: "https://api.example.test/health" }
"##,
    },
    Explanation {
        code: Code::Twice,
        title: "The same thing twice",
        cause: "YAML readers keep one of two equal keys without a word; which one differs. In a folder the two may stand in different files.",
        example: r##"defaults:
  interval: 30s
  interval: 1m
"##,
        fix: r##"defaults:
  interval: 1m
"##,
    },
    Explanation {
        code: Code::EmptyFile,
        title: "There is nothing in the file",
        cause: "A file needs at least one channel and one target.",
        example: r##"# nothing yet
"##,
        fix: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
targets:
  - { name: api, health: "https://api.example.test/health" }
"##,
    },
    Explanation {
        code: Code::ReadersDiffer,
        title: "YAML readers do not agree about a value",
        cause: "Some rare forms of YAML are understood differently by different programs. A person could not be sure either.",
        example: r##"a value that two YAML readers read differently"##,
        fix: r##"the same value in quotes, on one line"##,
    },
    Explanation {
        code: Code::MergeKey,
        title: "Merge keys are not used",
        cause: "`<<` copies keys from elsewhere; what then holds is hard to see. `defaults`, groups and targets override each other in one fixed order instead.",
        example: r##"x-slow: &slow { interval: 5m }
targets:
  - { <<: *slow, name: api, health: "https://api.example.test/health" }
"##,
        fix: r##"groups:
  slow: { interval: 5m }
targets:
  - { name: api, group: slow, health: "https://api.example.test/health" }
"##,
    },
    Explanation {
        code: Code::Duration,
        title: "A duration needs a unit",
        cause: "`30` could be seconds or minutes.",
        example: r##"defaults:
  interval: 30
"##,
        fix: r##"defaults:
  interval: 30s
"##,
    },
    Explanation {
        code: Code::Tag,
        title: "YAML tags are not used",
        cause: "Tags such as `!env` mean something only to the program they were made for.",
        example: r##"server:
  timezone: !env TZ
"##,
        fix: r##"server:
  timezone: Europe/Prague
"##,
    },
    Explanation {
        code: Code::SecondDocument,
        title: "One document a file",
        cause: "After `---` a second document begins, and it would be easy to overlook.",
        example: r##"version: 1
---
server: {}
"##,
        fix: r##"version: 1
server: {}
"##,
    },
    Explanation {
        code: Code::Missing,
        title: "Something has to be there",
        cause: "Without it nothing sensible can be done, and guessing would be worse.",
        example: r##"targets:
  - health: "https://api.example.test/health"
"##,
        fix: r##"targets:
  - name: api
    health: "https://api.example.test/health"
"##,
    },
    Explanation {
        code: Code::NoSuchWord,
        title: "The word is none of the possible ones",
        cause: "Only a few words are possible here; all of them are listed.",
        example: r##"defaults:
  severity: urgent
"##,
        fix: r##"defaults:
  severity: critical
"##,
    },
    Explanation {
        code: Code::Range,
        title: "The value is out of its range",
        cause: "The limits keep hekate useful and polite: an interval of a millisecond would be an attack, one of a month would see nothing.",
        example: r##"defaults:
  interval: 10ms
"##,
        fix: r##"defaults:
  interval: 10s
"##,
    },
    Explanation {
        code: Code::Name,
        title: "The name cannot be used",
        cause: "Names are said by people in chat and stored for years: no `/`, no line breaks, no invisible characters, at most 64 characters.",
        example: r##"targets:
  - name: core/blue
    health: "https://api.example.test/health"
"##,
        fix: r##"targets:
  - name: blue
    group: core
    health: "https://api.example.test/health"
"##,
    },
    Explanation {
        code: Code::TooMuch,
        title: "Too large, too deep or too many",
        cause: "A file has at most 1 MiB, 32 levels and 400,000 values; larger ones are mistakes or attacks.",
        example: r##"a file of more than 1 MiB"##,
        fix: r##"a folder with several files"##,
    },
    Explanation {
        code: Code::Unreadable,
        title: "The file cannot be read",
        cause: "It is not there, may not be read, or is not UTF-8 text.",
        example: r##"hekate validate --config nowhere.yaml"##,
        fix: r##"hekate validate --config targets.yaml"##,
    },
    Explanation {
        code: Code::Both,
        title: "Two keys exclude each other",
        cause: "Both say the same thing in different ways, and one of them would be ignored.",
        example: r##"slack:
  signing_secret: "${TOKEN}"
  signing_secret_file: /run/secrets/slack
"##,
        fix: r##"slack:
  signing_secret: "${TOKEN}"
"##,
    },
    Explanation {
        code: Code::Swallowed,
        title: "`#` began a comment",
        cause: "After a space `#` begins a comment in YAML, so the value is empty.",
        example: r##"channels:
  alerts:
    slack: #alerts
    webhook_url: "${SLACK_WEBHOOK_URL}"
"##,
        fix: r##"channels:
  alerts:
    slack: "#alerts"
    webhook_url: "${SLACK_WEBHOOK_URL}"
"##,
    },
    Explanation {
        code: Code::Address,
        title: "The address cannot be used",
        cause: "An address has a scheme, http or https, and a host.",
        example: r##"targets:
  - name: api
    health: "api.example.test/health"
"##,
        fix: r##"targets:
  - name: api
    health: "https://api.example.test/health"
"##,
    },
    Explanation {
        code: Code::Condition,
        title: "The condition cannot be understood",
        cause: "A condition compares `status`, or what a JSONPath (RFC 9535) finds in the body, with one value.",
        example: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      rules:
        - { if: "$.status = UP", then: operational }
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      rules:
        - { if: '$.status == "UP"', then: operational }
"##,
    },
    Explanation {
        code: Code::Icon,
        title: "The icon is not an emoji",
        cause: "An icon says who a target is, in Slack and on the page: the name of an emoji between colons, or a single emoji.",
        example: r##"targets:
  - name: api
    icon: blue
    health: "https://api.example.test/health"
"##,
        fix: r##"targets:
  - name: api
    icon: ":blue_circle:"
    health: "https://api.example.test/health"
"##,
    },
    Explanation {
        code: Code::Count,
        title: "The count cannot be",
        cause: "`3` is three failures in a row, `3 of 5` three among the last five looks; at most 32 looks are counted.",
        example: r##"defaults:
  failures: 5 of 3
"##,
        fix: r##"defaults:
  failures: 3 of 5
"##,
    },
    Explanation {
        code: Code::Empty,
        title: "There is a key, but no value",
        cause: "An empty value may be a slip, so it is not taken for a default.",
        example: r##"server:
  timezone:
"##,
        fix: r##"server:
  timezone: Europe/Prague
"##,
    },
    Explanation {
        code: Code::Version,
        title: "The version of the file is not known",
        cause: "`version` says which form of file this is. This hekate reads version 1.",
        example: r##"version: 2
"##,
        fix: r##"version: 1
"##,
    },
    Explanation {
        code: Code::Timezone,
        title: "The time zone is not known",
        cause: "Time zones have the names of the IANA database; short forms such as CET are not the same all year.",
        example: r##"server:
  timezone: Europe/Praha
"##,
        fix: r##"server:
  timezone: Europe/Prague
"##,
    },
    Explanation {
        code: Code::ClockTime,
        title: "This is not a time of the day",
        cause: "Times of the day are hours and minutes from \"00:00\" to \"24:00\"; in quotes, because YAML reads some of them as numbers.",
        example: r##"log_sources:
  files: { file: {} }
targets:
  - name: api
    log_freshness:
      query: /var/log/api.log
      quiet: { from: "22:65", to: "06:00" }
"##,
        fix: r##"log_sources:
  files: { file: {} }
targets:
  - name: api
    log_freshness:
      query: /var/log/api.log
      quiet: { from: "22:45", to: "06:00" }
"##,
    },
    Explanation {
        code: Code::Unset,
        title: "A variable is not set",
        cause: "The file refers to an environment variable that this process does not have. In a service it is often set in a shell only.",
        example: r##"channels: { alerts: "${SLACK_WEBHOOK_NOWHERE}" }
"##,
        fix: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::Blank,
        title: "A variable is empty",
        cause: "A variable that is set to nothing is a mistake more often than a wish. Write `${NAME:-}` where nothing is fine.",
        example: r##"slack:
  signing_secret: "${BLANK}"
"##,
        fix: r##"slack:
  signing_secret: "${BLANK:-}"
"##,
    },
    Explanation {
        code: Code::Malformed,
        title: "The variable has a form that is not known",
        cause: "`${NAME}`, `${NAME:-default}` and `${NAME:?what to do}` are known; `$$` is a dollar sign.",
        example: r##"channels: { alerts: "${SLACK-WEBHOOK-URL}" }
"##,
        fix: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::VariableHere,
        title: "Variables are not filled in here",
        cause: "They work in secrets, addresses and header values, so that what hekate does can be read from the file.",
        example: r##"defaults:
  interval: "${INTERVAL}"
"##,
        fix: r##"defaults:
  interval: 30s
"##,
    },
    Explanation {
        code: Code::SideFile,
        title: "A file that the file names cannot be used",
        cause: "A secret or certificate file is missing, may not be read, is empty, longer than 64 KiB or not a plain file.",
        example: r##"slack:
  signing_secret_file: /nowhere/signing_secret
"##,
        fix: r##"slack:
  signing_secret: "${TOKEN}"
"##,
    },
    Explanation {
        code: Code::Placeholder,
        title: "A `{{…}}` cannot be understood",
        cause: "A range in a name, `{{01..20}}`, or a list, `{{blue,green}}`, stands for one target for each value. Everywhere else in that target the value is `{{each}}`. There is one range, it stands in `name`, and it keeps leading zeros. Two braces are values of a range; `${NAME}` with a dollar sign is a variable of the environment. What begins with a dot or a dollar sign, or has spaces in it, is left as it is: queries of logs have templates of their own. In a `target` of `discovery` there is `{{address}}`, `{{host}}` and `{{label.name}}` instead, in its names and addresses only. In `steps`, `{{token}}` is what an earlier step extracted as `token`.",
        example: r##"targets:
  - name: "api-{{01..20}}"
    health: "https://api-{{n}}.example.test/health"
"##,
        fix: r##"targets:
  - name: "api-{{01..20}}"
    health: "https://api-{{each}}.example.test/health"
"##,
    },
    Explanation {
        code: Code::UnusedValue,
        title: "A value is extracted and not used",
        cause: "A step says what of its answer later steps use, and none of them does. What is extracted has to be there, or the step fails, so a value that nobody needs can only do harm. A mere condition belongs to `expect`.",
        example: r##"targets:
  - name: shop
    steps:
      - { http: "https://shop.example.test/login", extract: { token: "$.token" } }
"##,
        fix: r##"targets:
  - name: shop
    steps:
      - { http: "https://shop.example.test/login", extract: { token: "$.token" } }
      - { http: { url: "https://shop.example.test/cart", bearer: "{{token}}" } }
"##,
    },
    Explanation {
        code: Code::Allowance,
        title: "The number of messages cannot be",
        cause: "`6 per 10m` is at most six messages in any ten minutes; what is over that is told as one message. One to 1,000 messages, in a minute to a day.",
        example: r##"channels:
  alerts: { webhook_url: "${SLACK_WEBHOOK_URL}", max_messages: 6/10m }
"##,
        fix: r##"channels:
  alerts: { webhook_url: "${SLACK_WEBHOOK_URL}", max_messages: 6 per 10m }
"##,
    },
    Explanation {
        code: Code::SameTarget,
        title: "Two targets of one name",
        cause: "A target is known by its group and name; its history hangs on them.",
        example: r##"targets:
  - { name: api, health: "https://a.example.test/health" }
  - { name: api, health: "https://b.example.test/health" }
"##,
        fix: r##"targets:
  - { name: api a, health: "https://a.example.test/health" }
  - { name: api b, health: "https://b.example.test/health" }
"##,
    },
    Explanation {
        code: Code::NoSuchGroup,
        title: "The group is not there",
        cause: "With a `groups` section every group has to be in it, so that a slip does not make a new one.",
        example: r##"groups:
  master: {}
targets:
  - { name: blue, group: mastr, health: "https://blue.example.test/health" }
"##,
        fix: r##"groups:
  master: {}
targets:
  - { name: blue, group: master, health: "https://blue.example.test/health" }
"##,
    },
    Explanation {
        code: Code::NoSuchSource,
        title: "The log source is not there",
        cause: "`source` names a key of `log_sources`.",
        example: r##"log_sources:
  graylog: { graylog: "https://graylog.example.test/api" }
targets:
  - name: api
    log_freshness: { source: greylog, query: "app:api" }
"##,
        fix: r##"log_sources:
  graylog: { graylog: "https://graylog.example.test/api" }
targets:
  - name: api
    log_freshness: { source: graylog, query: "app:api" }
"##,
    },
    Explanation {
        code: Code::Ambiguous,
        title: "A word means two things",
        cause: r##"People say aliases in chat, and the answer must be about the right thing. Names may repeat in other groups: "blue master" is understood."##,
        example: r##"targets:
  - { name: blue, aliases: [core], health: "https://blue.example.test/health" }
  - { name: green, aliases: [core], health: "https://green.example.test/health" }
"##,
        fix: r##"targets:
  - { name: blue, aliases: [modra], health: "https://blue.example.test/health" }
  - { name: green, aliases: [zelena], health: "https://green.example.test/health" }
"##,
    },
    Explanation {
        code: Code::NoSuchOnCall,
        title: "The on-call entry is not there",
        cause: "`mention` names a key of `on_call`.",
        example: r##"on_call:
  core: { user_group: S0CORE01 }
routes:
  - { to: [alerts], mention: cores }
"##,
        fix: r##"on_call:
  core: { user_group: S0CORE01 }
routes:
  - { to: [alerts], mention: core }
"##,
    },
    Explanation {
        code: Code::Was,
        title: "The past cannot be taken over",
        cause: "`was` says what a renamed target was called before, so that its history and open incidents follow it.",
        example: r##"targets:
  - { name: blue, was: green, health: "https://blue.example.test/health" }
  - { name: green, health: "https://green.example.test/health" }
"##,
        fix: r##"targets:
  - { name: blue, was: azure, health: "https://blue.example.test/health" }
  - { name: green, health: "https://green.example.test/health" }
"##,
    },
    Explanation {
        code: Code::NoTarget,
        title: "There is nothing to watch",
        cause: "A file without targets would look healthy for ever.",
        example: r##"targets: []
"##,
        fix: r##"targets:
  - { name: api, health: "https://api.example.test/health" }
"##,
    },
    Explanation {
        code: Code::NoChannel,
        title: "There is nobody to tell",
        cause: "Without a channel no trouble would be told to anybody.",
        example: r##"channels: {}
"##,
        fix: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::NoSuchChannel,
        title: "The channel is not there",
        cause: "Routes and fallbacks name keys of `channels`, not names of Slack.",
        example: r##"routes:
  - { to: [alert] }
"##,
        fix: r##"routes:
  - { to: [alerts] }
"##,
    },
    Explanation {
        code: Code::NoCatchAll,
        title: "The last route has to take everything",
        cause: "Otherwise some troubles would be told to nobody, and nobody would notice.",
        example: r##"routes:
  - { match: { severity: critical }, to: [alerts] }
"##,
        fix: r##"routes:
  - { match: { severity: critical }, to: [alerts], remind_after: 1h }
  - { to: [alerts] }
"##,
    },
    Explanation {
        code: Code::Unreachable,
        title: "Nothing comes to this route",
        cause: "The first route that matches decides. Routes before this one take everything that it would take, or no target is like that.",
        example: r##"routes:
  - { match: { severity: critical }, to: [alerts] }
  - { match: { target: api }, to: [alerts] }
  - { to: [alerts] }
"##,
        fix: r##"routes:
  - { match: { target: api, state: down }, to: [alerts] }
  - { match: { severity: critical }, to: [alerts] }
  - { to: [alerts] }
"##,
    },
    Explanation {
        code: Code::NoSuchTarget,
        title: "The target is not there",
        cause: "`target` of a route is `group/name`, or the name alone if it is the only one.",
        example: r##"routes:
  - { match: { target: aip }, to: [alerts] }
  - { to: [alerts] }
"##,
        fix: r##"routes:
  - { match: { target: api }, to: [alerts] }
  - { to: [alerts] }
"##,
    },
    Explanation {
        code: Code::NoRoutes,
        title: "Several channels, but no routes",
        cause: "With a single channel everything goes there. With more than one, `routes` has to say who hears of what.",
        example: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
  ops: "${SLACK_WEBHOOK_URL}"
"##,
        fix: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
  ops: "${SLACK_WEBHOOK_URL}"
routes:
  - { to: [alerts] }
"##,
    },
    Explanation {
        code: Code::UnusedChannel,
        title: "Nothing is sent to this channel",
        cause: "No route and no fallback leads to it. A channel called `ops` is always used: it hears of hekate's own trouble.",
        example: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
  sales: "${SLACK_WEBHOOK_URL}"
routes:
  - { to: [alerts] }
"##,
        fix: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
  sales: "${SLACK_WEBHOOK_URL}"
routes:
  - { to: [alerts, sales] }
"##,
    },
    Explanation {
        code: Code::OwnFallback,
        title: "A channel falls back to itself",
        cause: "A fallback gets the messages that a channel refuses, so it has to be another one.",
        example: r##"channels:
  alerts: { webhook_url: "${SLACK_WEBHOOK_URL}", fallback: alerts }
"##,
        fix: r##"channels:
  alerts: { webhook_url: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::NoSuchParent,
        title: "It depends on something that is not there",
        cause: "`depends_on` names targets or groups of the same file. Of what nobody watches nobody can say that it is down.",
        example: r##"targets:
  - { name: web, depends_on: [databse], health: "https://web.example.test/health" }
  - { name: database, tcp: "db.example.test:5432" }
"##,
        fix: r##"targets:
  - { name: web, depends_on: [database], health: "https://web.example.test/health" }
  - { name: database, tcp: "db.example.test:5432" }
"##,
    },
    Explanation {
        code: Code::Circle,
        title: "Dependencies go round in a circle",
        cause: "If each of two needs the other, each would excuse the other, and nobody would be told of either.",
        example: r##"targets:
  - { name: web, depends_on: [api], health: "https://web.example.test/health" }
  - { name: api, depends_on: [web], health: "https://api.example.test/health" }
"##,
        fix: r##"targets:
  - { name: web, depends_on: [api], health: "https://web.example.test/health" }
  - { name: api, health: "https://api.example.test/health" }
"##,
    },
    Explanation {
        code: Code::Action,
        title: "The action cannot be",
        cause: "An action obeys somebody, is not called like a command of hekate's own, and does something that can be asked for. What may touch an active instance is confirmed by typing the instance's name.",
        example: r##"actions:
  force_restart:
    when: { role: any }
    confirm: button
    allow: { users: [U0ALICE] }
    http: { url: "https://ci.example.test/restart?instance={name}" }
"##,
        fix: r##"actions:
  force_restart:
    when: { role: any }
    confirm: type_name
    allow: { users: [U0ALICE] }
    http: { url: "https://ci.example.test/restart?instance={name}" }
"##,
    },
    Explanation {
        code: Code::Membership,
        title: "Nobody can say who is in a user group",
        cause: "An action obeys the people of a user group; the file does not say who they are, and has no `bot_token` with which Slack could be asked. Whoever is not named is refused.",
        example: r##"actions:
  restart:
    allow: { groups: [S0CORE01] }
    http: { url: "https://ci.example.test/restart?instance={name}" }
"##,
        fix: r##"on_call:
  core: { user_group: S0CORE01, users: [U0ALICE, U0BOB] }
actions:
  restart:
    allow: { groups: [core] }
    http: { url: "https://ci.example.test/restart?instance={name}" }
"##,
    },
    Explanation {
        code: Code::Timing,
        title: "The timeout is not shorter than the interval",
        cause: "A look has to end before the next one begins; above five seconds a second is kept free between them.",
        example: r##"defaults:
  interval: 30s
  timeout: 40s
"##,
        fix: r##"defaults:
  interval: 30s
  timeout: 5s
"##,
    },
    Explanation {
        code: Code::TwoConfirmations,
        title: "Spans and counts at once",
        cause: "`confirm` says how long failures have to last, `failures` counts looks. In one place only one of them can hold; of two places the nearer one does.",
        example: r##"defaults:
  confirm: 10s
  failures: 3 of 5
"##,
        fix: r##"defaults:
  failures: 3 of 5
"##,
    },
    Explanation {
        code: Code::NeverSlow,
        title: "Nothing can be that slow",
        cause: "A look ends at `timeout`, so no answer can take longer than `slow_after`.",
        example: r##"defaults:
  timeout: 5s
  slow_after: 10s
"##,
        fix: r##"defaults:
  timeout: 5s
  slow_after: 2s
"##,
    },
    Explanation {
        code: Code::Reminders,
        title: "The times of reminders have to grow",
        cause: "They are counted from the first message, and the last gap repeats.",
        example: r##"routes:
  - { to: [alerts], remind_after: [2h, 30m] }
"##,
        fix: r##"routes:
  - { to: [alerts], remind_after: [30m, 2h] }
"##,
    },
    Explanation {
        code: Code::QuietHours,
        title: "These quiet hours cannot be",
        cause: "Quiet hours hold what can wait and tell it when they end. What is critical is told at any hour, and hours without an end would hold everything for ever.",
        example: r##"on_call:
  core: { user_group: S0CORE01, quiet_hours: { from: "22:00", to: "07:00", severities: [critical] } }
"##,
        fix: r##"on_call:
  core: { user_group: S0CORE01, quiet_hours: { from: "22:00", to: "07:00", severities: [warning] } }
"##,
    },
    Explanation {
        code: Code::Rota,
        title: "This rota cannot be",
        cause: "A rota is a week of shifts that comes again every week, or people who take turns from week to week. A shift has people and the day and time at which it begins; it lasts until the next one begins, so no two may begin together. A rotation has people and the time at which the first of them began. Who stands in does so for a time that ends, one at a time.",
        example: r##"on_call:
  night:
    rota: { shifts: [{ who: U0ALICE, from: "09:00" }] }
"##,
        fix: r##"on_call:
  night:
    rota: { timezone: Europe/Prague, shifts: [{ who: U0ALICE, from: "mon 09:00" }, { who: U0BOB, from: "thu 09:00" }] }
"##,
    },
    Explanation {
        code: Code::Schedule,
        title: "The schedule is no cron line",
        cause: "`schedule` has five fields: minute, hour, day of the month, month, day of the week. Each is a number, a list, a range, a step or `*`; there have to be days like that.",
        example: r##"maintenance:
  - { name: rebuild, match: { target: api }, schedule: "2 o'clock", duration: 45m }
"##,
        fix: r##"maintenance:
  - { name: rebuild, match: { target: api }, schedule: "0 2 * * *", duration: 45m }
"##,
    },
    Explanation {
        code: Code::Overlap,
        title: "The maintenance begins again before it has ended",
        cause: "It would never end, and nothing would ever be told. What is out of use for good is better taken out of the file.",
        example: r##"maintenance:
  - { name: rebuild, match: { target: api }, schedule: "0 * * * *", duration: 2h }
"##,
        fix: r##"maintenance:
  - { name: rebuild, match: { target: api }, schedule: "0 * * * *", duration: 20m }
"##,
    },
    Explanation {
        code: Code::Window,
        title: "The maintenance is at no time, or of nobody",
        cause: "`from` has to come before `to`, both have to be times that the clock of the zone shows, and `match` has to name a group, a target, a role or a severity.",
        example: r##"maintenance:
  - { name: upgrade, match: { target: api }, from: "2026-12-02 02:00", to: "2026-12-01 22:00" }
"##,
        fix: r##"maintenance:
  - { name: upgrade, match: { target: api }, from: "2026-12-01 22:00", to: "2026-12-02 02:00" }
"##,
    },
    Explanation {
        code: Code::Objective,
        title: "The SLO says nothing that could be measured",
        cause: "`objective` is a share of the time, more than 0% and less than 100%: what has to be available all the time has no error budget. `window` is no longer than the store remembers.",
        example: r##"slos:
  - { name: api availability, target: api, objective: 100% }
"##,
        fix: r##"slos:
  - { name: api availability, target: api, objective: 99.9% }
"##,
    },
    Explanation {
        code: Code::Literal,
        title: "A secret stands in the file",
        cause: "Anyone who can read the file, its backups or its repository can use it.",
        example: r##"channels:
  alerts: "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
"##,
        fix: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
"##,
    },
    Explanation {
        code: Code::UserInfo,
        title: "User name or password in an address",
        cause: "Addresses are shown in messages, on the page and in logs.",
        example: r##"targets:
  - name: api
    health: "https://hekate:swordfish@api.example.test/health"
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      basic: { username: hekate, password: "${TOKEN}" }
"##,
    },
    Explanation {
        code: Code::Insecure,
        title: "Any certificate is accepted",
        cause: "Anybody between hekate and the target can then answer for it, and an expired certificate is never noticed.",
        example: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      tls: { insecure: true }
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      tls: { server_name: api.internal.example.test }
"##,
    },
    Explanation {
        code: Code::WeakKey,
        title: "The key or token is too short",
        cause: "A signature is worth as much as its key, and a token can be guessed; at least 16 characters are needed.",
        example: r##"channels:
  alerts:
    signed_webhook: { url: "https://hooks.example.test/hekate", secret: "${SHORT}" }
"##,
        fix: r##"channels:
  alerts:
    signed_webhook: { url: "https://hooks.example.test/hekate", secret: "${TOKEN}" }
"##,
    },
    Explanation {
        code: Code::BrokenKey,
        title: "The key of the signature cannot be read",
        cause: "After `whsec_` the key stands in Base64. Taken as plain text it would sign, but no receiver would believe it.",
        example: r##"channels:
  alerts:
    signed_webhook: { url: "https://hooks.example.test/hekate", secret: "${BROKEN}" }
"##,
        fix: r##"channels:
  alerts:
    signed_webhook: { url: "https://hooks.example.test/hekate", secret: "${TOKEN}" }
"##,
    },
    Explanation {
        code: Code::NoDestination,
        title: "A channel has no address",
        cause: "`slack` is only the name that people see; messages go to `webhook_url`, or to `signed_webhook`.",
        example: r##"channels:
  alerts: { slack: "#alerts" }
"##,
        fix: r##"channels:
  alerts: { slack: "#alerts", webhook_url: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::SlackName,
        title: "This cannot be a channel of Slack",
        cause: "Slack's names of channels are in lower case, without spaces and full stops, with at most 80 characters.",
        example: r##"channels:
  alerts: { slack: "#Core Alerts", webhook_url: "${SLACK_WEBHOOK_URL}" }
"##,
        fix: r##"channels:
  alerts: { slack: "#core-alerts", webhook_url: "${SLACK_WEBHOOK_URL}" }
"##,
    },
    Explanation {
        code: Code::Command,
        title: "This cannot be a slash command",
        cause: "A slash, then at most 31 lower-case letters, digits, dashes and underscores.",
        example: r##"slack:
  command: roih
"##,
        fix: r##"slack:
  command: /roih
"##,
    },
    Explanation {
        code: Code::Webhook,
        title: "This is not an incoming webhook",
        cause: "Messages are sent to an incoming webhook, https://hooks.slack.com/services/…. The address of a page or of a workflow's trigger takes no messages.",
        example: r##"channels:
  alerts: "https://example.slack.com/archives/C0123456789"
"##,
        fix: r##"channels:
  alerts: "${SLACK_WEBHOOK_URL}"
"##,
    },
    Explanation {
        code: Code::SlackId,
        title: "This is not an id of Slack",
        cause: "Ids do not change when people or groups are renamed: `S…` for a user group, `U…` or `W…` for a person, `T…` for a workspace, `E…` for an organisation.",
        example: r##"on_call:
  core: { users: ["@alice"] }
"##,
        fix: r##"on_call:
  core: { users: [U0ALICE] }
"##,
    },
    Explanation {
        code: Code::Nobody,
        title: "An on-call entry names nobody",
        cause: "Mentioning it would wake nobody.",
        example: r##"on_call:
  core: {}
"##,
        fix: r##"on_call:
  core: { user_group: S0CORE01 }
"##,
    },
    Explanation {
        code: Code::AppToken,
        title: "This is not an app-level token",
        cause: "Socket Mode wants a token that begins with `xapp-`, made under Basic Information, App-Level Tokens, with the scope `connections:write`. Bot tokens (`xoxb-`), user tokens and signing secrets are other things.",
        example: r##"slack:
  app_token: "${BOT_TOKEN}"
"##,
        fix: r##"slack:
  app_token: "${APP_TOKEN}"
"##,
    },
    Explanation {
        code: Code::SlackPlace,
        title: "This is not Slack",
        cause: "Tokens are sent there, so it has to be a host of slack.com or slack-gov.com, over https. A stand-in on this machine will do for tests.",
        example: r##"slack:
  base_url: "https://slack.example.test"
"##,
        fix: r##"slack:
  base_url: "https://slack-gov.com"
"##,
    },
    Explanation {
        code: Code::BotToken,
        title: "This is not the token of a bot",
        cause: "Messages that are edited are posted by the app's bot, whose token begins with `xoxb-`. Slack shows it under OAuth & Permissions once the app is installed. App-level tokens (`xapp-`), user tokens and signing secrets are other things.",
        example: r##"slack:
  bot_token: "${APP_TOKEN}"
"##,
        fix: r##"slack:
  bot_token: "${BOT_TOKEN}"
"##,
    },
    Explanation {
        code: Code::Reply,
        title: "The reply can never be said",
        cause: "A reply waits for words, in channels whose ids in Slack are known: a message says the id of its channel, never the name.",
        example: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
slack: { bot_token: "${BOT_TOKEN}", app_token: "${APP_TOKEN}" }
replies:
  - { when: "when we have time", say: "that means never", channels: ["#core"] }
"##,
        fix: r##"channels: { alerts: "${SLACK_WEBHOOK_URL}" }
slack: { bot_token: "${BOT_TOKEN}", app_token: "${APP_TOKEN}" }
replies:
  - { when: "when we have time", say: "that means never", channels: [C0CORE001] }
"##,
    },
    Explanation {
        code: Code::Unheard,
        title: "Nobody hears what the reply waits for",
        cause: "What people say reaches hekate over connections to Slack (`app_token`) or by signed requests (`signing_secret`); what is said in channels only with a bot (`bot_token`).",
        example: r##"replies:
  - { when: "when we have time", say: "that means never" }
"##,
        fix: r##"slack: { app_token: "${APP_TOKEN}" }
replies:
  - { when: "when we have time", say: "that means never" }
"##,
    },
    Explanation {
        code: Code::StorePath,
        title: "The store has to be a folder",
        cause: "There is a file where the store's folder should be.",
        example: r##"store:
  path: ./Cargo.toml
"##,
        fix: r##"store:
  path: ./data
"##,
    },
    Explanation {
        code: Code::Listen,
        title: "This is not an address to listen on",
        cause: "An IP address and a port; a name could mean several addresses.",
        example: r##"server:
  listen: 8080
"##,
        fix: r##"server:
  listen: 127.0.0.1:8080
"##,
    },
    Explanation {
        code: Code::Network,
        title: "A trusted proxy cannot be there",
        cause: "Whoever asks from one of these addresses can say that they are anybody. It is an address or a network such as 10.0.0.0/8, and never everybody.",
        example: r##"page:
  trusted_proxy: { from: 0.0.0.0/0 }
"##,
        fix: r##"page:
  trusted_proxy: { from: 10.0.0.0/8 }
"##,
    },
    Explanation {
        code: Code::UselessTls,
        title: "TLS settings without TLS",
        cause: "The address begins with http://, so certificates play no part.",
        example: r##"targets:
  - name: api
    health:
      url: "http://api.example.test/health"
      tls: { server_name: api.internal.example.test }
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      tls: { server_name: api.internal.example.test }
"##,
    },
    Explanation {
        code: Code::Certificate,
        title: "The certificate or key cannot be used",
        cause: "The file has to hold certificates or a private key in PEM form.",
        example: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      tls: { ca_file: ./Cargo.toml }
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      tls: { ca_file: ./examples/private-ca.pem }
"##,
    },
    Explanation {
        code: Code::Header,
        title: "The header cannot be sent",
        cause: "Names of headers are words without spaces, values are one line of visible ASCII, and some headers hekate writes itself.",
        example: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      headers: { "X Team": core }
"##,
        fix: r##"targets:
  - name: api
    health:
      url: "https://api.example.test/health"
      headers: { X-Team: core }
"##,
    },
    Explanation {
        code: Code::NotBuilt,
        title: "This hekate was built without that part",
        cause: "`dns`, `icmp`, `websocket` and `socket_mode` (for `app_token`) are features of the build, on by default. This hekate was built without the one that the file asks for.",
        example: r##"targets:
  - name: api
    dns: api.example.test
"##,
        fix: r##"targets:
  - name: api
    tcp: "api.example.test:443"
"##,
    },
];
