//! What a reader looks at, as the part of an address after the question mark.

/// What a reader looks at.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Address {
    /// The key of the workspace; an unknown one is the first.
    pub tier: String,
    /// The key of the channel; an unknown one is the first.
    pub channel: String,
    /// The message whose thread is open beside it, by its time.
    pub thread: Option<String>,
    /// How messages are looked at.
    pub look: Look,
    /// A menu into which something was typed.
    pub search: Option<Search>,
}

/// How messages are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Look {
    /// As Slack shows them.
    #[default]
    Messages,
    /// As the screen of a locked phone does: by their text alone.
    LockScreen,
    /// Not at all: the Home tab of the app is open.
    Home,
}

/// What was typed into a menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// The post, by its time.
    pub ts: String,
    /// The menu within its payload, as a pointer of JSON.
    pub part: String,
    /// What was typed.
    pub typed: String,
}

impl Address {
    /// Reads what follows the question mark, or the fields of a form; what is not there is as usual.
    pub fn read(query: &[u8]) -> Self {
        let mut out = Self::default();
        let mut search = Search {
            ts: String::new(),
            part: String::new(),
            typed: String::new(),
        };
        for (key, value) in form_urlencoded::parse(query) {
            let value = value.into_owned();
            match key.as_ref() {
                "tier" => out.tier = value,
                "channel" => out.channel = value,
                "thread" => out.thread = Some(value).filter(|value| !value.is_empty()),
                "look" if value == "lock" => out.look = Look::LockScreen,
                "look" if value == "home" => out.look = Look::Home,
                "in" => search.ts = value,
                "menu" => search.part = value,
                "typed" => search.typed = value,
                _ => {}
            }
        }
        out.search = Some(search).filter(|search| !search.ts.is_empty());
        out
    }

    /// The same as an address on this page, without what was typed into a menu.
    pub fn link(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("tier", &self.tier)
            .append_pair("channel", &self.channel);
        if let Some(thread) = &self.thread {
            query.append_pair("thread", thread);
        }
        match self.look {
            Look::Messages => {}
            Look::LockScreen => {
                query.append_pair("look", "lock");
            }
            Look::Home => {
                query.append_pair("look", "home");
            }
        }
        format!("/?{}", query.finish())
    }

    /// With another workspace.
    #[must_use]
    pub fn in_tier(&self, tier: &str) -> Self {
        Self {
            tier: tier.to_owned(),
            channel: self.channel.clone(),
            look: self.look,
            ..Self::default()
        }
    }

    /// With another channel.
    #[must_use]
    pub fn in_channel(&self, channel: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            ..self.in_tier(&self.tier)
        }
    }

    /// With this thread open, or none.
    #[must_use]
    pub fn with_thread(&self, thread: Option<&str>) -> Self {
        Self {
            thread: thread.map(str::to_owned),
            search: None,
            ..self.clone()
        }
    }

    /// With the other look.
    #[must_use]
    pub fn looking(&self, look: Look) -> Self {
        Self {
            look,
            search: None,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_what_was_looked_at() {
        let address = Address {
            tier: String::from("bot"),
            channel: String::from("ops & co"),
            thread: Some(String::from("1.2")),
            look: Look::LockScreen,
            search: None,
        };
        let link = address.link();
        assert_eq!(link, "/?tier=bot&channel=ops+%26+co&thread=1.2&look=lock");
        assert_eq!(Address::read(&link.as_bytes()[2..]), address);
        let elsewhere = address.in_channel("b").link();
        assert_eq!(elsewhere, "/?tier=bot&channel=b&look=lock");
        assert_eq!(Address::read(b"x=1&thread="), Address::default());
        let typed = Address::read(b"in=1.2&menu=%2Fblocks&typed=blue").search;
        let search = Search {
            ts: String::from("1.2"),
            part: String::from("/blocks"),
            typed: String::from("blue"),
        };
        assert_eq!(typed, Some(search));
    }
}
