//! Where a redirect leads, as far as people may see it.

use url::Url;

use super::mask::shown;

/// The most characters of an address that are shown.
const PLACE_MAX: usize = 200;

/// Words of hosts and paths where one logs in.
const LOGIN_WORDS: [&str; 19] = [
    "accounts",
    "adfs",
    "auth",
    "authenticate",
    "authorize",
    "cas",
    "idp",
    "login",
    "logon",
    "oauth",
    "oauth2",
    "oidc",
    "okta",
    "openid",
    "saml",
    "saml2",
    "signin",
    "signon",
    "sso",
];

/// Where a redirect leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The address without user, query and fragment, made harmless.
    pub(super) shown: String,
    /// Whether it looks like a page where one logs in.
    pub(super) is_login: bool,
}

impl Place {
    /// The place that a `Location` header names, seen from the address that was asked.
    pub(super) fn of(asked: &Url, location: &str) -> Self {
        let Ok(mut url) = asked.join(location.trim()) else {
            let bare = location.split(['?', '#']).next().unwrap_or("");
            return Self {
                shown: shown(bare, PLACE_MAX),
                is_login: false,
            };
        };
        url.set_query(None);
        url.set_fragment(None);
        // Both fail only for addresses that cannot have a user, and those have none to hide.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let is_login = url.host_str().is_some_and(|host| has_login_word(host, '.'))
            || url
                .path_segments()
                .is_some_and(|mut segments| segments.any(|segment| has_login_word(segment, '.')));
        Self {
            shown: shown(url.as_str(), PLACE_MAX),
            is_login,
        }
    }
}

/// Whether one of the parts is such a word, as in `login.example.test`, `/users/sign_in` and `login.php`.
fn has_login_word(text: &str, separator: char) -> bool {
    text.split(separator).any(|part| {
        let folded: String = part
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        LOGIN_WORDS.contains(&folded.as_str())
            || folded.starts_with("login")
            || folded.ends_with("login")
            || folded.starts_with("signin")
            || folded == "microsoftonline"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lose_user_query_and_fragment_and_login_pages_are_seen() {
        let asked = Url::parse("https://api.example.test/health").unwrap();
        let cases = [
            (
                "/healthz?token=abc#x",
                "https://api.example.test/healthz",
                false,
            ),
            ("https://me:pw@other.test/h", "https://other.test/h", false),
            (
                "/login?next=/health",
                "https://api.example.test/login",
                true,
            ),
            (
                "/users/sign_in",
                "https://api.example.test/users/sign_in",
                true,
            ),
            (
                "/account/Login.aspx",
                "https://api.example.test/account/Login.aspx",
                true,
            ),
            (
                "https://sso.example.test/",
                "https://sso.example.test/",
                true,
            ),
            (
                "https://login.microsoftonline.com/x/oauth2/authorize",
                "https://login.microsoftonline.com/x/oauth2/authorize",
                true,
            ),
            (
                "/author/blogins",
                "https://api.example.test/author/blogins",
                false,
            ),
            (
                "https://author.example.test/",
                "https://author.example.test/",
                false,
            ),
            ("", "https://api.example.test/health", false),
            ("http://[::bad?password=x", "http://[::bad", false),
            ("javascript:alert(1)", "javascript:alert(1)", false),
        ];
        for (location, shown, is_login) in cases {
            let place = Place::of(&asked, location);
            assert_eq!(
                (place.shown.as_str(), place.is_login),
                (shown, is_login),
                "{location}"
            );
        }
    }
}
