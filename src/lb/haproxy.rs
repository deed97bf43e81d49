//! HAProxy, LTS 2.6 and later.

use std::fmt::Write as _;

use super::pool::{Address, Back, Front, Pool};
use super::{CannotExpress, Target};

/// The line for the table.
pub static TARGET: Target = Target {
    name: "haproxy",
    summary: "HAProxy, LTS 2.6 and later",
    file_name: "haproxy.cfg",
    validator: Some(&["haproxy", "-c", "-f"]),
    write,
};

fn write(pool: &Pool) -> Result<String, CannotExpress> {
    let passthrough = pool.front == Front::Passthrough;
    if passthrough && pool.status_internal {
        let because = "in passthrough it sees no paths, so the status endpoint cannot be hidden".into();
        return Err(CannotExpress { target: TARGET.name, because });
    }
    let mut out = String::new();
    out.push_str("# Written by `maverics lb-gen haproxy`.\n");
    if !passthrough && !pool.forwarded_headers_believed {
        out.push_str("# The nodes believe the X-Forwarded-* headers below only from `http.trustedProxies`: list this\n");
        out.push_str("# balancer there.\n");
    }
    global(&mut out, pool);
    defaults(&mut out, pool, passthrough);
    frontend(&mut out, pool, passthrough);
    backend(&mut out, pool, passthrough);
    Ok(out)
}

fn global(out: &mut String, pool: &Pool) {
    let _ = write!(
        out,
        "
global
    # No maxconn: it is derived from the limit on open files; a value above that passes the check and then
    # refuses to start.
    log stdout format raw local0 info
    # Cookies and SAML redirects outgrow the default of 16384.
    tune.bufsize 32768
    tune.http.maxhdr 128
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-server-options ssl-min-ver TLSv1.2
    # After a reload the old process finishes what it began.
    hard-stop-after {}s
",
        pool.timeouts.drain_secs
    );
}

fn defaults(out: &mut String, pool: &Pool, passthrough: bool) {
    let (mode, log) = if passthrough { ("tcp", "tcplog") } else { ("http", "httplog") };
    let t = &pool.timeouts;
    let _ = write!(
        out,
        "
defaults
    mode {mode}
    log global
    option {log}
    option dontlognull
    timeout connect {}s
    timeout client {}s
    timeout server {}s
    timeout queue 10s
    timeout check {}s
    timeout client-fin 10s
",
        t.connect_secs, t.read_secs, t.read_secs, t.check_secs
    );
    if !passthrough {
        out.push_str("    # Slow headers hold no connection.\n    timeout http-request 10s\n");
        out.push_str("    timeout http-keep-alive 15s\n    # WebSocket.\n    timeout tunnel 1h\n");
    }
}

fn frontend(out: &mut String, pool: &Pool, passthrough: bool) {
    out.push_str("\nfrontend maverics_fe\n");
    let listen = shown(&pool.listen);
    match &pool.front {
        Front::Tls { certificate } => {
            let _ = writeln!(out, "    bind {listen} ssl crt {} alpn h2,http/1.1", quoted(certificate));
        }
        Front::Plain => {
            let _ = writeln!(
                out,
                "    # Plain, because the addresses of the configuration are http; --cert makes it speak TLS.\n    bind {listen}"
            );
        }
        Front::Passthrough => {
            let _ = writeln!(out, "    bind {listen}");
        }
    }
    if !passthrough {
        let scheme = if pool.front == Front::Plain { "http" } else { "https" };
        let _ = write!(
            out,
            "    # This is the first trusted hop: what a client claims about itself is dropped, not appended to.
    http-request del-header X-Forwarded- -m beg
    http-request del-header Forwarded
    http-request del-header X-Real-IP
    http-request del-header Proxy
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto {scheme}
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header X-Forwarded-Port %[dst_port]
"
        );
        if pool.status_internal {
            out.push_str("    # The status endpoint is for this balancer alone.\n");
            let _ = writeln!(
                out,
                "    http-request deny deny_status 404 if {{ path {} }}",
                quoted(&pool.status_path)
            );
        }
    }
    out.push_str("    default_backend maverics_be\n");
}

