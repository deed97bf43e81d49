//! What the terminal says: addresses, passwords, once.

use std::io::{self, Write};

use serde_json::json;

use super::files::{ORCHESTRATOR, Person};
use super::launch::store_url;
use super::{Demo, Folder};

const TRY_BASIC: &str = "
Try this:
  1. Open the page and sign in: north, the first choice, does it.
  2. Press \"refuse\" at north and open the page in a private window. South signs you in,
     and the page shows the same names and values.
  3. Press \"heal\" at north: about four seconds later new sign-ins go there again.
  4. Refuse both and open another private window: a page says what is the matter.
";

const TRY_DIVERSIFIED: &str = "
Try this:
  1. Open the page and sign in: north, the first choice, does it over OpenID Connect.
  2. Press \"refuse\" at north and open the page in a private window. West signs you in over
     SAML, and the page shows the same names and values.
  3. Press \"hang\" at west: the next private window waits at most three seconds, and then asks
     for the password itself. The directory says whether it is right.
  4. Press \"heal\" at north: about four seconds later new sign-ins go there again.
";

/// For people.
pub fn text(out: &mut dyn Write, demo: &Demo, people: &[Person], kept: Option<&Folder>) -> io::Result<()> {
    let Demo { app_origin, .. } = demo;
    let count = if demo.switches.len() == 2 { "Two" } else { "Three" };
    writeln!(out, "{count} identity providers, an orchestrator and a page behind it run on this machine.\n")?;
    writeln!(out, "  Page       {app_origin}/")?;
    writeln!(out, "  Switches   {app_origin}/switches   (the same page, without signing in)")?;
    for (role, switch) in &demo.switches {
        let (name, url) = (capital(role.name), role.url(switch.public.port()));
        writeln!(out, "  {name:<10} {url}/   ({})", role.protocol())?;
    }
    writeln!(out, "\n  User name  Password         (at every provider; new at every start)")?;
    for person in people {
        writeln!(out, "  {:<10} {}", person.username, person.password)?;
    }
    writeln!(out, "{}", if demo.switches.len() == 2 { TRY_BASIC } else { TRY_DIVERSIFIED })?;
    if let Some(folder) = kept {
        let path = folder.path().display();
        writeln!(out, "The files are in {path} and stay there. Without the switches:")?;
        let store = store_url(folder.path());
        writeln!(out, "  maverics serve --secret-provider {store} {path}/{ORCHESTRATOR}\n")?;
    }
    writeln!(out, "Ctrl-C stops everything.")
}

/// For programs: one line.
pub fn json(out: &mut dyn Write, demo: &Demo, people: &[Person], folder: &Folder) -> io::Result<()> {
    let providers: Vec<_> = demo
        .switches
        .iter()
        .map(|(role, switch)| json!({"name": role.name, "url": role.url(switch.public.port())}))
        .collect();
    let people: Vec<_> =
        people.iter().map(|p| json!({"username": p.username, "password": p.password})).collect();
    let line = json!({
        "app": format!("{}/", demo.app_origin),
        "switches": format!("{}/switches", demo.app_origin),
        "page": demo.page_origin,
        "providers": providers,
        "people": people,
        "folder": folder.path(),
    });
    writeln!(out, "{line}")
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
