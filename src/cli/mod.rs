//! What one types. Data goes to standard output, talk to standard error; [`Exit`] says how it ended.

mod action;
mod arguments;
mod ask;
mod check;
mod discover;
mod doctor;
mod example;
mod exit;
mod file;
mod generate;
mod import;
mod init;
mod job;
mod notify;
mod page;
mod past;
mod planned;
mod release;
mod routes;
mod run;
mod slack;
mod store;
mod suggest;
mod terminal;
mod test;
#[cfg(feature = "top")]
mod top;
mod weekly;

pub use arguments::Arguments;
pub use exit::Exit;

use clap::Parser as _;

use self::{
    arguments::{Command, Format, Global, Job, Report},
    terminal::Terminal,
};

/// Understands the command line and does what it says.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // A closed pipe is no reason for another message.
            let _ = error.print();
            return exit;
        }
    };
    let terminal = Terminal::of(&arguments.global);
    let Some(command) = arguments.command else {
        terminal.say(GREETING);
        return Exit::Done;
    };
    if let Some(why) = no_table(arguments.global.format, &command) {
        terminal.complain(why);
        return Exit::Usage;
    }
    // Fails only if it was done before, and nobody else does it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    dispatch(&arguments.global, command, terminal)
}

/// Why this command prints no table of this format, if it does not.
const fn no_table(format: Format, command: &Command) -> Option<&'static str> {
    let report = if let Command::Report { command } = command {
        Some(command)
    } else {
        None
    };
    match (format, report) {
        (Format::Csv, Some(Report::Sli(_)))
        | (Format::Markdown, Some(Report::Sli(_) | Report::Weekly(_)))
        | (Format::Human | Format::Short | Format::Json | Format::Github, _) => None,
        (Format::Csv, _) => Some("only `hekate report sli` prints a table as csv"),
        (Format::Markdown, _) => {
            Some("only `hekate report sli` and `hekate report weekly` print markdown")
        }
    }
}

fn dispatch(global: &Global, command: Command, terminal: Terminal) -> Exit {
    match command {
        Command::Run(run) => run::run(global, &run, terminal),
        #[cfg(feature = "demo")]
        Command::Demo(demo) => run::demo(&demo, terminal),
        Command::Init(asked) => init::init(global, &asked, terminal),
        Command::Validate(validate) => file::validate(global, &validate, terminal),
        Command::Explain { words } => match file::codes(&words) {
            Some(codes) => file::explain(&codes, terminal),
            None => ask::explain(global, &words, terminal),
        },
        Command::Check(check) => check::check(global, &check, terminal),
        Command::Discover => discover::discover(global, terminal),
        Command::Doctor => doctor::doctor(global, terminal),
        Command::Status(status) => ask::status(global, &status, terminal),
        #[cfg(feature = "top")]
        Command::Top { every } => top::top(global, every, terminal),
        Command::Fresh { words } => ask::fresh(global, &words, terminal),
        Command::Job {
            command: Job::Run(asked),
        } => job::run(global, &asked, terminal),
        Command::History { words, since } => ask::history(global, &words, since, terminal),
        Command::Suggest { words } => suggest::suggest(global, &words, terminal),
        Command::Ack(ack) => planned::ack(global, &ack, terminal),
        Command::Hand(hand) => planned::hand(global, &hand, terminal),
        Command::Split(split) => planned::split(global, &split, terminal),
        Command::Silence { command } => planned::silence(global, &command, terminal),
        Command::Maintenance { command } => planned::maintenance(global, &command, terminal),
        Command::Deploy { command } => planned::deploy(global, &command, terminal),
        Command::Release { command } => release::release(global, &command, terminal),
        Command::Releases { words } => release::releases(global, &words, terminal),
        Command::Routes(asked) => routes::routes(global, &asked, terminal),
        Command::Test(asked) => test::test(global, &asked, terminal),
        Command::Mark(mark) => ask::mark(global, &mark, terminal),
        Command::Report { command } => past::report(global, &command, terminal),
        Command::Replay(asked) => past::replay(global, &asked, terminal),
        Command::Notify { command } => notify::notify(global, &command, terminal),
        Command::Slack { command } => slack::slack(global, &command, terminal),
        Command::Reload => ask::reload(global, terminal),
        Command::Action { command } => action::action(global, &command, terminal),
        Command::Audit { command } => action::audit(global, command, terminal),
        Command::Store { command } => store::store(global, &command, terminal),
        Command::Page { command } => page::page(global, &command, terminal),
        Command::Import(asked) => import::import(&asked, terminal),
        Command::Schema { tests } => file::schema(tests, terminal),
        Command::Generate { what } => generate::generate(what, terminal),
    }
}

const GREETING: &str = "\
hekate watches health endpoints and tells Slack only when something changed.

  hekate demo                  see it work: a pretend fleet fails and recovers, no account, no network
  hekate init                  write a first targets.yaml, from four answers
  hekate validate              check ./targets.yaml; every mistake is explained
  hekate run                   watch, remember, tell

  hekate --help                everything else
";
