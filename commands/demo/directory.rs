//! A directory, small and whole: bind, search, root DSE, on loopback only and so without TLS. Nobody but who is
//! bound reads it, and it reads nothing that is not there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::BytesMut;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindResponse, LdapExtendedResponse, LdapFilter, LdapMsg, LdapOp, LdapPartialAttribute,
    LdapResult, LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope,
};
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::codec::{Decoder, Encoder};

use super::files::Person;
use super::switch;

/// The root of everything in it.
pub const ROOT: &str = "dc=demo,dc=localhost";
/// Where the people are.
pub const PEOPLE: &str = "ou=people,dc=demo,dc=localhost";
/// Whom the orchestrator binds as.
pub const SERVICE: &str = "cn=orchestrator,ou=services,dc=demo,dc=localhost";

/// Largest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of a message.
const DEPTH_MAX: usize = 16;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 256;
/// Longest silence of a connection, in seconds.
const IDLE_SECS_MAX: u64 = 300;

/// An entry: its name, what it binds with, and attributes.
struct Entry {
    dn: String,
    password: Option<String>,
    attributes: Vec<(&'static str, Vec<String>)>,
}

/// Starts it on a port of its own, which is returned.
pub fn start(people: &[Person], service_password: &str) -> Result<SocketAddr> {
    let listener = switch::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr().context("a socket has no address")?;
    tokio::spawn(serve(listener, Arc::new(entries(people, service_password))));
    Ok(address)
}

fn entries(people: &[Person], service_password: &str) -> Vec<Entry> {
    let plain = |dn: &str, kind: &str| Entry {
        dn: dn.to_owned(),
        password: None,
        attributes: vec![("objectClass", vec![kind.to_owned()])],
    };
    let mut entries = vec![
        plain(ROOT, "domain"),
        plain(PEOPLE, "organizationalUnit"),
        plain(&format!("ou=services,{ROOT}"), "organizationalUnit"),
        Entry { password: Some(service_password.to_owned()), ..plain(SERVICE, "applicationProcess") },
    ];
    entries.extend(people.iter().map(|person| Entry {
        dn: format!("uid={},{PEOPLE}", person.username),
        password: Some(person.password.clone()),
        attributes: vec![
            ("objectClass", vec!["inetOrgPerson".to_owned()]),
            ("uid", vec![person.username.to_owned()]),
            ("cn", vec![person.name.to_owned()]),
            ("mail", vec![person.email.to_owned()]),
            ("memberOf", person.groups.iter().map(|group| format!("cn={group},ou=groups,{ROOT}")).collect()),
        ],
    }));
    entries
}

async fn serve(listener: TcpListener, entries: Arc<Vec<Entry>>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let entries = entries.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _ = stream.set_nodelay(true);
            let mut bound = None;
            talk(stream, |operation| answer(&entries, &mut bound, operation)).await;
        });
    }
}

/// What the switch of a directory answers where that of a web server answers 500: that it is busy, to everything.
pub async fn busy(stream: TcpStream) {
    talk(stream, |operation| refuse(operation, LdapResultCode::Busy)).await;
}

/// Reads operations and writes answers; an operation without any ends the connection.
async fn talk(mut stream: TcpStream, mut answer: impl FnMut(LdapOp) -> Vec<LdapOp>) {
    let mut codec = LdapCodec::new(Some(MESSAGE_BYTES_MAX), Some(DEPTH_MAX));
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    loop {
        let message = match codec.decode(&mut incoming) {
            Ok(Some(message)) => message,
            Ok(None) => {
                let idle = Duration::from_secs(IDLE_SECS_MAX);
                match tokio::time::timeout(idle, stream.read_buf(&mut incoming)).await {
                    Ok(Ok(read)) if read > 0 => continue,
                    _ => return,
                }
            }
            // Not LDAP, or more of it than anybody needs.
            Err(_) => return,
        };
        if matches!(message.op, LdapOp::AbandonRequest(_)) {
            continue;
        }
        let answers = answer(message.op);
        if answers.is_empty() {
            return;
        }
        for op in answers {
            let answer = LdapMsg { msgid: message.msgid, op, ctrl: Vec::new() };
            if codec.encode(answer, &mut outgoing).is_err() {
                return;
            }
        }
        if stream.write_all_buf(&mut outgoing).await.is_err() {
            return;
        }
    }
}

