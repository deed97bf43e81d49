//! What does a sign-in at a directory cost the orchestrator? Input: a directory in this process, one person; a search
//! by the service account on a kept connection, and a bind on a new one, over loopback. And what does reading one
//! entry of forty attributes cost?

use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapBindResponse, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode,
    LdapSearchResultEntry,
};
use maverics::ambient::{Clock, Entropy};
use maverics::connector::open::{World, open};
use maverics::connector::{CompleteRequest, Connector, Input, Kept};
use maverics::diag::Sources;
use maverics::model::read::{ReadOptions, read};
use maverics::protocol::ldap::read_foreign;
use maverics::secrets::Keyring;
use maverics::value::Secret;
use maverics::value::url::PlainHttp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_util::codec::{Decoder, Encoder};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

static OPENED: LazyLock<Arc<dyn Connector>> = LazyLock::new(|| {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    RUNTIME.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let yaml = format!(
        "version: '1'\nconnectors:\n  - {{name: dir, type: ldap, url: 'ldap://{address}', bindDN: cn=s, bindPassword: s, baseDN: dc=x}}\n"
    );
    let reading = read("bench.yaml", &yaml, &mut Sources::default(), &ReadOptions::default());
    let deployment = reading.deployment.expect("a deployment");
    let keyring = Keyring::default();
    let world = World {
        runtime: RUNTIME.handle().clone(),
        clock: Clock::system(),
        entropy: Entropy::system(),
        plain: PlainHttp::default(),
        shelf: None,
    };
    open(deployment.idps[0].config.clone(), None, None, &keyring, &world).expect("a connector")
});

async fn serve(mut stream: TcpStream) {
    let (mut codec, mut buffer) = (LdapCodec::default(), BytesMut::new());
    loop {
        match codec.decode(&mut buffer) {
            Ok(Some(message)) => {
                let mut out = BytesMut::new();
                for op in answers(message.op) {
                    let _ = codec.encode(LdapMsg::new(message.msgid, op), &mut out);
                }
                if stream.write_all(&out).await.is_err() {
                    return;
                }
            }
            Ok(None) => match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            Err(_) => return,
        }
    }
}

fn answers(operation: LdapOp) -> Vec<LdapOp> {
    let res = LdapResult {
        code: LdapResultCode::Success,
        matcheddn: String::new(),
        message: String::new(),
        referral: Vec::new(),
    };
    match operation {
        LdapOp::BindRequest(_) => vec![LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })],
        LdapOp::SearchRequest(_) => vec![entry(), LdapOp::SearchResultDone(res)],
        _ => Vec::new(),
    }
}

fn entry() -> LdapOp {
    let attribute = |i: usize| LdapPartialAttribute {
        atype: format!("attribute{i}"),
        vals: vec![format!("the value of attribute {i}").into_bytes(); 1 + i % 3],
    };
    let attributes = (0..40).map(attribute).collect();
    LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: "uid=ann,ou=people,dc=x".into(), attributes })
}

#[divan::bench]
fn sign_in(bencher: divan::Bencher<'_, '_>) {
    let connector = OPENED.clone();
    let (password, kept) = (Secret::new("a password".to_owned()), Kept::new());
    bencher.bench(|| {
        let input = Input::Password { username: "ann", password: &password };
        let request = CompleteRequest { input, kept: &kept, authenticated_after: None };
        RUNTIME.block_on(connector.complete(request)).expect("an identity").attributes.len()
    });
}

#[divan::bench]
fn read_an_entry(bencher: divan::Bencher<'_, '_>) {
    let mut bytes = BytesMut::new();
    LdapCodec::default().encode(LdapMsg::new(2, entry()), &mut bytes).expect("a message");
    bencher.bench(|| read_foreign(&bytes).map(|attributes| attributes.len()));
}
