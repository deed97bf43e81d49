//! Pages people see: one template, no script, no resource from elsewhere, good without its style sheet.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, context};
use serde::Serialize;

/// A page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Page {
    /// Heading.
    pub title: String,
    /// What happened, for the person.
    pub lead: String,
    /// More of it.
    pub more: Vec<String>,
    /// A way on: address and words.
    pub link: Option<(String, String)>,
    /// A form to fill in.
    pub form: Option<Form>,
    /// A question with one button.
    pub confirm: Option<Confirm>,
    /// A form that posts itself (OAuth 2.0 Form Post Response Mode).
    pub post: Option<Post>,
    /// For the help desk: a short text that finds the event in the log.
    pub reference: Option<String>,
}

/// The password form.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Form {
    /// Where it posts.
    pub action: String,
    /// Ties the answer to the question.
    pub state: String,
    /// What was typed before.
    pub username: String,
    /// Why it is shown again.
    pub error: Option<String>,
}

/// A question with one button.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Confirm {
    /// Where it posts.
    pub action: String,
    /// Fields.
    pub fields: Vec<(String, String)>,
    /// Words on the button.
    pub button: String,
}

/// A form that posts itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Post {
    /// Where it posts.
    pub action: String,
    /// Fields.
    pub fields: Vec<(String, String)>,
    /// Its answer leads on to other addresses, as a logout does.
    pub leads_on: bool,
}

/// Headers of every page.
pub const SECURITY_HEADERS: &[(&str, &str)] = &[
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];

const STYLE: &str = include_str!("pages.css");
const SUBMIT: &str = "document.forms[0].submit()";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.add_template("page.html", include_str!("page.html")).expect("the page template is ours");
    environment
});

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static SUBMIT_HASH: LazyLock<String> = LazyLock::new(|| hash(SUBMIT));

impl Page {
    /// A page that says something.
    pub fn new(title: impl Into<String>, lead: impl Into<String>) -> Self {
        Page { title: title.into(), lead: lead.into(), ..Page::default() }
    }

    /// Adds a paragraph.
    pub fn more(mut self, words: impl Into<String>) -> Self {
        self.more.push(words.into());
        self
    }

    /// Adds a way on.
    pub fn link(mut self, href: impl Into<String>, words: impl Into<String>) -> Self {
        self.link = Some((href.into(), words.into()));
        self
    }

    /// The page as text.
    pub fn html(&self) -> String {
        let rendered = TEMPLATES.get_template("page.html").and_then(|template| {
            template
                .render(context! { page => minijinja::value::Serde(self), style => STYLE, submit => SUBMIT })
        });
        rendered.unwrap_or_else(|error| {
            tracing::error!(%error, "a page could not be rendered");
            "<!doctype html><title>Error</title><p>Something went wrong.".to_owned()
        })
    }

    /// Nothing may be loaded or framed. A posting form names its target; the password form, the question and a post
    /// that leads on cannot, because the redirect after them may lead to any registered application or provider,
    /// and browsers hold redirects to `form-action`.
    pub fn content_security_policy(&self) -> String {
        let mut policy =
            format!("default-src 'none'; style-src {}; base-uri 'none'; frame-ancestors 'none'", *STYLE_HASH);
        if let Some(post) = &self.post {
            let origin =
                url::Url::parse(&post.action).map(|u| u.origin().ascii_serialization()).unwrap_or_default();
            policy.push_str(&format!("; script-src {}", *SUBMIT_HASH));
            if !post.leads_on {
                policy.push_str(&format!("; form-action {origin}"));
            }
        } else if self.form.is_none() && self.confirm.is_none() {
            policy.push_str("; form-action 'none'");
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        let mut page = Page::new("<script>", "a & b").link("https://x/?a=\"b\"", "on");
        page.post = Some(Post {
            action: "https://rp.example/cb".into(),
            fields: vec![("state".into(), "\"><script>alert(1)</script>".into())],
            leads_on: false,
        });
        let html = page.html();
        assert!(!html.contains("<script>alert") && !html.contains("<title><script>"), "{html}");
        assert!(html.contains("&quot;&gt;&lt;script&gt;"), "{html}");
        assert!(page.content_security_policy().contains("form-action https://rp.example"));
    }
}