fn backend(out: &mut String, pool: &Pool, passthrough: bool) {
    out.push_str("\nbackend maverics_be\n    balance leastconn\n");
    if passthrough {
        out.push_str("    # The cookie is out of reach inside TLS. Addresses are shared behind NAT and change on the way:\n");
        out.push_str("    # terminate TLS here where you can.\n");
        out.push_str("    stick-table type ipv6 size 1m expire 12h\n    stick on src\n");
    } else {
        affinity(out, pool);
    }
    let _ = write!(
        out,
        "    # Whoever belongs to a node that drains (503 on {path}) stays until it really stops, and moves as soon
    # as the connection fails. Never add on-marked-down shutdown-sessions: it cuts requests in flight.
    option persist
    option redispatch 1
    retries 3
",
        path = pool.status_path
    );
    if !passthrough {
        out.push_str("    # Anything else repeats a POST, and with it a code that is good only once.\n");
        out.push_str("    retry-on conn-failure\n");
    }
    out.push_str("    # Plain `option httpchk` speaks HTTP/1.0 without Host and takes 3xx for well.\n    option httpchk\n");
    if let (true, Back::Tls { name, .. }) = (passthrough, &pool.back) {
        let _ = writeln!(out, "    http-check connect ssl sni {name}");
    }
    let _ = writeln!(
        out,
        "    http-check send meth GET uri {} ver HTTP/1.1 hdr Host {}",
        quoted(&pool.status_path),
        pool.status_host()
    );
    out.push_str("    http-check expect status 200\n");
    servers(out, pool, passthrough);
}

fn affinity(out: &mut String, pool: &Pool) {
    let cookie = &pool.affinity_cookie;
    let _ = write!(
        out,
        "    # A cookie of the balancer's own. Under the name of the session cookie (`{}`), as common snippets
    # have it, HAProxy would remove every session it sees, and nobody could sign in.
    # SameSite as the session cookie has it: an answer that a SAML provider posts must reach the same node.
    cookie {} insert indirect nocache httponly",
        pool.session_cookie.name, cookie.name
    );
    if cookie.secure {
        out.push_str(" secure");
    }
    let _ = write!(out, " attr \"SameSite={}\"", cookie.same_site());
    if let Some(domain) = &cookie.domain {
        let _ = write!(out, " domain {domain}");
    }
    out.push('\n');
}

fn servers(out: &mut String, pool: &Pool, passthrough: bool) {
    let t = &pool.timeouts;
    out.push_str("    default-server check");
    if let Back::Tls { ca, name } = &pool.back {
        let ca = ca.as_deref().unwrap_or("@system-ca");
        let verify = format!("verify required ca-file {} verifyhost {name}", quoted(ca));
        if passthrough {
            // Only the check opens TLS; people's connections go through as they are.
            let _ = write!(out, " check-ssl {verify} check-sni {name}");
        } else {
            let _ = write!(out, " ssl {verify} sni str({name}) check-sni {name}");
        }
    }
    let _ = writeln!(
        out,
        " inter {}s fastinter 1s downinter 2s fall {} rise {} slowstart 30s",
        t.check_interval_secs, t.fall, t.rise
    );
    for node in &pool.nodes {
        let _ = write!(out, "    server {} {}", node.name, shown(&node.address));
        if !passthrough {
            let _ = write!(out, " cookie {}", node.name);
        }
        out.push('\n');
    }
}

fn shown(address: &Address) -> String {
    format!("{}:{}", address.host, address.port)
}

/// A word as HAProxy reads it: inside single quotes nothing has a meaning. The pool has refused quotes and
/// control characters already.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+,=".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{text}'") }
}
