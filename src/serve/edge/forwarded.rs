//! Whom to believe about the client's address and scheme: only peers in `http.trustedProxies`.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The networks whose forwarded headers are believed.
#[derive(Debug, Clone, Default)]
pub struct Trusted(Vec<IpNet>);

impl Trusted {
    /// Entries are addresses or CIDR blocks; linking has checked them.
    pub fn new(entries: &[String]) -> Self {
        Trusted(
            entries
                .iter()
                .filter_map(|e| e.parse::<IpNet>().ok().or_else(|| e.parse::<IpAddr>().ok().map(IpNet::from)))
                .collect(),
        )
    }

    fn has(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// The client's address, and the scheme it used where a trusted proxy says so. `X-Forwarded-For` is read
    /// from right to left, past trusted proxies, to the first address none of them vouches for.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, Option<bool>) {
        if !self.has(peer) {
            return (peer, None);
        }
        let list = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        let hops: Vec<&str> = list.flat_map(|v| v.split(',')).map(str::trim).collect();
        let mut client = peer;
        for hop in hops.iter().rev() {
            let Ok(ip) = hop.parse::<IpAddr>() else { break };
            client = ip;
            if !self.has(ip) {
                break;
            }
        }
        // The last line is the trusted proxy's own; those before it may be the client's.
        let scheme = headers.get_all("x-forwarded-proto").iter().next_back().and_then(|v| v.to_str().ok());
        let scheme = scheme.map(|s| s.rsplit(',').next().unwrap_or_default().trim());
        (client, scheme.map(|s| s.eq_ignore_ascii_case("https")))
    }

    /// The host that a trusted proxy says the browser asked for.
    pub fn host<'h>(&self, peer: IpAddr, headers: &'h HeaderMap) -> Option<&'h str> {
        if !self.has(peer) {
            return None;
        }
        let last = headers.get_all("x-forwarded-host").iter().next_back();
        last.and_then(|v| v.to_str().ok()).filter(|h| !h.contains(','))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_peers_are_believed() {
        let trusted = Trusted::new(&["10.0.0.0/8".into(), "192.0.2.1".into()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        assert_eq!(trusted.client(ip("8.8.8.8"), &headers), (ip("8.8.8.8"), None));
        assert_eq!(
            trusted.client(ip("10.0.0.5"), &headers),
            (ip("203.0.113.9"), Some(true)),
            "right to left"
        );
        assert_eq!(trusted.client(ip("192.0.2.1"), &HeaderMap::new()), (ip("192.0.2.1"), None));
    }
}
