//! Attributes that are sets by nature: groups, roles, affiliations. A directory and an assertion give values, one or
//! several, and do not say whether one alone is a set of one. For these it is, so that a rule asks for membership and a
//! header escapes its delimiter however many groups a person is in.

/// Names in a directory, in lower case: those of the schemas in use, and those that administrators give their own.
/// Numbers are the same attributes, for servers that know no name for them.
const IN_DIRECTORIES: &[&str] = &[
    "memberof",
    "1.2.840.113556.1.2.102",
    "ismemberof",
    "1.3.6.1.4.1.5923.1.5.1.1",
    "msds-memberoftransitive",
    "groupmembership",
    "ibm-allgroups",
    "tokengroups",
    "tokengroupsglobalanduniversal",
    "sidhistory",
    "securityequals",
    "nsrole",
    "nsroledn",
    "objectclass",
    "2.5.4.0",
    "edupersonaffiliation",
    "1.3.6.1.4.1.5923.1.1.1.1",
    "edupersonentitlement",
    "1.3.6.1.4.1.5923.1.1.1.7",
    "edupersonscopedaffiliation",
    "1.3.6.1.4.1.5923.1.1.1.9",
    "edupersonassurance",
    "1.3.6.1.4.1.5923.1.1.1.11",
    "groups",
    "roles",
    "entitlements",
    "permissions",
];

/// Names in an assertion, which are exact: URIs of the same attributes, those of AD FS and Entra, and short names.
const IN_ASSERTIONS: &[&str] = &[
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.1",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.7",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.11",
    "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
    "urn:oid:1.2.840.113556.1.2.102",
    "urn:mace:dir:attribute-def:eduPersonAffiliation",
    "urn:mace:dir:attribute-def:eduPersonEntitlement",
    "urn:mace:dir:attribute-def:eduPersonScopedAffiliation",
    "urn:mace:dir:attribute-def:isMemberOf",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "http://schemas.xmlsoap.org/claims/Group",
    "eduPersonAffiliation",
    "eduPersonEntitlement",
    "eduPersonScopedAffiliation",
    "isMemberOf",
    "memberOf",
    "groups",
    "roles",
];

/// Whether an attribute of a directory is a set. The description compares without case, and options do not count
/// (RFC 4512 §2.5).
pub fn in_directory(description: &str) -> bool {
    let name = description.split(';').next().unwrap_or_default();
    IN_DIRECTORIES.iter().any(|set| set.eq_ignore_ascii_case(name))
}

/// Whether an attribute of an assertion is a set, by its `Name` (SAML Core §2.7.3.1).
pub fn in_assertion(name: &str) -> bool {
    IN_ASSERTIONS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_compares_names_in_its_own_way() {
        for (name, directory, assertion) in [
            ("memberOf", true, true),
            ("MEMBEROF", true, false),
            ("memberOf;x-nested", true, false),
            ("nsRole", true, false),
            ("objectClass", true, false),
            ("urn:oid:1.3.6.1.4.1.5923.1.5.1.1", false, true),
            ("URN:OID:1.3.6.1.4.1.5923.1.5.1.1", false, false),
            ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", false, true),
            ("eduPersonPrimaryAffiliation", false, false),
            ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", false, false),
            ("mail", false, false),
            ("dn", false, false),
            ("", false, false),
        ] {
            assert_eq!((in_directory(name), in_assertion(name)), (directory, assertion), "{name}");
        }
        assert!(IN_DIRECTORIES.iter().all(|name| *name == name.to_ascii_lowercase()));
    }
}
