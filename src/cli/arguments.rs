//! The command line, described once: parsing, help, completions and the manual page come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::release::Release;
use crate::{
    import::Origin,
    model::{Verdict, roles::Role},
};

const AFTER_HELP: &str = "\
Exit codes:
    0  done                               69  no running hekate at that address
    1  what you asked about is not so     74  store or disk
    2  usage                              78  configuration invalid
                                         130  interrupted

First steps:
    hekate demo                see a pretend fleet fail and recover; needs no account and no network
    hekate init                write a first targets.yaml; `hekate import` takes over that of another monitor
    hekate validate            check targets.yaml; every mistake is explained
    hekate run                 watch, remember, tell";

/// Watches health endpoints and tells Slack only when something changed.
#[derive(Parser, Debug)]
#[command(name = "hekate", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Debug)]
pub struct Global {
    /// File or folder of files [default: ./targets.yaml, then /etc/hekate/targets.yaml]
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE|DIR",
        env = "HEKATE_CONFIG"
    )]
    pub config: Option<PathBuf>,
    /// Where a running hekate answers [default: `server.listen` of the file]; `HEKATE_TOKEN` is its token, if it wants one
    #[arg(long, global = true, value_name = "URL", env = "HEKATE_SERVER")]
    pub server: Option<String>,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Whether to print colours; `NO_COLOR` and `CLICOLOR_FORCE` are obeyed
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One line each, for editors and grep.
    Short,
    /// For programs.
    Json,
    /// Annotations of GitHub Actions (`validate` only).
    Github,
    /// A table for spreadsheets (`report sli` only).
    Csv,
    /// For wikis (`report sli` and `report weekly` only).
    Markdown,
}