fn result(code: LdapResultCode) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: String::new(), referral: Vec::new() }
}

/// A "no" in the words of the operation; nothing where the connection is to end.
fn refuse(operation: LdapOp, code: LdapResultCode) -> Vec<LdapOp> {
    let result = result(code);
    vec![match operation {
        LdapOp::BindRequest(_) => LdapOp::BindResponse(LdapBindResponse { res: result, saslcreds: None }),
        LdapOp::SearchRequest(_) => LdapOp::SearchResultDone(result),
        LdapOp::AddRequest(_) => LdapOp::AddResponse(result),
        LdapOp::ModifyRequest(_) => LdapOp::ModifyResponse(result),
        LdapOp::DelRequest(_) => LdapOp::DelResponse(result),
        LdapOp::ModifyDNRequest(_) => LdapOp::ModifyDNResponse(result),
        LdapOp::CompareRequest(_) => LdapOp::CompareResult(result),
        LdapOp::ExtendedRequest(_) => {
            LdapOp::ExtendedResponse(LdapExtendedResponse { res: result, name: None, value: None })
        }
        _ => return Vec::new(),
    }]
}

/// `bound` is the place of the entry that the connection is bound as.
fn answer(entries: &[Entry], bound: &mut Option<usize>, operation: LdapOp) -> Vec<LdapOp> {
    match operation {
        LdapOp::BindRequest(ref bind) => {
            // RFC 4513 §4: whoever binds is nobody until it has worked.
            *bound = None;
            let code = match &bind.cred {
                _ if bind.version != 3 => LdapResultCode::ProtocolError,
                LdapBindCred::Simple(password) if password.is_empty() => LdapResultCode::UnwillingToPerform,
                LdapBindCred::Simple(password) => match binds(entries, &bind.dn, password) {
                    Some(place) => {
                        *bound = Some(place);
                        LdapResultCode::Success
                    }
                    None => LdapResultCode::InvalidCredentials,
                },
                _ => LdapResultCode::AuthMethodNotSupported,
            };
            refuse(operation, code)
        }
        LdapOp::UnbindRequest => Vec::new(),
        LdapOp::SearchRequest(search) if search.base.is_empty() && search.scope == LdapSearchScope::Base => {
            let root = Entry {
                dn: String::new(),
                password: None,
                attributes: vec![
                    ("namingContexts", vec![ROOT.to_owned()]),
                    ("supportedLDAPVersion", vec!["3".to_owned()]),
                ],
            };
            vec![shown(&root, &search.attrs), LdapOp::SearchResultDone(result(LdapResultCode::Success))]
        }
        LdapOp::SearchRequest(search) if bound.is_some() => found(entries, &search),
        LdapOp::SearchRequest(_) => refuse(operation, LdapResultCode::InsufficentAccessRights),
        LdapOp::ExtendedRequest(_) => refuse(operation, LdapResultCode::ProtocolError),
        other => refuse(other, LdapResultCode::UnwillingToPerform),
    }
}

fn binds(entries: &[Entry], dn: &str, password: &str) -> Option<usize> {
    entries.iter().position(|entry| {
        let right = entry.password.as_ref().map(|right| right.as_bytes().ct_eq(password.as_bytes()));
        is_same(&entry.dn, dn) && right.is_some_and(bool::from)
    })
}

/// Names of entries here have no escapes, so case and blanks after commas are all that may differ.
fn is_same(a: &str, b: &str) -> bool {
    a.split(',').map(str::trim).eq_by_case(b.split(',').map(str::trim))
}

trait EqByCase<'a>: Iterator<Item = &'a str> + Sized {
    fn eq_by_case(mut self, mut other: impl Iterator<Item = &'a str>) -> bool {
        loop {
            match (self.next(), other.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
                _ => return false,
            }
        }
    }
}

