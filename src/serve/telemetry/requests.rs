//! Requests by app and class of status. Handles are resolved once for each configuration: a request costs one
//! relaxed addition, no lock and no look-up by name.

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::model::Deployment;
use crate::serve::edge::router::Route;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Labels of `maverics_http_requests_total`. `app` is an app's name, or what answers instead, in parentheses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    app: String,
    class: &'static str,
}

/// The family that all handles are of.
pub type Requests = Family<Labels, Counter>;

/// Handles for one configuration.
#[derive(Debug)]
pub struct Handles {
    apps: Vec<[Counter; 5]>,
    endpoints: [Counter; 5],
    status: [Counter; 5],
    nobody: [Counter; 5],
}

impl Handles {
    /// Of a deployment's apps, in its order.
    pub fn resolve(family: &Requests, deployment: &Deployment) -> Self {
        let row = |app: &str| {
            CLASSES.map(|class| family.get_or_create_owned(&Labels { app: app.to_owned(), class }))
        };
        Handles {
            apps: deployment.apps.iter().map(|app| row(app.name().as_str())).collect(),
            endpoints: row("(endpoints)"),
            status: row("(status)"),
            nobody: row("(nobody)"),
        }
    }

    /// Counts one answer. `route`: who answered, if anybody.
    pub fn count(&self, route: Option<Route>, status: StatusCode) {
        let row = match route {
            Some(Route::Proxy(index)) => self.apps.get(index).unwrap_or(&self.nobody),
            Some(Route::Status) => &self.status,
            Some(_) => &self.endpoints,
            None => &self.nobody,
        };
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        row[class].inc();
    }
}