/// Whether to print colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Watch, remember, tell: the daemon
    Run(Run),
    /// A pretend fleet, a Slack preview and the grid; no account, no network
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Write a first targets.yaml: four questions, or none
    ///
    /// Looks at files of this folder (`compose.yaml`, files of other monitors) and at variables, asks nobody else, and never writes
    /// over a file. Without a terminal, or with `--yes`, nothing is asked.
    Init(Init),
    /// Check the file and explain every mistake
    Validate(Validate),
    /// Why a target is in its state, or what an error code means
    #[command(visible_alias = "why")]
    Explain {
        /// A target, an incident, or a code such as H0102
        #[arg(required = true, num_args = 1.., value_name = "CODE|NAME")]
        words: Vec<String>,
    },
    /// Look once now, print, leave
    Check(Check),
    /// What would be looked at: the targets of the file and those that are discovered
    Discover,
    /// Whether everything around hekate is as it has to be: file, store, clock, network, targets, Slack
    ///
    /// Fourteen questions, each with what to do about it. Nothing is posted to Slack; stores of logs with a canary are sent one
    /// line. A running hekate is asked too, but none is needed. The exit code is 1 if something would keep hekate from its work.
    Doctor,
    /// The grid of the running hekate
    Status(Status),
    /// A live screen of the running hekate: targets, lag, outbox, store
    ///
    /// `?` shows the keys: Enter tells everything known of a target, `/` filters, `p` leaves out what is fine, `q` leaves. A hekate that
    /// goes away is waited for.
    #[cfg(feature = "top")]
    Top {
        /// How often the running hekate is asked: 200ms to 1m
        #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = refresh)]
        every: std::time::Duration,
    },
    /// How fresh the data is that jobs bring
    Fresh {
        /// Which jobs, in any order of their words [default: all]
        #[arg(value_name = "JOB")]
        words: Vec<String>,
    },
    /// Run a command as a run of a job, and say when it begins and how it ends
    Job {
        /// What to do.
        #[command(subcommand)]
        command: Job,
    },
    /// The transitions of a target, newest last
    History {
        /// The target, in any order of its words
        #[arg(required = true, num_args = 1.., value_name = "NAME")]
        words: Vec<String>,
        /// How far back
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
        since: std::time::Duration,
    },
    /// What `max_age` of each log should be, from the pauses of the last week
    ///
    /// A silence of a log means something only if it is longer than its usual pauses, so `max_age` should be at least three
    /// times the longest of them. Pauses are remembered only as far as they were proved, without those of quiet hours, of
    /// outages of the store and of the target itself; a pause is known to within one interval of the log source. Asks the
    /// running hekate, or reads the store if none is running. Says what to paste into the file.
    Suggest {
        /// Which targets, in any order of their words [default: all]
        #[arg(value_name = "NAME")]
        words: Vec<String>,
    },
    /// Take an incident on: no more reminders until it changes
    ///
    /// `hekate ack end k7f2` gives it back: you are not on it any more, and reminders go on.
    Ack(Ack),
    /// Somebody else is on an incident from now on: `hekate hand over k7f2 to eva@laptop`
    Hand(Hand),
    /// What is bad in an incident of several is told one by one from now on
    ///
    /// `hekate split k7f2` splits off all that are bad, `hekate split k7f2 master blue, api` these. Each becomes an incident of
    /// its own; nobody is mentioned again.
    Split(Split),
    /// Tell nothing new of some targets for a while
    ///
    /// Looks go on, and the end of what was told is told. Whoever would hear of the targets is told of the silence.
    Silence {
        /// Which.
        #[command(subcommand)]
        command: Silence,
    },
    /// Say that some targets are worked on, so that nothing new is told of them
    Maintenance {
        /// Which.
        #[command(subcommand)]
        command: Maintenance,
    },
    /// Say that a target is being deployed, so that it may go down and come back untold
    Deploy {
        /// Which.
        #[command(subcommand)]
        command: Deploy,
    },
    /// Say that something is released
    Release {
        /// Which.
        #[command(subcommand)]
        command: Release,
    },
    /// What was released lately, and what came of it
    Releases {
        /// Only what those got whom these words name [default: all]
        #[arg(value_name = "WORDS")]
        words: Vec<String>,
    },
    /// Who would hear of it: the routes, or the way of one case through them
    Routes(Routes),
    /// Play scripts of what happens against the file, in virtual time: who would hear what, when?
    ///
    /// A file of tests says what happens and what has to be told. The real engine and the real file are used; nothing is
    /// looked at and nothing is sent. Variables need not be set. The exit code is 1 if anything is not as expected.
    Test(Test),
    /// Say what an incident was worth that is over; `hekate report noise` counts it
    Mark(Mark),
    /// What the past says about the file
    Report {
        /// Which.
        #[command(subcommand)]
        command: Report,
    },
    /// What this file would have told of the past, beside what was told
    ///
    /// Judges the looks that are stored of every trouble by the rules of the file (`--config new.yaml`), and takes it through its
    /// routes. The store is that of the file, or `--store`; it is only read, so hekate may be running. Of troubles that were
    /// too short to be told no looks are stored.
    Replay(Replay),
    /// Show or really send a message
    Notify {
        /// Which.
        #[command(subcommand)]
        command: Notify,
    },
    /// The app in Slack: its manifest, and whether what the file says of it works
    Slack {
        /// Which.
        #[command(subcommand)]
        command: Slack,
    },
    /// Make the running hekate read its file again
    Reload,
    /// Have something done to a target
    Action {
        /// What.
        #[command(subcommand)]
        command: Action,
    },
    /// Who had what done
    Audit {
        /// What.
        #[command(subcommand)]
        command: Audit,
    },
    /// Look after the store
    Store {
        /// Which.
        #[command(subcommand)]
        command: Store,
    },
    /// The status page as files
    Page {
        /// What.
        #[command(subcommand)]
        command: Page,
    },
    /// Move in: write a `targets.yaml` from the file of another program
    ///
    /// Reads Gatus' `config.yaml`, the JSON export of Uptime Kuma 1, `blackbox.yml` and `prometheus.yml`, and what the API of
    /// Healthchecks answers. The new file is loaded before it is handed out, so it is never refused. What has no counterpart is
    /// listed, and stands in the file as a comment. Secrets are not copied: their places take variables, whose names are listed.
    Import(Import),
    /// Print the JSON Schema of the file
    Schema {
        /// Of files of tests in place of it
        #[arg(long)]
        tests: bool,
    },
    /// Print a manual page or completions
    Generate {
        /// What to print
        #[arg(value_enum)]
        what: Generate,
    },
}

/// `hekate run`
#[derive(Args, Debug)]
pub struct Run {
    /// `preview`: real targets, but messages go to a page on this machine instead of Slack, at port 7878 or `preview=PORT`
    #[cfg(feature = "demo")]
    #[arg(long, value_name = "WHERE")]
    pub slack: Option<crate::demo::Place>,
    /// How to log [default: for people on a terminal, else JSON]
    #[arg(long, value_enum)]
    pub log: Option<Log>,
}

