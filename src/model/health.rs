//! What a health body can say, whatever its dialect.

use std::fmt;

/// A dialect of health bodies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// Spring Boot 2.2 and later: `components`.
    Spring3,
    /// Spring Boot 2.0 and 2.1, Micronaut, and alike: `details` whose members have a `status`.
    Spring2,
    /// Spring Boot 1: components at the top level.
    Spring1,
    /// `MicroProfile` Health, Quarkus.
    Microprofile,
    /// ASP.NET's single word.
    AspNet,
    /// ASP.NET with the UI response writer: `entries`.
    AspNetUi,
    /// The IETF draft `application/health+json`.
    HealthJson,
    /// `NestJS` terminus: `info`, `error`, `details`.
    Terminus,
    /// django-health-check: a flat map of strings.
    Django,
    /// Kubernetes `healthz`, `livez`, `readyz`.
    Kubernetes,
    /// alexliesenfeld/health for Go.
    GoHealth,
    /// Dropwizard metrics: `healthy` booleans.
    Dropwizard,
    /// hellofresh health-go.
    HealthGo,
    /// Consul's list of service entries.
    Consul,
    /// Graylog's load balancer word.
    Graylog,
    /// Some other JSON object with a status at its top.
    Simple,
    /// A word in plain text.
    Word,
    /// Nothing in the body that means anything: the status code decides.
    CodeOnly,
}

impl Family {
    /// All of them, in the order in which documentation lists them.
    pub const ALL: [Self; 18] = [
        Self::Spring3,
        Self::Spring2,
        Self::Spring1,
        Self::Microprofile,
        Self::AspNet,
        Self::AspNetUi,
        Self::HealthJson,
        Self::Terminus,
        Self::Django,
        Self::Kubernetes,
        Self::GoHealth,
        Self::Dropwizard,
        Self::HealthGo,
        Self::Consul,
        Self::Graylog,
        Self::Simple,
        Self::Word,
        Self::CodeOnly,
    ];

    /// The words of all of them, in the same order.
    pub const ALL_WORDS: [&'static str; 18] = {
        let mut words = [""; 18];
        let mut index = 0;
        while index < words.len() {
            words[index] = Self::ALL[index].as_str();
            index += 1;
        }
        words
    };

    /// The word for `format:` in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spring3 => "spring3",
            Self::Spring2 => "spring2",
            Self::Spring1 => "spring1",
            Self::Microprofile => "microprofile",
            Self::AspNet => "aspnet",
            Self::AspNetUi => "aspnet_ui",
            Self::HealthJson => "health_json",
            Self::Terminus => "terminus",
            Self::Django => "django",
            Self::Kubernetes => "kubernetes",
            Self::GoHealth => "go_health",
            Self::Dropwizard => "dropwizard",
            Self::HealthGo => "health_go",
            Self::Consul => "consul",
            Self::Graylog => "graylog",
            Self::Simple => "simple",
            Self::Word => "word",
            Self::CodeOnly => "code_only",
        }
    }

    /// The family with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == word)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one component of a target says of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ComponentState {
    /// It works.
    Up,
    /// It says nothing that can be used, such as `starting`.
    Unknown,
    /// It works in part, or said a word that nobody knows.
    Degraded,
    /// It is down on purpose: `OUT_OF_SERVICE`, `draining`.
    PlannedDown,
    /// It does not work.
    Down,
}

/// One named part of a health body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    /// Its name, nested ones joined by `/`; cleaned and at most 100 characters.
    pub name: String,
    /// What it says of itself.
    pub state: ComponentState,
    /// Why, in its own words: cleaned, masked, at most 300 characters.
    pub message: Option<String>,
}
