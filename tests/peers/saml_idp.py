"""A SAML identity provider on pysaml2: a second opinion on every message.

    python saml_idp.py --users FILE --sp FILE|URL [--sp FILE|URL]
        [--port N] [--host ADDRESS] [--issuer-host NAME] [--entity-id URI]
        [--state FOLDER] [--signing-cert FILE --signing-key FILE]
        [--tls-cert FILE --tls-key FILE] [--ca FILE]
        [--sign assertion|response|both|none] [--algorithm rsa-sha256]
        [--encrypt none|aes256-gcm|aes128-gcm|aes256-cbc|aes128-cbc|tripledes]
        [--name-id transient|persistent|email|unspecified]
        [--name-format uri|basic|unspecified|plain] [--want-signed-requests] [--stay]

The password of every user is "password-of-<username>". What a person has in the
users file becomes attributes, named as pysaml2's maps say or, with the name
format "plain", as they are; "name_id" is not an attribute but the NameID in the
formats persistent and unspecified.

A service provider's metadata is fetched when it is first needed, since the
service provider may need ours in order to start. With --state the signing keys
outlive the process. pysaml2 leaves the signature of a redirect alone unless
every request has to be signed; here, one that is there must be good.

    GET  /metadata
    GET  /sso, POST /sso          AuthnRequest
    GET  /slo, POST /slo          LogoutRequest, LogoutResponse
    GET  /initiated?sp=ENTITY_ID&RelayState=...&binding=...
    GET  /logout                  ends the session, at every service provider first
    POST /control/keys?do=add     publishes one more key; switch: signs with it;
                                  retire: publishes no other any more
    POST /control/options?sign=...   as on the command line, from now on
    POST /control/services        fetches the service providers' metadata anew
    GET  /control/seen            the messages received, oldest first
"""

import argparse
import datetime
import functools
import hashlib
import html
import json
import logging
import os
import secrets
import shutil
import signal
import ssl
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field

import requests
import saml2.entity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, redirect, request
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, SAMLError, saml, samlp
from saml2.attribute_converter import AttributeConverter
from saml2.authn_context import (
    PASSWORD,
    PASSWORDPROTECTEDTRANSPORT,
    UNSPECIFIED,
    AuthnBroker,
    authn_context_class_ref,
)
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.s_utils import rndstr
from saml2.saml import (
    NAMEID_FORMAT_EMAILADDRESS,
    NAMEID_FORMAT_PERSISTENT,
    NAMEID_FORMAT_TRANSIENT,
    NAMEID_FORMAT_UNSPECIFIED,
)
from saml2.server import Server
from saml2.sigver import CryptoBackendXmlSec1, pre_encryption_part, verify_redirect_signature
from werkzeug.serving import make_server

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}
NAME_IDS = {
    "transient": NAMEID_FORMAT_TRANSIENT,
    "persistent": NAMEID_FORMAT_PERSISTENT,
    "email": NAMEID_FORMAT_EMAILADDRESS,
    "unspecified": NAMEID_FORMAT_UNSPECIFIED,
}
NAME_FORMATS = {
    "uri": saml.NAME_FORMAT_URI,
    "basic": saml.NAME_FORMAT_BASIC,
    "unspecified": saml.NAME_FORMAT_UNSPECIFIED,
    "plain": saml.NAME_FORMAT_UNSPECIFIED,
}
DIGESTS = {
    "sha1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
ALGORITHMS = {
    "rsa-sha1": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "rsa-sha256": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "rsa-sha512": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
}
# Name of the cipher, and of a key for it as xmlsec1 calls it.
CIPHERS = {
    "aes256-gcm": ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"),
    "aes128-gcm": ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"),
    "aes256-cbc": ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"),
    "aes128-cbc": ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128"),
    "tripledes": ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "des-192"),
}
CHOICES = {
    "sign": ("assertion", "response", "both", "none"),
    "algorithm": tuple(ALGORITHMS),
    "encrypt": ("none", *CIPHERS),
    "name_id": tuple(NAME_IDS),
    "name_format": tuple(NAME_FORMATS),
    "want_signed_requests": ("no", "yes"),
}
# pysaml2 runs xmlsec1 for its version before it runs it for each signature.
CryptoBackendXmlSec1.version = functools.cached_property(CryptoBackendXmlSec1.version.fget)
CryptoBackendXmlSec1.version.__set_name__(CryptoBackendXmlSec1, "version")
SERVICE_SECONDS = 5  # for a service provider to give its metadata
CERTIFICATE_DAYS = 30


def arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--issuer-host")
    parser.add_argument("--entity-id")
    parser.add_argument("--users", required=True)
    parser.add_argument("--sp", action="append", default=[])
    parser.add_argument("--state")
    parser.add_argument("--signing-cert")
    parser.add_argument("--signing-key")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--ca")
    parser.add_argument("--sign", choices=CHOICES["sign"], default="assertion")
    parser.add_argument("--algorithm", choices=CHOICES["algorithm"], default="rsa-sha256")
    parser.add_argument("--encrypt", choices=CHOICES["encrypt"], default="none")
    parser.add_argument("--name-id", choices=CHOICES["name_id"], default="persistent")
    parser.add_argument("--name-format", choices=CHOICES["name_format"], default="uri")
    parser.add_argument("--want-signed-requests", action="store_const", const="yes", default="no")
    parser.add_argument("--stay", action="store_true")
    return parser.parse_args()


class Keys:
    """Signing keys: all are published, one signs."""

    def __init__(self, folder, given):
        self.folder = folder
        self.pairs = [given] if given else self.kept()
        if not self.pairs:
            self.add()
        self.active = 0

    def kept(self):
        names = sorted(name for name in os.listdir(self.folder) if name.endswith(".crt"))
        return [self.paths(name.removesuffix(".crt")) for name in names]

    def paths(self, name):
        return tuple(os.path.join(self.folder, f"{name}.{end}") for end in ("crt", "key"))

    def add(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "saml_idp")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
            .sign(key, hashes.SHA256())
        )
        paths = self.paths(f"{time.time_ns():020}")
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        # The certificate last: it is what makes a pair count. Renamed into
        # place, since a SIGKILL in between must not leave half a file.
        for path, content in reversed(list(zip(paths, (public, secret)))):
            with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)
            os.replace(path + ".new", path)
        self.pairs.append(paths)

    def switch(self):
        self.active = len(self.pairs) - 1

    def retire(self):
        for number, paths in enumerate(self.pairs):
            if number != self.active:
                for path in paths:
                    os.remove(path)
        self.pairs = [self.pairs[self.active]]
        self.active = 0

    def report(self):
        published = [os.path.basename(certificate) for certificate, _ in self.pairs]
        return {"published": published, "signs": published[self.active]}


@dataclass
class Session:
    """A person in a browser, and who has been told about it."""

    username: str
    since: float
    services: dict = field(default_factory=dict)  # entity id -> (NameID, [SessionIndex])


@dataclass
class Logout:
    """A logout on its way through the service providers."""

    services: list
    origin: tuple = None  # the request that is to be answered in the end
    partial: bool = False
    expected: str = None  # the id of the request sent last


class Refused(Exception):
    """What is told to the browser instead of an answer."""


def page(title, content, status=200):
    title = html.escape(title)
    body = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
    return Response(body, status, {"Cache-Control": "no-store"}, mimetype="text/html")