impl<'a, I: Iterator<Item = &'a str>> EqByCase<'a> for I {}

fn found(entries: &[Entry], search: &LdapSearchRequest) -> Vec<LdapOp> {
    if !entries.iter().any(|entry| is_same(&entry.dn, &search.base)) {
        return vec![LdapOp::SearchResultDone(result(LdapResultCode::NoSuchObject))];
    }
    let parent = |dn: &str| dn.split_once(',').map(|(_, parent)| parent.to_owned()).unwrap_or_default();
    let below = |dn: &str| {
        let mut at = dn.to_owned();
        while !at.is_empty() {
            if is_same(&at, &search.base) {
                return true;
            }
            at = parent(&at);
        }
        false
    };
    let in_scope = |entry: &&Entry| match search.scope {
        LdapSearchScope::Base => is_same(&entry.dn, &search.base),
        LdapSearchScope::OneLevel => is_same(&parent(&entry.dn), &search.base),
        LdapSearchScope::Subtree => below(&entry.dn),
        LdapSearchScope::Children => below(&entry.dn) && !is_same(&entry.dn, &search.base),
    };
    let matching = entries.iter().filter(in_scope).filter(|entry| fits(entry, &search.filter) == Some(true));
    let mut out: Vec<LdapOp> = matching.map(|entry| shown(entry, &search.attrs)).collect();
    let most = usize::try_from(search.sizelimit).unwrap_or(0);
    let code = if most > 0 && out.len() > most {
        out.truncate(most);
        LdapResultCode::SizeLimitExceeded
    } else {
        LdapResultCode::Success
    };
    out.push(LdapOp::SearchResultDone(result(code)));
    out
}

/// RFC 4511 §4.5.1.7: `None` is Undefined, which is what anything else than these filters comes to.
fn fits(entry: &Entry, filter: &LdapFilter) -> Option<bool> {
    let values = |name: &str| {
        entry.attributes.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, values)| values)
    };
    match filter {
        LdapFilter::And(all) => settled(entry, all, false),
        LdapFilter::Or(any) => settled(entry, any, true),
        LdapFilter::Not(one) => fits(entry, one).map(|fits| !fits),
        LdapFilter::Present(name) => Some(values(name).is_some()),
        LdapFilter::Equality(name, value) => Some(
            values(name).is_some_and(|values| values.iter().any(|have| have.eq_ignore_ascii_case(value))),
        ),
        _ => None,
    }
}

/// One that comes out this way settles it; else it is Undefined if one of them is.
fn settled(entry: &Entry, filters: &[LdapFilter], by: bool) -> Option<bool> {
    let each: Vec<Option<bool>> = filters.iter().map(|filter| fits(entry, filter)).collect();
    match each.contains(&Some(by)) {
        true => Some(by),
        false => (!each.contains(&None)).then_some(!by),
    }
}

