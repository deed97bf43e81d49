//! Which account of a provider a person signed in with, for kinds whose subject is a name that may be spelled in
//! several ways, change, or be given to somebody else later.

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What kind of id it has. Ids of different kinds are not comparable.
    pub kind: &'static str,
    /// The id: it stays with the account whatever it is called, and is never given to another one. Where the provider
    /// shows none, [`Account::name`].
    pub id: String,
    /// What it is called, in the one spelling that is compared.
    pub name: String,
}
