//! A card for other pages: what it is about, how that is, and the way to the whole page.

use maud::{DOCTYPE, html};

use super::{
    Page,
    html::{head, latest, measured, state},
    words::Phrase,
};
use crate::model::text::clean;

/// The most characters of a name.
const NAME_MAX: usize = 64;

impl Page<'_> {
    /// A card that says how all of this is, under this name.
    #[must_use]
    pub fn card(&self, name: &str) -> String {
        let look = &self.look;
        let headline = self.headline();
        let sentence = look.language.headline(&headline);
        let document = html! {
            (DOCTYPE)
            html lang=(look.language.tag()) {
                (head(self, &sentence))
                body.card data-refresh-seconds=(look.refresh_seconds) {
                    p #stale hidden role="alert" { (look.language.say(Phrase::Stale)) }
                    main {
                        h1 class=(headline.level.as_str()) {
                            (state(self, headline.level)) " " (clean(name, NAME_MAX))
                        }
                        p.note { (sentence) }
                        (measured(self, latest(self)))
                        p {
                            a href={ "/?lang=" (look.language.tag()) } target="_blank" rel="noopener noreferrer" { (look.title) }
                        }
                    }
                }
            }
        };
        document.into_string()
    }
}