/// How to log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Log {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `hekate demo`
#[cfg(feature = "demo")]
#[derive(Args, Debug)]
pub struct Demo {
    /// What happens
    #[arg(long, value_enum, default_value_t)]
    pub story: crate::demo::Story,
    /// Where the preview page answers
    #[arg(long, default_value_t = 7878)]
    pub port: u16,
    /// End by itself after this time
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub end_after: Option<std::time::Duration>,
}

/// `hekate init`
#[derive(Args, Debug)]
pub struct Init {
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
}

/// `hekate validate`
#[derive(Args, Debug)]
pub struct Validate {
    /// Warnings are errors
    #[arg(long)]
    pub deny_warnings: bool,
}

/// `hekate check`
#[derive(Args, Debug)]
pub struct Check {
    /// Targets, each in any order of its words [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print how long each part took
    #[arg(long)]
    pub phases: bool,
    /// One line and the exit code of a monitoring plug-in
    #[arg(long)]
    pub nagios: bool,
    /// What counts as not fine
    #[arg(long, value_enum, default_value_t = FailOn::Degraded)]
    pub fail_on: FailOn,
}

/// What counts as not fine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum FailOn {
    /// Anything but operational.
    Degraded,
    /// Down only.
    Down,
}

/// `hekate status`
#[derive(Args, Debug)]
pub struct Status {
    /// Which targets, in any order of their words [default: all]
    #[arg(value_name = "NAME")]
    pub words: Vec<String>,
    /// Show it anew every two seconds
    #[arg(long)]
    pub watch: bool,
    /// Only what is not operational
    #[arg(long)]
    pub problems: bool,
}

/// `hekate ack`
#[derive(Args, Debug)]
pub struct Ack {
    /// An incident such as k7f2, or the target that it is about; after `end` you give it back
    #[arg(required = true, num_args = 1.., value_name = "[end] INCIDENT|NAME")]
    pub words: Vec<String>,
    /// What to say about it
    #[arg(long, value_name = "WORDS")]
    pub reason: Option<String>,
}

/// `hekate hand over`
#[derive(Args, Debug)]
pub struct Hand {
    /// `over`, an incident such as k7f2 or the target that it is about, `to`, and who
    #[arg(required = true, num_args = 1.., value_name = "over INCIDENT|NAME to WHOM")]
    pub words: Vec<String>,
    /// In place of `to`: the id of a user of Slack, who is mentioned where a bot tells
    #[arg(long, value_name = "U…")]
    pub slack_user: Option<String>,
}

/// `hekate split`
#[derive(Args, Debug)]
pub struct Split {
    /// An incident such as k7f2
    #[arg(value_name = "INCIDENT")]
    pub incident: String,
    /// Which of its targets, a comma between them [default: all that are bad]
    #[arg(value_name = "NAME")]
    pub words: Vec<String>,
}

/// Whom a silence or a maintenance is about, how long, and why.
#[derive(Args, Debug)]
pub struct Begin {
    /// Which targets, in any order of their words
    #[arg(required = true, num_args = 1.., value_name = "NAME")]
    pub words: Vec<String>,
    /// How long, at most 24h
    #[arg(
        long = "for",
        value_name = "DURATION",
        required_unless_present = "until"
    )]
    pub length: Option<String>,
    /// Until when instead: `recovered`, at most 24h, or the next such time of the file's zone
    #[arg(long, value_name = "recovered|HH:MM", conflicts_with = "length")]
    pub until: Option<String>,
    /// Why
    #[arg(long, value_name = "WORDS")]
    pub reason: String,
}

/// `hekate silence`
#[derive(Subcommand, Debug)]
pub enum Silence {
    /// Begin one
    Add(Begin),
    /// What is silenced
    List,
    /// End one
    End {
        /// Its id, such as s41
        id: String,
    },
}

/// `hekate maintenance`
#[derive(Subcommand, Debug)]
pub enum Maintenance {
    /// Begin one
    Start(Begin),
    /// What is in maintenance, and what the file plans
    List,
    /// End one
    End {
        /// Its id, such as m3
        id: String,
    },
}

/// `hekate deploy`
#[derive(Subcommand, Debug)]
pub enum Deploy {
    /// Announce one
    Announce {
        /// The target, in any order of its words
        #[arg(required = true, num_args = 1.., value_name = "NAME")]
        words: Vec<String>,
        /// How long it may take, at most 1h
        #[arg(long = "for", value_name = "DURATION", default_value = "5m")]
        length: String,
        /// What is deployed
        #[arg(long, value_name = "NAME")]
        release: Option<String>,
    },
    /// What is being deployed
    List,
    /// Say that it is over before its time
    End {
        /// Its id, such as d7
        id: String,
    },
}

