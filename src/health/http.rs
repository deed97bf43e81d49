//! The HTTP check: one request on a fresh connection, one verdict.

use std::time::Duration;

use crate::config::connectors::ResponseMatcher;
use crate::net::{Client, Fetch};
use crate::value::WebUrl;

use super::Verdict;
use super::matcher::{self, BODY_BYTES_MAX};

/// A custom endpoint, ready to be asked.
pub struct CustomEndpoint {
    /// Asked with GET.
    pub url: WebUrl,
    /// Request headers, secrets opened.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// What a healthy answer looks like.
    pub matcher: ResponseMatcher,
    /// With the endpoint's own TLS profile.
    pub client: Client,
}

impl CustomEndpoint {
    /// Asks once. Redirects are not followed.
    pub async fn ask(&self, budget: Duration) -> Verdict {
        let mut fetch =
            Fetch::get(self.url.clone()).fresh().within(budget).body_max(BODY_BYTES_MAX).cut_long_body();
        for (name, value) in &self.headers {
            fetch = fetch.header(name.clone(), value.clone());
        }
        match self.client.fetch(fetch).await {
            Ok(answer) => Verdict {
                outcome: matcher::judge(&self.matcher, answer.status, &answer.headers, &answer.body),
                facts: vec![("status".into(), answer.status.to_string())],
                phases: answer.phases,
            },
            Err(error) => {
                let phases = error.phases.clone();
                Verdict { outcome: Err(error.into()), phases, facts: Vec::new() }
            }
        }
    }
}
