//! The admin listener: never open to others without a proof of who they are, and never behind our own proxy.

use super::{Linking, server_profile};
use crate::config::health::{ADMIN_ADDRESS, is_loopback_address};
use crate::config::tls::ClientAuth;
use crate::config::yaml::child;
use crate::model::app::App;
use crate::model::{Deployment, codes};
use crate::value::url::is_loopback_name;

pub(super) fn check(linking: &mut Linking<'_>, deployment: &Deployment) {
    let Some(admin) = &deployment.admin else { return };
    let address = admin.address.as_deref().unwrap_or(ADMIN_ADDRESS);
    if let Some(name) = &admin.tls {
        server_profile(linking, name, "/admin/tls", &deployment.tls);
    }
    if admin.disabled {
        return;
    }
    if address == deployment.http.address {
        linking
            .at_value(&codes::CONTRADICTION, "/admin/address", "the admin listener has the address of `http`")
            .help = Some("Give it a port of its own; people must not reach it.".into());
    }
    if !is_loopback_address(address) {
        let profile = admin.tls.as_ref().and_then(|name| deployment.tls.get(name));
        let verifies = profile.is_some_and(|p| {
            matches!(p.client_auth, ClientAuth::RequireAndVerifyClientCert | ClientAuth::RequireAnyClientCert)
        });
        if admin.tls.is_none() {
            let words = format!("the admin listener at `{address}` is open to other machines without TLS");
            linking.at_value(&codes::MISSING_PART, "/admin", words).help =
                Some(format!("Add `admin.tls`, or listen on {ADMIN_ADDRESS}."));
        } else if admin.token.is_none() && !verifies {
            let words = format!("anybody who reaches the admin listener at `{address}` could read it");
            linking.at_value(&codes::MISSING_PART, "/admin", words).help = Some(
                "Add `admin.token`, or a TLS profile with `clientAuth: RequireAndVerifyClientCert`.".into(),
            );
        }
    }
    for app in &deployment.apps {
        let App::Proxy(proxy) = app else { continue };
        if leads_to(proxy.upstream.url(), address) {
            let words = "this upstream is the admin listener".to_owned();
            linking.at_value(&codes::CONTRADICTION, &child(&proxy.pointer, "upstream"), words).help =
                Some("Reach it directly, or by an SSH tunnel.".into());
        }
    }
}

/// Whether a request to `url` arrives at a listener on `address` (`host:port`), as far as names tell.
pub(in crate::model) fn leads_to(url: &url::Url, address: &str) -> bool {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let host = host.trim_matches(['[', ']']);
    if url.port_or_known_default().map(|p| p.to_string()).as_deref() != Some(port) {
        return false;
    }
    let named = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = |name: &str| {
        name.parse::<std::net::IpAddr>()
            .map_or_else(|_| is_loopback_name(name), |ip| ip.is_loopback() || ip.is_unspecified())
    };
    named.eq_ignore_ascii_case(host) || ((host.is_empty() || local(host)) && local(named))
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn names_of_one_listener() {
        for (url, address, leads) in [
            ("http://127.0.0.1:9444/x", "127.0.0.1:9444", true),
            ("http://localhost:9444", "127.0.0.1:9444", true),
            ("http://[::1]:9444", ":9444", true),
            ("http://127.0.0.1:9445", "127.0.0.1:9444", false),
            ("http://10.0.0.1:9444", "127.0.0.1:9444", false),
            ("http://10.0.0.1:9444", "10.0.0.1:9444", true),
            ("http://127.0.0.1:9444", "0.0.0.0:9444", true),
        ] {
            assert_eq!(leads_to(&url.parse().unwrap(), address), leads, "{url} {address}");
        }
    }
}