/// The entry with the attributes that are wanted; `1.1` is none, nothing and `*` are all.
fn shown(entry: &Entry, wanted: &[String]) -> LdapOp {
    let all = wanted.is_empty() || wanted.iter().any(|name| name == "*");
    let is_wanted = |name: &str| all || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let attributes = entry.attributes.iter().filter(|(name, values)| is_wanted(name) && !values.is_empty());
    LdapOp::SearchResultEntry(LdapSearchResultEntry {
        dn: entry.dn.clone(),
        attributes: attributes
            .map(|(name, values)| LdapPartialAttribute {
                atype: (*name).to_owned(),
                vals: values.iter().map(|value| value.clone().into_bytes()).collect(),
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use ldap3_proto::proto::{LdapBindRequest, LdapDerefAliases};

    use super::*;

    fn directory() -> Vec<Entry> {
        let person = Person {
            username: "ada",
            password: "right".into(),
            name: "Ada Lovelace",
            email: "ada@example.com",
            groups: &["staff", "admins"],
        };
        entries(&[person], "service")
    }

    fn bind(bound: &mut Option<usize>, dn: &str, password: &str) -> LdapResultCode {
        let request =
            LdapBindRequest { version: 3, dn: dn.into(), cred: LdapBindCred::Simple(password.into()) };
        match &answer(&directory(), bound, LdapOp::BindRequest(request))[0] {
            LdapOp::BindResponse(response) => response.res.code.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn search(
        bound: &mut Option<usize>,
        base: &str,
        scope: LdapSearchScope,
        filter: LdapFilter,
    ) -> (Vec<String>, LdapResultCode) {
        let request = LdapSearchRequest {
            base: base.into(),
            scope,
            aliases: LdapDerefAliases::Never,
            sizelimit: 0,
            timelimit: 0,
            typesonly: false,
            filter,
            attrs: vec!["MAIL".into()],
        };
        let mut out = answer(&directory(), bound, LdapOp::SearchRequest(request));
        let Some(LdapOp::SearchResultDone(done)) = out.pop() else { panic!("no end") };
        let dns = out.into_iter().map(|op| match op {
            LdapOp::SearchResultEntry(entry) => {
                assert!(entry.attributes.iter().all(|attribute| attribute.atype == "mail"));
                entry.dn
            }
            other => panic!("{other:?}"),
        });
        (dns.collect(), done.code)
    }

    #[test]
    fn who_is_not_bound_reads_nothing_and_a_failed_bind_unbinds() {
        let mut bound = None;
        let uid = |value: &str| LdapFilter::Equality("UID".into(), value.into());
        let ada = format!("uid=ada,{PEOPLE}");
        let people = |bound: &mut Option<usize>| search(bound, PEOPLE, LdapSearchScope::Subtree, uid("ADA"));
        assert_eq!(people(&mut bound), (vec![], LdapResultCode::InsufficentAccessRights));
        assert_eq!(
            bind(&mut bound, &SERVICE.replace(',', ", ").to_uppercase(), "service"),
            LdapResultCode::Success
        );
        assert_eq!(people(&mut bound), (vec![ada.clone()], LdapResultCode::Success));
        for (dn, password, code) in [
            (ada.as_str(), "wrong", LdapResultCode::InvalidCredentials),
            ("uid=nobody,ou=people,dc=demo,dc=localhost", "right", LdapResultCode::InvalidCredentials),
            (PEOPLE, "right", LdapResultCode::InvalidCredentials),
            (ada.as_str(), "", LdapResultCode::UnwillingToPerform),
        ] {
            assert_eq!(bind(&mut bound, dn, password), code, "{dn}");
            assert_eq!(bound, None);
        }
        assert_eq!(bind(&mut bound, &ada, "right"), LdapResultCode::Success);
    }

    #[test]
    fn scopes_and_filters() {
        use LdapFilter::{And, Equality, Not, Or, Present};
        use LdapSearchScope::{Base, OneLevel, Subtree};
        let mut bound = Some(3);
        let ada = || Equality("uid".into(), "ada".into());
        let approx = || LdapFilter::Approx("uid".into(), "ada".into());
        for (base, scope, filter, count) in [
            (PEOPLE, Base, Present("objectClass".into()), 1),
            (PEOPLE, OneLevel, Present("objectclass".into()), 1),
            (ROOT, Subtree, Present("objectClass".into()), 5),
            (ROOT, OneLevel, ada(), 0),
            (ROOT, Subtree, And(vec![ada(), Present("mail".into())]), 1),
            (ROOT, Subtree, And(vec![ada(), Equality("mail".into(), "x".into())]), 0),
            (ROOT, Subtree, Or(vec![approx(), ada()]), 1),
            (ROOT, Subtree, Not(Box::new(approx())), 0),
            (ROOT, Subtree, Not(Box::new(ada())), 4),
        ] {
            let (found, code) = search(&mut bound, base, scope, filter.clone());
            assert_eq!((found.len(), code), (count, LdapResultCode::Success), "{filter:?}");
        }
        let elsewhere = search(&mut bound, "dc=other", Subtree, ada());
        assert_eq!(elsewhere, (vec![], LdapResultCode::NoSuchObject));
    }
}