class Application:
    """The endpoints. The provider is made once the server knows its port."""

    def __init__(self, options, users, folder):
        self.options = options
        self.users = users
        self.folder = folder
        self.base = None
        self.cookie = None
        self.keys = None
        self.provider = None
        self.document = None
        self.services = {}  # where a service provider's metadata is -> the metadata
        self.sessions = {}
        self.logouts = {}
        self.seen = []
        self.changing = threading.Lock()
        # Whoever comes while it is fetched waits for it, rather than find half of it.
        self.fetching = threading.Lock()

        app = self.app = Flask("saml_idp")
        both = ["GET", "POST"]
        app.add_url_rule("/metadata", view_func=self.metadata)
        app.add_url_rule("/sso", view_func=self.sso, methods=both)
        app.add_url_rule("/login", view_func=self.login, methods=["POST"])
        app.add_url_rule("/initiated", view_func=self.initiated)
        app.add_url_rule("/slo", view_func=self.slo, methods=both)
        app.add_url_rule("/logout", view_func=self.logout)
        app.add_url_rule("/control/keys", view_func=self.control_keys, methods=["POST"])
        app.add_url_rule("/control/options", view_func=self.control_options, methods=["POST"])
        app.add_url_rule("/control/services", view_func=self.control_services, methods=["POST"])
        app.add_url_rule("/control/seen", view_func=lambda: jsonify(self.seen))
        app.register_error_handler(Refused, self.refuse)
        app.register_error_handler(SAMLError, self.refuse)

    def serve(self, base, port, given):
        self.base = base
        # Browsers keep cookies by host name and ignore the port, so two
        # providers on one address need names of their own.
        self.cookie = f"saml{port}_session"
        self.keys = Keys(self.folder, given)
        self.rebuild()

    # ---- The provider --------------------------------------------------------

    @property
    def entity_id(self):
        return self.options.entity_id or f"{self.base}/metadata"

    def configuration(self):
        options = self.options
        certificate, key = self.keys.pairs[self.keys.active]
        others = [cert for cert, _ in self.keys.pairs if cert != certificate]
        bindings = [BINDING_HTTP_REDIRECT, BINDING_HTTP_POST]
        return {
            "entityid": self.entity_id,
            "xmlsec_binary": shutil.which("xmlsec1"),
            "cert_file": certificate,
            "key_file": key,
            "additional_cert_files": others,
            "metadata": {"inline": list(self.services.values())},
            "accepted_time_diff": 60,
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(f"{self.base}/sso", one) for one in bindings],
                        "single_logout_service": [(f"{self.base}/slo", one) for one in bindings],
                    },
                    "name_id_format": list(NAME_IDS.values()),
                    "policy": {
                        "default": {
                            "lifetime": {"minutes": 5},
                            "attribute_restrictions": None,
                            "name_form": NAME_FORMATS[options.name_format],
                        }
                    },
                    "sign_assertion": options.sign in ("assertion", "both"),
                    "sign_response": options.sign in ("response", "both"),
                    "signing_algorithm": ALGORITHMS[options.algorithm],
                    "digest_algorithm": DIGESTS[options.algorithm.split("-")[1]],
                    "want_authn_requests_signed": options.want_signed_requests == "yes",
                }
            },
        }

    def rebuild(self):
        """A provider as keys, options and service providers are now."""
        with self.changing:
            before = self.provider
            config = IdPConfig().load(self.configuration())
            if self.options.name_format == "plain":
                names = AttributeConverter(saml.NAME_FORMAT_UNSPECIFIED)
                names.from_dict({"identifier": saml.NAME_FORMAT_UNSPECIFIED, "to": {}, "fro": {}})
                config.attribute_converters = [names]
            provider = Server(config=config)
            if before:
                provider.ident = before.ident
                provider.session_db = before.session_db
            if self.options.encrypt != "none":
                cipher, key_type = CIPHERS[self.options.encrypt]
                # pysaml2 knows Triple DES only, and offers no setting for it.
                saml2.entity.pre_encryption_part = functools.partial(pre_encryption_part, msg_enc=cipher)
                provider.sec.encrypt_assertion = functools.partial(
                    provider.sec.encrypt_assertion, key_type=key_type
                )
            self.provider = provider
            # pysaml2 asks xmlsec1 what it can do for every copy that is made.
            self.document = create_metadata_string(None, config=config)

    def fetch(self):
        """Fetches the metadata of service providers that is not here yet."""
        with self.fetching:
            self.fetch_missing()

    def fetch_missing(self):
        fetched = {where: self.read(where) for where in self.options.sp if where not in self.services}
        if not fetched:
            return
        before = self.services
        self.services = before | fetched
        try:
            self.rebuild()
        except Exception:
            # To be asked for again; it may be a page that says "starting".
            self.services = before
            raise

    def read(self, where):
        if where.startswith(("http:", "https:")):
            client = requests.Session()
            client.trust_env = False  # a proxy has no business on this machine
            answer = client.get(where, timeout=SERVICE_SECONDS, verify=self.options.ca or True)
            answer.raise_for_status()
            return answer.text
        with open(where, encoding="utf-8") as file:
            return file.read()

    def metadata(self):
        return Response(self.document, mimetype="application/samlmetadata+xml")

    # ---- Messages that arrive ------------------------------------------------

    def receive(self, parse, name, values, binding):
        """One message, with its signature looked at in either binding."""
        try:
            self.fetch()
        except (OSError, requests.RequestException) as error:
            raise Refused(f"no metadata of the service provider: {error}") from error
        parts = {"SAMLRequest": ("sigalg", "signature"), "SAMLResponse": ()}[name]
        given = {key: values[header] for key, header in
                 (("sigalg", "SigAlg"), ("signature", "Signature")) if header in values}
        arguments_ = {key: given[key] for key in parts if key in given}
        if parts and values.get("RelayState"):
            arguments_["relay_state"] = values["RelayState"]
        try:
            message = parse(values[name], binding, **arguments_)
        except Exception as error:
            # Whatever pysaml2 raises for what strangers send it.
            raise Refused(f"{type(error).__name__}: {error}") from error
        if message is None:
            raise Refused("pysaml2 made nothing of the message")
        inner = getattr(message, "message", None) or message.response
        issuer = inner.issuer.text.strip()
        if issuer not in self.provider.metadata.with_descriptor("spsso"):
            raise Refused(f"no service provider {issuer}")
        signed = inner.signature is not None
        if binding == BINDING_HTTP_REDIRECT and ("SigAlg" in values or "Signature" in values):
            self.check_redirect_signature(issuer, name, values)
            signed = True
        if self.options.want_signed_requests == "yes" and not signed:
            raise Refused("the message is not signed")
        self.seen.append({
            "kind": type(inner).__name__,
            "binding": "post" if binding == BINDING_HTTP_POST else "redirect",
            "signed": signed,
            "relay_state": values.get("RelayState"),
            "xml": str(inner),
        })
        return message

    def check_redirect_signature(self, issuer, name, values):
        parts = {part: values[part] for part in (name, "RelayState", "SigAlg", "Signature")
                 if part in values and (values[part] or part != "RelayState")}
        certificates = self.provider.metadata.certs(issuer, "any", "signing")
        try:
            good = any(verify_redirect_signature(parts, self.provider.sec.sec_backend, certificate)
                       for _, certificate in certificates)
        except Exception as error:
            raise Refused(f"the signature cannot be verified: {error!r}") from error
        if not good:
            raise Refused("the signature is wrong")

    @staticmethod
    def arrived():
        """What was sent, and the binding it was sent by."""
        if request.method == "POST":
            return request.form.to_dict(), BINDING_HTTP_POST
        return request.args.to_dict(), BINDING_HTTP_REDIRECT

    # ---- Sign-in -------------------------------------------------------------

    def sso(self):
        values, binding = self.arrived()
        if "SAMLRequest" not in values:
            raise Refused("there is no SAMLRequest")
        return self.sign_in(values, binding)

    def sign_in(self, values, binding, typed=None):
        """Answers an AuthnRequest at once, or asks for the password first."""
        parsed = self.receive(
            self.provider_parse("parse_authn_request"), "SAMLRequest", values, binding
        ).message
        provider = self.provider
        answer = provider.response_args(parsed, [BINDING_HTTP_POST])
        answer.pop("binding")
        relay_state = values.get("RelayState", "")
        broker = AuthnBroker()
        # Over http as well: what is asked for is judged by what was typed.
        broker.add(authn_context_class_ref(PASSWORDPROTECTEDTRANSPORT), "password", 3)
        broker.add(authn_context_class_ref(PASSWORD), "password", 2)
        broker.add(authn_context_class_ref(UNSPECIFIED), "password", 1)
        context = broker.pick(parsed.requested_authn_context)
        if not context:
            return self.send_error(answer, relay_state, samlp.STATUS_NO_AUTHN_CONTEXT)
        asked = parsed.name_id_policy and parsed.name_id_policy.format
        if asked and asked not in NAME_IDS.values():
            return self.send_error(answer, relay_state, samlp.STATUS_INVALID_NAMEID_POLICY)
        session = typed or self.sessions.get(request.cookies.get(self.cookie))
        forced = parsed.force_authn in ("true", "1") and not typed
        if session and not forced:
            class_ref = broker[context[0][1]]["class_ref"]
            if class_ref == UNSPECIFIED:
                class_ref = PASSWORDPROTECTEDTRANSPORT
            return self.send_assertion(session, answer, relay_state, asked, class_ref)
        if parsed.is_passive in ("true", "1"):
            return self.send_error(answer, relay_state, samlp.STATUS_NO_PASSIVE)
        return self.ask({**values, "binding": binding})

    def provider_parse(self, name):
        """By name, since the provider may be rebuilt before it is called."""
        return lambda *arguments_, **named: getattr(self.provider, name)(*arguments_, **named)

    def ask(self, hidden, error=""):
        alert = f'<p role="alert">{html.escape(error)}</p>' if error else ""
        names = ("SAMLRequest", "RelayState", "SigAlg", "Signature", "binding", "sp")
        inputs = "\n".join(
            f'<input type="hidden" name="{name}" value="{html.escape(hidden[name])}">'
            for name in names
            if name in hidden
        )
        return page(
            f"Sign in at {self.base}",
            f"""{alert}
<form method="post" action="/login">
{inputs}
<p><label>User name <input name="login" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password"
 autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button></p>
</form>""",
        )

    def login(self):
        values = request.form.to_dict()
        username, password = values.pop("login", ""), values.pop("password", "")
        if username not in self.users or password != f"password-of-{username}":
            return self.ask(values, "Wrong user name or password.")
        before = self.sessions.pop(request.cookies.get(self.cookie), None)
        session = Session(username, time.time())
        if before and before.username == username:
            session.services = before.services
        if "SAMLRequest" in values:
            binding = values.pop("binding", BINDING_HTTP_POST)
            response = self.sign_in(values, binding, session)
        else:
            response = self.send_unasked(session, values)
        name = secrets.token_urlsafe(24)
        self.sessions[name] = session
        secure = self.base.startswith("https:")
        # A service provider elsewhere sends people here by POST as well.
        response.set_cookie(
            self.cookie, name, httponly=True, path="/",
            secure=secure, samesite="None" if secure else "Lax",
        )
        return response

    def initiated(self):
        session = self.sessions.get(request.cookies.get(self.cookie))
        values = request.args.to_dict()
        if session is None:
            return self.ask(values)
        return self.send_unasked(session, values)

    def send_unasked(self, session, values):
        self.fetch()
        services = self.provider.metadata.with_descriptor("spsso")
        sp = values.get("sp") or next(iter(services), "")
        if sp not in services:
            raise Refused(f"no service provider {sp}")
        consumers = self.provider.metadata.assertion_consumer_service(sp, BINDING_HTTP_POST)
        answer = {
            "in_response_to": None,
            "sp_entity_id": sp,
            "name_id_policy": None,
            "destination": consumers[0]["location"],
        }
        return self.send_assertion(
            session, answer, values.get("RelayState", ""), None, PASSWORDPROTECTEDTRANSPORT
        )

    def name_id(self, username, sp, asked):
        kind = asked if asked and asked != NAMEID_FORMAT_UNSPECIFIED else NAME_IDS[self.options.name_id]
        person = self.users[username]
        ident = self.provider.ident
        if kind == NAMEID_FORMAT_TRANSIENT:
            return ident.transient_nameid(username, sp, self.entity_id)
        name_id = saml.NameID(format=kind)
        if kind == NAMEID_FORMAT_EMAILADDRESS:
            name_id.text = person.get("mail") or person.get("email") or f"{username}@example.com"
        elif kind == NAMEID_FORMAT_UNSPECIFIED:
            name_id.text = person.get("name_id", username)
        else:
            # pysaml2 draws these by lot; they have to outlive the process.
            pairwise = "|".join((self.entity_id, sp, username)).encode()
            name_id.text = person.get("name_id", hashlib.sha256(pairwise).hexdigest())
            name_id.name_qualifier = self.entity_id
            name_id.sp_name_qualifier = sp
        if ident.find_local_id(name_id) is None:
            ident.store(username, name_id)
        return name_id

    def send_assertion(self, session, answer, relay_state, asked, class_ref):
        provider = self.provider
        sp = answer["sp_entity_id"]
        encrypt = self.options.encrypt != "none"
        if encrypt and not provider.has_encrypt_cert_in_metadata(sp):
            raise Refused(f"{sp} has no certificate to encrypt for")
        name_id = self.name_id(session.username, sp, asked)
        person = self.users[session.username]
        response = provider.create_authn_response(
            {name: value for name, value in person.items() if name != "name_id"},
            name_id=name_id,
            userid=session.username,
            authn={"class_ref": class_ref, "authn_instant": int(session.since)},
            encrypt_assertion=encrypt,
            **answer,
        )
        statements = provider.session_db.get_authn_statements(name_id)
        # Each is a list of statements; the latest is the one just made.
        session.services[sp] = (name_id, [statements[-1][0].session_index])
        return self.send(BINDING_HTTP_POST, response, answer["destination"], relay_state, True)

    def send_error(self, answer, relay_state, code):
        response = self.provider.create_error_response(
            answer["in_response_to"], answer["destination"], (code, "refused"), sign=True
        )
        return self.send(BINDING_HTTP_POST, response, answer["destination"], relay_state, True)

    def send(self, binding, message, destination, relay_state, is_response):
        info = self.provider.apply_binding(
            binding,
            str(message),
            destination,
            relay_state,
            response=is_response,
            sign=binding == BINDING_HTTP_REDIRECT,
        )
        if binding == BINDING_HTTP_REDIRECT:
            return redirect(dict(info["headers"])["Location"], 303)
        return Response(info["data"], 200, {"Cache-Control": "no-store"}, mimetype="text/html")

    # ---- Logout --------------------------------------------------------------

    def logout(self):
        """The person ends the session here, at the provider."""
        session = self.sessions.pop(request.cookies.get(self.cookie), None)
        preferred = BINDINGS.get(request.args.get("binding", "redirect"))
        if session is None:
            return page("Signed out", "<p>Nobody was signed in.</p>")
        return self.next_logout(Logout(list(session.services.items())), preferred)

    def slo(self):
        values, binding = self.arrived()
        if "SAMLRequest" in values:
            return self.asked_to_log_out(values, binding)
        if "SAMLResponse" not in values:
            raise Refused("there is neither a SAMLRequest nor a SAMLResponse")
        response = self.receive(
            self.provider_parse("parse_logout_request_response"), "SAMLResponse", values, binding
        )
        logout = self.logouts.pop(values.get("RelayState"), None)
        if logout is None or response.response.in_response_to != logout.expected:
            raise Refused("nobody asked for that logout")
        if response.response.status.status_code.value != samlp.STATUS_SUCCESS:
            logout.partial = True
        return self.next_logout(logout, binding)

    def asked_to_log_out(self, values, binding):
        parsed = self.receive(
            self.provider_parse("parse_logout_request"), "SAMLRequest", values, binding
        ).message
        if binding == BINDING_HTTP_REDIRECT and "Signature" not in values:
            raise Refused("a LogoutRequest has to be signed")
        if binding == BINDING_HTTP_POST and parsed.signature is None:
            raise Refused("a LogoutRequest has to be signed")
        sp = parsed.issuer.text.strip()
        username = self.provider.ident.find_local_id(parsed.name_id)
        indexes = {one.text for one in parsed.session_index}
        ended = {}
        for name, session in list(self.sessions.items()):
            _, known = session.services.get(sp, (None, []))
            if session.username == username and known and (not indexes or indexes & set(known)):
                self.sessions.pop(name, None)
                ended.update(session.services)
        ended.pop(sp, None)
        origin = (parsed, binding, values.get("RelayState", ""), username is not None)
        return self.next_logout(Logout(list(ended.items()), origin), binding)

    def next_logout(self, logout, preferred):
        """Sends the browser to the next service provider, or to the end."""
        while logout.services:
            sp, (name_id, indexes) = logout.services.pop(0)
            for binding in (preferred, BINDING_HTTP_REDIRECT, BINDING_HTTP_POST):
                offered = self.provider.metadata.single_logout_service(sp, binding, "spsso")
                if offered:
                    break
            else:
                logout.partial = True
                continue
            destination = offered[0]["location"]
            logout.expected, message = self.provider.create_logout_request(
                destination,
                sp,
                name_id=name_id,
                session_indexes=indexes,
                sign=binding == BINDING_HTTP_POST,
            )
            name = rndstr(24)
            self.logouts[name] = logout
            return self.send(binding, message, destination, name, False)
        if logout.origin is None:
            note = " Not every application has confirmed it." if logout.partial else ""
            return page("Signed out", f"<p>You are signed out.{note}</p>")
        return self.answer_logout(logout)

    def answer_logout(self, logout):
        parsed, binding, relay_state, known = logout.origin
        code, status = samlp.STATUS_SUCCESS, None
        if not known:
            code, status = samlp.STATUS_REQUESTER, samlp.STATUS_UNKNOWN_PRINCIPAL
        elif logout.partial:
            status = samlp.STATUS_PARTIAL_LOGOUT
        inner = samlp.StatusCode(value=status) if status else None
        args = self.provider.response_args(parsed, [binding, BINDING_HTTP_REDIRECT, BINDING_HTTP_POST])
        response = self.provider.create_logout_response(
            parsed,
            bindings=[args["binding"]],
            status=samlp.Status(status_code=samlp.StatusCode(value=code, status_code=inner)),
            sign=args["binding"] == BINDING_HTTP_POST,
        )
        return self.send(args["binding"], response, args["destination"], relay_state, True)

    # ---- Control -------------------------------------------------------------

    def control_keys(self):
        work = {"add": self.keys.add, "switch": self.keys.switch, "retire": self.keys.retire}
        wanted = request.args.get("do")
        if wanted not in work:
            raise Refused(f"do is one of {', '.join(work)}")
        work[wanted]()
        self.rebuild()
        return jsonify(self.keys.report())

    def control_options(self):
        for name, value in request.args.items():
            name = name.replace("-", "_")
            if value not in CHOICES.get(name, ()):
                raise Refused(f"{name} is not one of {', '.join(CHOICES.get(name, ()))}")
            setattr(self.options, name, value)
        self.rebuild()
        return jsonify({name: getattr(self.options, name) for name in CHOICES})

    def control_services(self):
        self.services.clear()
        self.fetch()
        return jsonify(list(self.provider.metadata.with_descriptor("spsso")))

    @staticmethod
    def refuse(error):
        logging.error("refused: %s", error)
        return page("Something went wrong", f"<p>{html.escape(str(error))}</p>", 400)


