//! The kinds of problems: stable numbers that people can look up.

use std::fmt;

use super::report::Level;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $level:ident,)*) => {
        /// A kind of problem. Its number never changes its meaning, and none is used a second time.
        ///
        /// `H01xx` form · `H02xx` names and references · `H03xx` timing and evidence · `H04xx` secrets · `H06xx` Slack ·
        /// `H07xx` store · `H08xx` network.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number: `H0102`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Whether the file can be used in spite of it.
            pub const fn level(self) -> Level {
                match self {
                    $(Self::$name => Level::$level,)*
                }
            }
        }
    };
}

codes! {
    /// The text is no YAML.
    Syntax "H0101" Error,
    /// A key that the section does not have.
    UnknownKey "H0102" Error,
    /// A key of a later version.
    NotYet "H0103" Error,
    /// `${…}` without quotes inside of braces.
    VariableInBraces "H0104" Error,
    /// A value of another kind.
    WrongType "H0105" Error,
    /// The same key or name twice.
    Twice "H0106" Error,
    /// Nothing in the file.
    EmptyFile "H0107" Error,
    /// Two YAML readers disagree.
    ReadersDiffer "H0108" Error,
    /// `<<`.
    MergeKey "H0109" Error,
    /// A duration without a unit, or none at all.
    Duration "H0110" Error,
    /// `!tag`.
    Tag "H0111" Error,
    /// `---` in the middle.
    SecondDocument "H0112" Error,
    /// A key that has to be there.
    Missing "H0113" Error,
    /// A word that is none of the possible ones.
    NoSuchWord "H0114" Error,
    /// A value out of its range.
    Range "H0115" Error,
    /// A name of a shape that cannot be used.
    Name "H0116" Error,
    /// Too large, too deep, too many.
    TooMuch "H0117" Error,
    /// The file cannot be read.
    Unreadable "H0118" Error,
    /// Two keys that exclude each other.
    Both "H0120" Error,
    /// A value that YAML takes for a comment.
    Swallowed "H0121" Error,
    /// An address that cannot be used.
    Address "H0122" Error,
    /// A condition that cannot be understood.
    Condition "H0123" Error,
    /// An icon that is no emoji.
    Icon "H0124" Error,
    /// A count of failures that cannot be.
    Count "H0125" Error,
    /// A key without a value.
    Empty "H0126" Error,
    /// A version of the file that is not known.
    Version "H0127" Error,
    /// A time zone that is not known.
    Timezone "H0128" Error,
    /// No time of the day.
    ClockTime "H0129" Error,
    /// A variable that is not set.
    Unset "H0130" Error,
    /// A variable that is set, but empty.
    Blank "H0131" Error,
    /// A `${…}` of a form that is not known.
    Malformed "H0132" Error,
    /// A `${…}` where it is not filled in.
    VariableHere "H0133" Error,
    /// A secret or certificate file that cannot be used.
    SideFile "H0134" Error,
    /// A `{{…}}` that cannot be understood.
    Placeholder "H0136" Error,
    /// A value that is extracted and not used.
    UnusedValue "H0137" Warning,
    /// A number of messages that cannot be.
    Allowance "H0139" Error,
    /// Two targets of one name.
    SameTarget "H0201" Error,
    /// A group that is not there.
    NoSuchGroup "H0202" Error,
    /// A log source that is not there.
    NoSuchSource "H0203" Error,
    /// A word that means two things.
    Ambiguous "H0204" Error,
    /// An on-call entry that is not there.
    NoSuchOnCall "H0205" Error,
    /// A past that cannot be taken over.
    Was "H0206" Error,
    /// Nothing to watch.
    NoTarget "H0207" Error,
    /// Nobody to tell.
    NoChannel "H0208" Error,
    /// A channel that is not there.
    NoSuchChannel "H0210" Error,
    /// No route for what is left.
    NoCatchAll "H0211" Error,
    /// A route that nothing comes to.
    Unreachable "H0212" Warning,
    /// A target that is not there.
    NoSuchTarget "H0213" Error,
    /// Several channels and no routes.
    NoRoutes "H0214" Error,
    /// A channel that nothing is sent to.
    UnusedChannel "H0215" Warning,
    /// A channel that falls back to itself.
    OwnFallback "H0216" Error,
    /// A dependency on what is not there.
    NoSuchParent "H0217" Error,
    /// Dependencies in a circle.
    Circle "H0218" Error,
    /// An action that cannot be.
    Action "H0219" Error,
    /// A user group whose people nobody knows.
    Membership "H0220" Warning,
    /// A timeout that is not shorter than the interval.
    Timing "H0301" Error,
    /// Spans and counts at once.
    TwoConfirmations "H0302" Error,
    /// A limit for slowness that nothing can reach.
    NeverSlow "H0303" Warning,
    /// Reminders that do not grow.
    Reminders "H0304" Error,
    /// Quiet hours that cannot be.
    QuietHours "H0305" Error,
    /// A rota in which somebody is missing, or the time of a shift.
    Rota "H0306" Error,
    /// No cron line, or one for a day that never comes.
    Schedule "H0320" Error,
    /// A maintenance that begins again before it has ended.
    Overlap "H0321" Error,
    /// A maintenance at no time, or of nobody.
    Window "H0322" Error,
    /// An SLO that says nothing, or of nobody.
    Objective "H0323" Error,
    /// A secret that stands in the file.
    Literal "H0401" Warning,
    /// User name or password in an address.
    UserInfo "H0402" Error,
    /// Any certificate is accepted.
    Insecure "H0403" Warning,
    /// A key that is too short.
    WeakKey "H0404" Error,
    /// A key that cannot be read.
    BrokenKey "H0405" Error,
    /// A channel without an address.
    NoDestination "H0601" Error,
    /// No name of a channel of Slack.
    SlackName "H0602" Error,
    /// No slash command.
    Command "H0603" Error,
    /// No incoming webhook.
    Webhook "H0604" Error,
    /// No id of Slack.
    SlackId "H0605" Error,
    /// An on-call entry without anybody.
    Nobody "H0606" Error,
    /// No app-level token.
    AppToken "H0607" Error,
    /// A place that is not Slack.
    SlackPlace "H0608" Error,
    /// No token of a bot.
    BotToken "H0609" Error,
    /// A reply that can never be said, or to nothing.
    Reply "H0610" Error,
    /// A reply to what nobody hears.
    Unheard "H0611" Warning,
    /// A store that cannot be a folder.
    StorePath "H0701" Error,
    /// No address to listen on.
    Listen "H0801" Error,
    /// TLS settings for an address without TLS.
    UselessTls "H0802" Warning,
    /// A certificate or key that cannot be used.
    Certificate "H0803" Error,
    /// A header that cannot be sent.
    Header "H0804" Error,
    /// Where a trusted proxy cannot be.
    Network "H0805" Error,
    /// A part that this build does not have.
    NotBuilt "H0820" Error,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
