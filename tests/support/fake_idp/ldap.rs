//! A directory that does as it is told: it answers each request with what a function says, and remembers who was
//! bound.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{BufMut, BytesMut};
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult,
    LdapResultCode, LdapSearchResultEntry,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::codec::{Decoder, Encoder};

use crate::support::slapd::{SERVICE, SERVICE_PASSWORD};

/// What it does with a request.
pub enum Reply {
    /// Answers, in order.
    Send(Vec<LdapOp>),
    /// One answer, with controls.
    With(LdapOp, Vec<LdapControl>),
    /// These bytes, and nothing more; the connection stays open.
    Raw(Vec<u8>),
    /// These bytes, over and over, as long as they are taken.
    Flood(Vec<u8>),
    /// Closes the connection.
    Close,
    /// What an ordinary directory of one person, `ann` with the password `secret`, says.
    Ordinary,
}

/// A running directory; it ends with the value.
pub struct FakeDirectory {
    pub address: SocketAddr,
    binds: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl FakeDirectory {
    /// Answers what `answer` says.
    pub fn start(answer: impl Fn(&LdapOp) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = super::runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("a bound port");
        let binds: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, answer) = (binds.clone(), Arc::new(answer));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), seen.clone()));
            }
        });
        FakeDirectory { address, binds, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// Names that were bound, in order.
    pub fn binds(&self) -> Vec<String> {
        self.binds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A result.
pub fn result(code: LdapResultCode, message: &str) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: message.into(), referral: Vec::new() }
}

/// The answer to a bind.
pub fn bound(code: LdapResultCode, message: &str) -> Reply {
    Reply::Send(vec![LdapOp::BindResponse(LdapBindResponse { res: result(code, message), saslcreds: None })])
}

/// The answer to an extended request.
pub fn extended(code: LdapResultCode) -> LdapOp {
    LdapOp::ExtendedResponse(LdapExtendedResponse { res: result(code, ""), name: None, value: None })
}

/// An entry.
pub fn entry(dn: &str, attributes: &[(&str, &[&[u8]])]) -> LdapOp {
    let attributes = attributes.iter().map(|(name, values)| LdapPartialAttribute {
        atype: (*name).into(),
        vals: values.iter().map(|value| value.to_vec()).collect(),
    });
    LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: dn.into(), attributes: attributes.collect() })
}

/// The end of a search.
pub fn done(code: LdapResultCode) -> LdapOp {
    LdapOp::SearchResultDone(result(code, ""))
}

/// Whether an operation is the search for a person.
pub fn is_user_search(operation: &LdapOp) -> bool {
    matches!(operation, LdapOp::SearchRequest(search) if search.scope == ldap3_proto::proto::LdapSearchScope::Subtree)
}

fn ordinary(operation: &LdapOp) -> Vec<LdapOp> {
    match operation {
        LdapOp::BindRequest(request) => {
            let LdapBindCred::Simple(password) = &request.cred else { return Vec::new() };
            let is_right = (request.dn == SERVICE && password == SERVICE_PASSWORD)
                || (request.dn.starts_with("cn=ann,") && password == "secret");
            let code = if is_right { LdapResultCode::Success } else { LdapResultCode::InvalidCredentials };
            vec![LdapOp::BindResponse(LdapBindResponse { res: result(code, ""), saslcreds: None })]
        }
        LdapOp::SearchRequest(search) => {
            let found = match search.scope {
                ldap3_proto::proto::LdapSearchScope::Base => entry(&search.base, &[]),
                _ => entry("cn=ann,dc=example,dc=com", &[("mail", &[b"ann@example.com"])]),
            };
            vec![found, done(LdapResultCode::Success)]
        }
        _ => Vec::new(),
    }
}

async fn serve(
    mut stream: tokio::net::TcpStream,
    answer: Arc<impl Fn(&LdapOp) -> Reply>,
    binds: Arc<Mutex<Vec<String>>>,
) {
    let mut codec = LdapCodec::default();
    let mut buffer = BytesMut::new();
    loop {
        let message = match codec.decode(&mut buffer) {
            Ok(Some(message)) => message,
            Ok(None) => match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            },
            Err(_) => return,
        };
        if let LdapOp::BindRequest(request) = &message.op {
            binds.lock().unwrap_or_else(PoisonError::into_inner).push(request.dn.clone());
        }
        let mut controls = Vec::new();
        let replies = match answer(&message.op) {
            Reply::With(reply, beside) => {
                controls = beside;
                vec![reply]
            }
            Reply::Ordinary => ordinary(&message.op),
            Reply::Send(replies) => replies,
            Reply::Close => return,
            Reply::Raw(bytes) => {
                let _ = stream.write_all(&bytes).await;
                continue;
            }
            Reply::Flood(bytes) => {
                while stream.write_all(&bytes).await.is_ok() {}
                return;
            }
        };
        let mut out = BytesMut::new();
        for operation in replies {
            // A notice is nobody's answer.
            let id = if matches!(&operation, LdapOp::ExtendedResponse(r) if r.name.is_some()) {
                0
            } else {
                message.msgid
            };
            let mut one = BytesMut::new();
            let message = LdapMsg::new_with_ctrls(id, operation, controls.clone());
            codec.encode(message, &mut one).expect("a message");
            out.put(one);
        }
        if stream.write_all(&out).await.is_err() {
            return;
        }
    }
}
