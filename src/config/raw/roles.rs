//! `active:` of a group as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AddressText, Basic, DurationText, SecretText, Tls,
    logs::{Reached, Rest},
};
use crate::config::decode::{At, Named, OneOrMany, TextOr};

/// Where roles are read: exactly one key.
macro_rules! sources {
    ($(#[$doc:meta])* $name:ident $title:literal $schema:literal { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize, JsonSchema, Default, Debug)]
        #[serde(rename = $title, deny_unknown_fields)]
        #[schemars(rename = $schema)]
        pub(crate) struct $name {
            /// A place in each member's own health answer, as JSON pointer: `true`, `active`, or its own name there.
            pub(crate) health_field: Option<At<String>>,
            /// A header of the answer of a public address: a name, a host, `host:port`.
            pub(crate) header: Option<At<Header>>,
            /// The answer of a public address, or a place in it.
            pub(crate) body: Option<At<TextOr<Body>>>,
            /// Where a public address sends its visitors.
            pub(crate) redirect: Option<At<TextOr<Redirect>>>,
            /// The statistics page of `HAProxy`.
            pub(crate) haproxy_csv: Option<At<Haproxy>>,
            /// The socket of `HAProxy`.
            pub(crate) haproxy_socket: Option<At<HaproxySocket>>,
            /// Traefik's API.
            pub(crate) traefik: Option<At<Traefik>>,
            /// Envoy's admin interface.
            pub(crate) envoy: Option<At<Envoy>>,
            /// The selector of a service of Kubernetes.
            pub(crate) kubernetes_service: Option<At<KubernetesService>>,
            /// The ready endpoints of a service of Kubernetes.
            pub(crate) kubernetes_endpoints: Option<At<KubernetesEndpoints>>,
            /// A name that points at the active member.
            pub(crate) dns: Option<At<String>>,
            /// A file whose first word is the active member's name.
            pub(crate) file: Option<At<String>>,
            /// A program and its arguments; its first word is the active member's name. No shell.
            pub(crate) command: Option<At<OneOrMany<String>>>,
            /// Whoever deploys calls `POST /v1/groups/<group>/active`.
            pub(crate) push: Option<At<Push>>,
            $($(#[$field_doc])* pub(crate) $field: Option<At<$kind>>,)*
        }

        impl $name {
            /// Where its sources stand.
            pub(crate) fn sources(&self) -> Sources<'_> {
                Sources {
                    health_field: self.health_field.as_ref(),
                    header: self.header.as_ref(),
                    body: self.body.as_ref(),
                    redirect: self.redirect.as_ref(),
                    haproxy_csv: self.haproxy_csv.as_ref(),
                    haproxy_socket: self.haproxy_socket.as_ref(),
                    traefik: self.traefik.as_ref(),
                    envoy: self.envoy.as_ref(),
                    kubernetes_service: self.kubernetes_service.as_ref(),
                    kubernetes_endpoints: self.kubernetes_endpoints.as_ref(),
                    dns: self.dns.as_ref(),
                    file: self.file.as_ref(),
                    command: self.command.as_ref(),
                    push: self.push.as_ref(),
                }
            }
        }
    };
}

sources! {
    /// Who of a group is active. The word `always` in place of it: all of them.
    Active "`active`" "Active" {
        /// Whether none or several active ones for a minute are an incident. Default `true`.
        exactly_one: bool,
        /// How often it is read, 2s to 1h. Default `10s`.
        every: DurationText,
        /// For how long the last answer holds while nobody can say; then every member is treated as active. Default `5m`.
        stale_after: DurationText,
        /// For how long after a swap nobody is accused of a silent log. Default `3m`.
        grace: DurationText,
        /// Whether a swap is told, without a mention, to whoever hears of the group. Default `true`.
        announce: bool,
        /// What members are called where roles are read: `{ blue: srv-blue }`. Default: their names.
        map: Named<String>,
        /// A second opinion: decides while the first cannot say, and is shown if it says otherwise.
        fallback: Fallback,
    }
}
sources! {
    /// A second opinion on who is active.
    Fallback "`fallback` of `active`" "ActiveFallback" {}
}

/// Where the sources of roles stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) health_field: Option<&'a At<String>>,
    pub(crate) header: Option<&'a At<Header>>,
    pub(crate) body: Option<&'a At<TextOr<Body>>>,
    pub(crate) redirect: Option<&'a At<TextOr<Redirect>>>,
    pub(crate) haproxy_csv: Option<&'a At<Haproxy>>,
    pub(crate) haproxy_socket: Option<&'a At<HaproxySocket>>,
    pub(crate) traefik: Option<&'a At<Traefik>>,
    pub(crate) envoy: Option<&'a At<Envoy>>,
    pub(crate) kubernetes_service: Option<&'a At<KubernetesService>>,
    pub(crate) kubernetes_endpoints: Option<&'a At<KubernetesEndpoints>>,
    pub(crate) dns: Option<&'a At<String>>,
    pub(crate) file: Option<&'a At<String>>,
    pub(crate) command: Option<&'a At<OneOrMany<String>>>,
    pub(crate) push: Option<&'a At<Push>>,
}

/// An address that is asked for roles.
macro_rules! asked {
    ($(#[$doc:meta])* $name:ident $title:literal $schema:literal { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize, JsonSchema, Default, Debug)]
        #[serde(rename = $title, deny_unknown_fields)]
        #[schemars(rename = $schema)]
        pub(crate) struct $name {
            /// Its address.
            #[schemars(required)]
            pub(crate) url: Option<At<AddressText>>,
            /// A bearer token.
            pub(crate) token: Option<At<SecretText>>,
            /// File with the token.
            pub(crate) token_file: Option<At<String>>,
            /// User name and password.
            pub(crate) basic: Option<At<Basic>>,
            /// More headers.
            pub(crate) headers: Option<At<Named<SecretText>>>,
            /// Whom to trust and who we are.
            pub(crate) tls: Option<At<Tls>>,
            $($(#[$field_doc])* pub(crate) $field: Option<At<$kind>>,)*
        }

        impl From<&$name> for Reached {
            fn from(raw: &$name) -> Self {
                Self {
                    url: raw.url.clone(),
                    token: raw.token.clone(),
                    token_file: raw.token_file.clone(),
                }
            }
        }

        impl $name {
            /// Where the rest of what it takes to reach it stands.
            pub(crate) fn rest(&self) -> Rest<'_> {
                Rest {
                    basic: self.basic.as_ref(),
                    headers: self.headers.as_ref(),
                    tls: self.tls.as_ref(),
                }
            }
        }
    };
}

asked! {
    /// A header of the answer of a public address.
    Header "`header` of `active`" "ActiveHeader" {
        /// Its name, such as `X-Active-Upstream`.
        name: String,
    }
}
asked! {
    /// The answer of a public address. A text in place of it is its `url`.
    Body "`body` of `active`" "ActiveBody" {
        /// JSON pointer to the name, or to a list of names. Default: the whole answer is the name.
        pointer: String,
    }
}
asked! {
    /// Where a public address sends its visitors. A text in place of it is its `url`.
    Redirect "`redirect` of `active`" "ActiveRedirect" {}
}
asked! {
    /// The statistics page of `HAProxy`.
    Haproxy "`haproxy_csv` of `active`" "ActiveHaproxy" {
        /// The backend.
        backend: String,
    }
}
asked! {
    /// Traefik's API.
    Traefik "`traefik` of `active`" "ActiveTraefik" {
        /// The service, `name@provider`.
        service: String,
    }
}
asked! {
    /// Envoy's admin interface.
    Envoy "`envoy` of `active`" "ActiveEnvoy" {
        /// The cluster.
        cluster: String,
    }
}
asked! {
    /// The selector of a service of Kubernetes.
    KubernetesService "`kubernetes_service` of `active`" "ActiveKubernetesService" {
        /// The namespace. Default `default`.
        namespace: String,
        /// The service.
        service: String,
        /// The label by which it selects, such as `color`.
        label: String,
    }
}
asked! {
    /// The ready endpoints of a service of Kubernetes.
    KubernetesEndpoints "`kubernetes_endpoints` of `active`" "ActiveKubernetesEndpoints" {
        /// The namespace. Default `default`.
        namespace: String,
        /// The service.
        service: String,
    }
}

/// The socket of `HAProxy`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`haproxy_socket` of `active`", deny_unknown_fields)]
#[schemars(rename = "ActiveHaproxySocket")]
pub(crate) struct HaproxySocket {
    /// Its path, or `host:port`.
    #[schemars(required)]
    pub(crate) address: Option<At<String>>,
    /// The backend.
    #[schemars(required)]
    pub(crate) backend: Option<At<String>>,
}

/// Whoever deploys calls us.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`push` of `active`", deny_unknown_fields)]
#[schemars(rename = "ActivePush")]
pub(crate) struct Push {
    /// What a caller has to know, at least 16 characters.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the token.
    pub(crate) token_file: Option<At<String>>,
}
