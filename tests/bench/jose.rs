//! What does a token cost? Input: an ID token of eight claims; RSA keys have 2048 bits.

use maverics::protocol::jose::token::{ACCEPTED, verify};
use maverics::protocol::jose::{KeySet, SigningKey};
use serde_json::{Value, json};

fn claims() -> Value {
    json!({"iss": "https://orch.example.com", "sub": "ha|alice@example.com", "aud": "app", "exp": 1_900_000_000,
           "iat": 1_800_000_000, "nonce": "n-0S6_WzA2Mj", "email": "alice@example.com", "name": "Alice"})
}

fn rsa() -> SigningKey {
    SigningKey::from_pem(SigningKey::generate_rsa_pem().as_bytes(), None).expect("a new key")
}

fn sign(bencher: divan::Bencher<'_, '_>, key: &SigningKey) {
    let claims = claims();
    bencher.bench(|| key.sign(&json!({"typ": "JWT"}), &claims));
}

fn check(bencher: divan::Bencher<'_, '_>, key: &SigningKey) {
    let set = KeySet::parse(&json!({"keys": [key.public_jwk()]})).expect("our own set");
    let token = key.sign(&json!({}), &claims()).expect("signs");
    bencher.bench(|| verify(&token, &set, ACCEPTED).is_ok());
}

#[divan::bench]
fn sign_rs256(bencher: divan::Bencher<'_, '_>) {
    sign(bencher, &rsa());
}

#[divan::bench]
fn sign_es256(bencher: divan::Bencher<'_, '_>) {
    sign(bencher, &SigningKey::generate_es256());
}

#[divan::bench]
fn verify_rs256(bencher: divan::Bencher<'_, '_>) {
    check(bencher, &rsa());
}

#[divan::bench]
fn verify_es256(bencher: divan::Bencher<'_, '_>) {
    check(bencher, &SigningKey::generate_es256());
}