/// `hekate routes`
#[derive(Args, Debug)]
pub struct Routes {
    /// The target, in any order of its words [default: print all routes]
    #[arg(long = "for", value_name = "NAME")]
    pub words: Option<String>,
    /// What it is
    #[arg(long, value_enum, default_value_t = StateWord::Down, requires = "words")]
    pub state: StateWord,
    /// Its role [default: as the file says; one that is read elsewhere is unknown, which is taken as active]
    #[arg(long, value_enum, requires = "words")]
    pub role: Option<RoleWord>,
    /// The component that is down, if its body names one
    #[arg(long, value_name = "NAME", requires = "words")]
    pub component: Option<String>,
    /// As a part of a disaster, whatever its severity is: as if its production group were lost
    #[arg(long, requires = "words")]
    pub disaster: bool,
    /// When it happens, for quiet hours and maintenance windows: `03:00` (the next one) or `2026-01-05 03:00`, in the zone of the
    /// file [default: what waits is not asked]
    #[arg(long, value_name = "TIME", requires = "words")]
    pub at: Option<String>,
    /// The channels that should hear of it (with `--at`: at once), and nobody else; the exit code is 1 if it is not so
    #[arg(
        long,
        value_name = "CHANNEL",
        value_delimiter = ',',
        requires = "words"
    )]
    pub expect: Vec<String>,
}

/// What can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum StateWord {
    /// It does not work.
    Down,
    /// It works, but not well.
    Degraded,
    /// We cannot say.
    Unknown,
}

impl StateWord {
    /// The verdict.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Down => Verdict::Down,
            Self::Degraded => Verdict::Degraded,
            Self::Unknown => Verdict::Unknown,
        }
    }
}

/// A role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RoleWord {
    /// It carries the load.
    Active,
    /// It waits.
    Inactive,
    /// Nobody can say.
    Unknown,
}

impl RoleWord {
    /// The role.
    pub const fn role(self) -> Role {
        match self {
            Self::Active => Role::Active,
            Self::Inactive => Role::Inactive,
            Self::Unknown => Role::Unknown,
        }
    }
}

/// `hekate test`
#[derive(Args, Debug)]
pub struct Test {
    /// Files of tests, or folders of them [default: the folder `tests/alerts` beside the file]
    #[arg(value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Only tests whose names match
    #[arg(long, value_name = "REGEX")]
    pub run: Option<regex::Regex>,
    /// Write the results for a build server as well
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Say which routes, states, severities and targets no test has touched
    #[arg(long)]
    pub coverage: bool,
    /// How often each script is played, with looks at other moments each time
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub plays: u64,
}

/// `hekate mark`
#[derive(Args, Debug)]
pub struct Mark {
    /// The incident's id, such as k7f2
    pub incident: String,
    /// What it was worth
    #[arg(value_enum)]
    pub worth: WorthWord,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// Who says so [default: the name of the user]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// What an incident was worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum WorthWord {
    /// Nothing was wrong, or nothing that anybody had to hear of.
    FalseAlarm,
    /// It was good to be told.
    Useful,
}

impl WorthWord {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FalseAlarm => "false alarm",
            Self::Useful => "useful",
        }
    }
}

/// `hekate report`
#[derive(Subcommand, Debug)]
pub enum Report {
    /// The noisiest checks, and the limits that would have kept them quiet
    ///
    /// Counts what was told and what of it was marked as a false alarm, and tries longer limits on the looks that are stored of each
    /// trouble: how many false alarms would not have been sent, and by how much later the others. Reads the journal beside
    /// the store, so hekate may be running.
    Noise(Noise),
    /// How available targets were, the worst first
    ///
    /// Down counts against it, from the first bad look to the first good one; degraded counts as available and is shown. Times in which
    /// nobody looked or nobody could see are not measured and leave the denominator, as does maintenance. Asks the running
    /// hekate. `--format csv` and `--format markdown` print tables in the order of the file.
    Sli(Availability),
    /// What a week was like, group by group: availability, error budgets, incidents, the noisiest check
    ///
    /// Availability and error budgets are asked of the running hekate, as `report sli` does; without one they are left out, and
    /// that is said. Incidents, and how long it took until somebody acknowledged them, are read from the journal beside the store.
    /// `--format markdown` prints a page for a wiki.
    Weekly(Weekly),
}