def die_with_parent(end):
    """The kernel closes our stdin when the test that started us is gone."""

    def watch():
        while sys.stdin.buffer.read(1024):
            pass
        end()

    threading.Thread(target=watch, daemon=True).start()


def listen(options, app):
    """A thread for each connection; waitress, which serves the other, has no TLS."""
    server = make_server(options.host, options.port, app, threaded=True)
    if options.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_cert, options.tls_key)
        # The handshake belongs to the connection's own thread: a browser that
        # connects and stays silent would keep everybody else waiting.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        server.ssl_context = context
    return server


def main():
    options = arguments()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if shutil.which("xmlsec1") is None:
        sys.exit("xmlsec1 is not installed")
    if bool(options.tls_cert) != bool(options.tls_key):
        sys.exit("--tls-cert and --tls-key belong together")
    if bool(options.signing_cert) != bool(options.signing_key):
        sys.exit("--signing-cert and --signing-key belong together")

    with open(options.users, encoding="utf-8") as file:
        users = json.load(file)
    folder = options.state or tempfile.mkdtemp(prefix="saml_idp-")
    os.makedirs(folder, exist_ok=True)

    def end(*_):
        if not options.state:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if not options.stay:
        die_with_parent(end)

    # Our addresses have the port in them, so the server is bound before there
    # is a provider to serve; it answers nothing until serve_forever() below.
    application = Application(options, users, folder)
    server = listen(options, application.app)
    port = server.server_port
    scheme = "https" if options.tls_cert else "http"
    base = f"{scheme}://{options.issuer_host or options.host}:{port}"
    given = (options.signing_cert, options.signing_key) if options.signing_cert else None
    application.serve(base, port, given)
    print(json.dumps({
        "ready": True,
        "port": port,
        "issuer": application.entity_id,
        "base": base,
        "metadata": f"{base}/metadata",
    }), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
