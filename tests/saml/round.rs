//! What is issued is verified, in every shape and with every kind of key.

use maverics::protocol::saml::names::{PASSWORD_PROTECTED, name_id};

use super::scene::*;

#[test]
fn what_is_issued_is_verified_and_read() {
    for pair in [&*IDP_RSA, &*IDP_EC] {
        let key = pair.own();
        for (assertion, response, encrypted) in [
            (true, false, false),
            (false, true, false),
            (true, true, false),
            (true, false, true),
            (false, true, true),
            (true, true, true),
        ] {
            let shape = Shape { assertion, response, encrypted };
            let xml = issue(&key, shape);
            assert_eq!(xml.contains("alice"), !encrypted, "{shape:?}");
            let verified = verify(&xml).unwrap_or_else(|refusal| panic!("{shape:?}: {refusal}\n{xml}"));
            assert_eq!((verified.issuer(), verified.id()), (IDP, "_assertion1"));
            let name = verified.name_id().expect("a name");
            assert_eq!(
                (name.value.as_str(), name.format.as_deref(), name.sp_name_qualifier.as_deref()),
                ("alice@example.org", Some(name_id::PERSISTENT), Some(SP))
            );
            assert_eq!(verified.values(EMAIL), Some(vec![Some("alice@example.org")]));
            assert_eq!(
                verified.values("groups"),
                Some(vec![Some("staff"), Some("a,b;c"), Some(" <x> & \"y\"\r\n ")])
            );
            assert_eq!(verified.values("nothing"), Some(vec![None]));
            assert_eq!(verified.values("empty"), Some(vec![]));
            assert_eq!(verified.values("mail"), None, "a friendly name is nobody's name");
            assert_eq!(verified.authn_instant(), NOW);
            assert_eq!(verified.authn_context(), Some(PASSWORD_PROTECTED));
            assert_eq!(verified.session_index(), Some("_session1"));
            assert_eq!(verified.session_not_on_or_after(), Some(NOW.plus(28_800)));
            assert_eq!(verified.replay_until(), NOW.plus(300 + 180));
            assert_eq!(verified.was_encrypted(), encrypted);
        }
    }
}