/// `hekate report weekly`
#[derive(Args, Debug)]
pub struct Weekly {
    /// Only these groups, by their names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub group: Vec<String>,
    /// How far back, from 5m to 400d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    pub window: std::time::Duration,
    /// The folder of the store [default: that of the file]; nobody is asked how available it was
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// `hekate report sli`
#[derive(Args, Debug)]
pub struct Availability {
    /// Which targets, in any order of their words [default: all]
    #[arg(value_name = "NAME")]
    pub words: Vec<String>,
    /// How far back, from 5m to 400d
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = humantime::parse_duration)]
    pub window: std::time::Duration,
    /// Only the targets of these groups, by their names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub group: Vec<String>,
}

/// `hekate report noise`
#[derive(Args, Debug)]
pub struct Noise {
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = humantime::parse_duration)]
    pub since: std::time::Duration,
    /// The folder of the store [default: that of the file]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// `hekate replay`
#[derive(Args, Debug)]
pub struct Replay {
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    pub since: std::time::Duration,
    /// The folder of the store [default: that of the file]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Only what would be told otherwise
    #[arg(long)]
    pub differences: bool,
    /// In place of the past: what is open now, and what this file says otherwise of it
    #[arg(long, conflicts_with_all = ["since", "differences"])]
    pub open: bool,
}

/// `hekate notify`
#[derive(Subcommand, Debug)]
pub enum Notify {
    /// Send a marked test message to a channel
    Test {
        /// The channel's key in the file
        channel: String,
    },
    /// Print the payload of a message
    Preview {
        /// Which message
        #[arg(long, value_enum, default_value_t = MessageKind::Down)]
        kind: MessageKind,
    },
}

/// Which message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum MessageKind {
    /// Something is down.
    Down,
    /// Something is degraded.
    Degraded,
    /// We cannot see something.
    Unknown,
    /// It is still down.
    Reminder,
    /// It is over.
    Recovered,
    /// The answer to the slash command.
    Status,
}

/// `hekate slack`
#[derive(Subcommand, Debug)]
pub enum Slack {
    /// Print the manifest of the Slack app that the file wants, with the reason for every right that it asks for
    ///
    /// Slack makes the app from it. Variables need not be set. The slash command is part of it if the file has an `app_token`
    /// or a `signing_secret` and a `public_url`, or if one of the options is given.
    Manifest(Manifest),
    /// Check tokens, secrets and webhooks without posting anything
    ///
    /// An app-level token is tried: a connection is opened and closed. Of the others only the form is checked. The exit code
    /// is 1 if something does not work.
    Verify,
}

/// `hekate slack manifest`
#[derive(Args, Debug)]
pub struct Manifest {
    /// The slash command comes by signed requests: where Slack reaches hekate
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The slash command comes over connections that hekate holds; no public address is needed
    #[arg(long, conflicts_with = "url")]
    pub socket_mode: bool,
}

/// `hekate action`
#[derive(Subcommand, Debug)]
pub enum Action {
    /// What the file declares
    List,
    /// Have it done, if its guard lets you
    Run {
        /// What, such as restart
        name: String,
        /// The target, in any order of its words
        #[arg(required = true, num_args = 1.., value_name = "NAME")]
        words: Vec<String>,
        /// Only say whether it would be done
        #[arg(long)]
        dry_run: bool,
        /// Why
        #[arg(long, value_name = "WORDS")]
        reason: Option<String>,
        /// The name of the target once more, which confirms it
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
}

/// `hekate audit`
#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Audit {
    /// Every attempt, step by step, as far as the journal reaches back
    List,
    /// Read the journal and say whether any line was changed or lost
    Verify,
}

/// `hekate store`
#[derive(Subcommand, Debug)]
pub enum Store {
    /// Read the journal and say whether any line was changed or lost
    Verify,
    /// Write everything that is remembered as JSON Lines; hekate must not be running
    Export {
        /// A new file [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Fill a new store with what `export` wrote
    Import {
        /// The JSON Lines
        #[arg(value_name = "FILE")]
        export: PathBuf,
    },
    /// Copy the store into a new folder; hekate may be running
    ///
    /// The copy is a store itself and is one moment of it. While hekate is running it has everything that is needed to go on, and of
    /// the past what the journal has; otherwise it has all of the past.
    Backup {
        /// A folder that is not there yet
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
    /// Make a store of a backup again; hekate must not be running
    Restore {
        /// The backup
        #[arg(value_name = "DIR")]
        backup: PathBuf,
        /// Replace the store that is there, which is kept under another name
        #[arg(long)]
        force: bool,
    },
    /// How large the store is, and what is in it
    Stats,
    /// Take away what is older than `store.retention`, and write the rest of the history into files without gaps; hekate must not
    /// be running
    ///
    /// The new files are compared with the old ones before they take their place, in one step, so nothing is lost whenever this is
    /// killed. The journal is left as it is: it is bounded anyway, and `hekate audit verify` reads it.
    Compact,
    /// Bring a store of an older version to the format of this one, and read every record of it once; hekate must not be running
    ///
    /// `hekate run` does the same when it starts. A store that a newer version wrote is refused and left as it is.
    Migrate,
}

/// `hekate import`
#[derive(Args, Debug)]
pub struct Import {
    /// Which program the files are of
    #[arg(value_enum)]
    pub from: OriginWord,
    /// Its files, or `-` for standard input; `blackbox` and `prometheus` take both kinds of files
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A new file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Write over it if it is there
    #[arg(long, requires = "to")]
    pub force: bool,
}

/// A program that is moved away from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OriginWord {
    /// Its `config.yaml`, several of them, or a `ConfigMap` that holds it.
    Gatus,
    /// Settings, Backup, Export of version 1; or the list of monitors from its socket.
    UptimeKuma,
    /// Its `blackbox.yml`, best with a `prometheus.yml`, which has the addresses.
    Blackbox,
    /// `GET /api/v3/checks/`
    Healthchecks,
    /// Its `prometheus.yml`, best with a `blackbox.yml`.
    Prometheus,
}

impl OriginWord {
    /// The program.
    pub const fn origin(self) -> Origin {
        match self {
            Self::Gatus => Origin::Gatus,
            Self::UptimeKuma => Origin::UptimeKuma,
            Self::Blackbox => Origin::Blackbox,
            Self::Healthchecks => Origin::Healthchecks,
            Self::Prometheus => Origin::Prometheus,
        }
    }
}

/// `hekate page …`
#[derive(Subcommand, Debug)]
pub enum Page {
    /// Write the page, its feeds and its badges into a folder, for a web server or an object store
    ///
    /// They show what anybody may see with `page: { public: true }`: names, states and times. Asks the running hekate, or reads the store if
    /// none is running; the page says from when it is. Each file is replaced in one step, the page itself last, and what else is in
    /// the folder is left alone.
    Export {
        /// The folder; made if it is not there
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
}

/// What to generate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Generate {
    /// A manual page, `hekate.1`.
    Man,
    /// Completions for bash.
    Bash,
    /// Completions for zsh.
    Zsh,
    /// Completions for fish.
    Fish,
    /// Completions for PowerShell.
    Powershell,
    /// Completions for Elvish.
    Elvish,
    /// A unit for systemd.
    Systemd,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}

/// Jobs.
#[derive(Subcommand, Debug)]
pub enum Job {
    /// Run a command, and say when it begins and how it ends
    ///
    /// Its output is passed on, its exit code is that of this command, and its last lines are told as evidence. It runs whether or not hekate is there;
    /// the end is tried to be told for a minute. The job is called at `--ping-url`, or at the hekate of the file or of `--server`, with the ping key of
    /// `HEKATE_PING_KEY` or the token of `HEKATE_TOKEN`, or those of the file.
    Run(JobRun),
}

/// What to run.
#[derive(Args, Debug)]
pub struct JobRun {
    /// The job, as `jobs:` of the file calls it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where the job is called, with its key: `https://status.example.test/ping/<key>/<job>`
    #[arg(
        long,
        value_name = "URL",
        env = "HEKATE_PING_URL",
        hide_env_values = true
    )]
    pub ping_url: Option<String>,
    /// End it after this time: by SIGTERM, and 10 s later by SIGKILL
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub max_runtime: Option<std::time::Duration>,
    /// How many of its last lines are told
    #[arg(long, value_name = "LINES", default_value_t = 20)]
    pub tail: usize,
    /// The command and its arguments, behind `--`
    #[arg(last = true, required = true, num_args = 1.., value_name = "CMD")]
    pub command: Vec<String>,
}

/// How often a screen is drawn from a new answer.
#[cfg(feature = "top")]
fn refresh(text: &str) -> Result<std::time::Duration, String> {
    use std::time::Duration;

    let every = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(200)..=Duration::from_mins(1)).contains(&every) {
        Ok(every)
    } else {
        Err(String::from("between 200ms and 1m"))
    }
}
