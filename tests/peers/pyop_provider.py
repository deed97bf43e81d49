"""An OpenID provider on pyop: a second implementation, unlike the first one.

    python pyop_provider.py --client-id ID --redirect-uri URI [--redirect-uri URI]
        --users FILE [--client-secret SECRET] [--port N] [--host ADDRESS]
        [--issuer-host NAME] [--jwks FILE] [--stay]

Without --client-secret the client is public. The password of every user is
"password-of-<username>". Every claim in the users file is released with the
scope openid, whatever its name and shape, in the ID token and by userinfo.
"""

import argparse
import html
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from urllib.parse import urlencode

from Cryptodome.PublicKey import RSA
from flask import Flask, Response, jsonify, redirect, request
from jwkest.jwk import RSAKey
from pyop.authz_state import AuthorizationState
from pyop.exceptions import (
    BearerTokenError,
    InvalidAccessToken,
    InvalidAuthenticationRequest,
    OAuthError,
)
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo
from waitress.server import create_server

THREADS = 8


def arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--issuer-host")
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret")
    parser.add_argument("--redirect-uri", action="append", required=True)
    parser.add_argument("--users", required=True)
    parser.add_argument("--jwks")
    parser.add_argument("--stay", action="store_true")
    return parser.parse_args()


def signing_key(path):
    """The RSA key: kept in the file when one is named, else made anew."""
    if path and os.path.exists(path):
        with open(path, encoding="ascii") as file:
            kept = json.load(file)
        return RSAKey(key=RSA.import_key(kept["pem"]), alg="RS256", use="sig", kid=kept["kid"])
    key = RSA.generate(2048)
    kid = secrets.token_hex(8)
    if path:
        # Renamed into place: a SIGKILL in between must not leave half a file.
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump({"kid": kid, "pem": key.export_key().decode("ascii")}, file)
        os.chmod(path + ".new", 0o600)
        os.replace(path + ".new", path)
    return RSAKey(key=key, alg="RS256", use="sig", kid=kid)


def make_provider(options, issuer, users):
    client = {
        "redirect_uris": options.redirect_uri,
        "response_types": ["code"],
        "subject_type": "public",
        "token_endpoint_auth_method": "client_secret_basic" if options.client_secret else "none",
    }
    if options.client_secret:
        client["client_secret"] = options.client_secret

    state = AuthorizationState(HashBasedSubjectIdentifierFactory(secrets.token_hex(16)))
    # pyop looks a user up by walking over this dictionary; filled beforehand,
    # it does not change its size while another thread is walking.
    for username, claims in users.items():
        state.subject_identifiers[username] = {"public": claims["sub"]}

    released = sorted({name for claims in users.values() for name in claims})
    provider = Provider(
        signing_key(options.jwks),
        {
            "issuer": issuer.replace("http:", "https:"),
            "authorization_endpoint": f"{issuer}/authorization",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_parameter_supported": True,
            "request_uri_parameter_supported": False,
        },
        state,
        {options.client_id: client},
        Userinfo(users),
        extra_scopes={"openid": released},
    )
    # Its constructor insists on https, nothing after that does; on the loopback
    # address there is none.
    provider.configuration_information["issuer"] = issuer
    return provider


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


def login_page(issuer, query, login="", error=""):
    alert = f'<p role="alert">{html.escape(error)}</p>' if error else ""
    return page(
        f"Sign in at {issuer}",
        f"""{alert}
<form method="post" action="/login">
<input type="hidden" name="request" value="{html.escape(query)}">
<p><label>User name <input name="login" autocomplete="username" required
 value="{html.escape(login)}"></label></p>
<p><label>Password <input name="password" type="password"
 autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button></p>
</form>""",
    )


class Application:
    """The endpoints. The provider is set once the server knows its port."""

    def __init__(self, users):
        self.users = users
        self.provider = None
        self.issuer = None
        self.cookie = None
        self.sessions = {}  # cookie value -> (username, when the password was typed)

        app = self.app = Flask("pyop_provider")
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.discovery)
        app.add_url_rule("/jwks", view_func=self.jwks)
        app.add_url_rule("/authorization", view_func=self.authorization, methods=["GET", "POST"])
        app.add_url_rule("/login", view_func=self.login, methods=["POST"])
        app.add_url_rule("/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/userinfo", view_func=self.userinfo, methods=["GET", "POST"])
        app.register_error_handler(InvalidAuthenticationRequest, self.refuse)

    def serve(self, provider, issuer, port):
        self.provider = provider
        self.issuer = issuer
        # Browsers keep cookies by host name and ignore the port, so two
        # providers on one address need names of their own.
        self.cookie = f"pyop{port}_session"

    def discovery(self):
        return jsonify(self.provider.provider_configuration.to_dict())

    def jwks(self):
        return jsonify(self.provider.jwks)

    def authorization(self):
        query = urlencode(list(request.values.items(multi=True)))
        parsed = self.provider.parse_authentication_request(query)
        prompt = parsed.get("prompt", [])
        username, since = self.sessions.get(request.cookies.get(self.cookie), (None, 0))
        stale = "max_age" in parsed and time.time() - since > int(parsed["max_age"])
        if username and "login" not in prompt and not stale:
            return self.answer(parsed, username, since)
        if "none" in prompt:
            return self.send_back(
                parsed,
                {"error": "login_required", "state": parsed.get("state")},
            )
        return login_page(self.issuer, query)

    def login(self):
        query = request.form.get("request", "")
        parsed = self.provider.parse_authentication_request(query)
        username = request.form.get("login", "")
        password = request.form.get("password", "")
        if username not in self.users or password != f"password-of-{username}":
            return login_page(self.issuer, query, username, "Wrong user name or password.")
        now = time.time()
        session = secrets.token_urlsafe(24)
        self.sessions[session] = (username, now)
        response = self.answer(parsed, username, now)
        response.set_cookie(self.cookie, session, httponly=True, samesite="Lax", path="/")
        return response

    def answer(self, parsed, username, since):
        """The person is known: send the browser back with a code."""
        answer = self.provider.authorize(parsed, username)
        # The token request has no browser in it; what it must say about the
        # login is put aside under the code.
        self.provider.authz_state.authorization_codes[answer["code"]]["auth_time"] = int(since)
        return self.send_back(parsed, answer.to_dict())

    def send_back(self, parsed, answer):
        answer = {name: value for name, value in answer.items() if value is not None}
        if parsed.get("response_mode") == "form_post":
            inputs = "\n".join(
                f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(str(value))}">'
                for name, value in answer.items()
            )
            return page(
                "Signed in",
                f"""<form method="post" action="{html.escape(parsed["redirect_uri"])}">
{inputs}
<noscript><button type="submit">Continue</button></noscript>
</form>
<script>document.forms[0].submit()</script>""",
            )
        joiner = "&" if "?" in parsed["redirect_uri"] else "?"
        return redirect(f"{parsed['redirect_uri']}{joiner}{urlencode(answer)}", 302)

    def token(self):
        body = request.get_data(as_text=True)
        code = self.provider.authz_state.authorization_codes.get(request.form.get("code"), {})

        def claims_for(username, _client_id):
            claims = {name: value for name, value in self.users[username].items() if name != "sub"}
            if "auth_time" in code:
                claims["auth_time"] = code["auth_time"]
            return claims

        headers = dict(request.headers)
        # pyop decodes the credentials with the alphabet for URLs only, which
        # silently drops the two characters that differ.
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            credentials = credentials.replace("+", "-").replace("/", "_")
            headers["Authorization"] = f"{scheme} {credentials}"
        try:
            answer = self.provider.handle_token_request(body, headers, claims_for)
        except OAuthError as error:
            status = 401 if error.oauth_error == "invalid_client" else 400
            return self.error(status, error.oauth_error, error)
        response = jsonify(answer.to_dict())
        response.headers["Cache-Control"] = "no-store"
        return response

    def userinfo(self):
        body = request.get_data(as_text=True)
        try:
            answer = self.provider.handle_userinfo_request(body, dict(request.headers))
        except (BearerTokenError, InvalidAccessToken) as error:
            response = self.error(401, "invalid_token", error)
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return response
        return jsonify(answer.to_dict())

    @staticmethod
    def error(status, name, error):
        response = jsonify(error=name, error_description=str(error))
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
        return response

    @staticmethod
    def refuse(error):
        """A bad authorization request: told to the client where that is safe."""
        back = error.to_error_url()
        if back:
            return redirect(back, 303)
        return page("Something went wrong", f"<p>{html.escape(str(error))}</p>", 400)


def die_with_parent():
    """The kernel closes our stdin when the test that started us is gone."""

    def watch():
        while sys.stdin.buffer.read(1024):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main():
    options = arguments()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    if not options.stay:
        die_with_parent()

    with open(options.users, encoding="utf-8") as file:
        users = {name: {"sub": name, **claims} for name, claims in json.load(file).items()}

    # The issuer's URL has the port in it, so the server is bound before there
    # is a provider to serve; it answers nothing until run() below.
    application = Application(users)
    try:
        server = create_server(
            application.app, host=options.host, port=options.port, threads=THREADS, ident=None
        )
    except OSError as error:
        sys.exit(f"cannot listen on {options.host}:{options.port}: {error}")
    port = int(server.effective_port)
    issuer = f"http://{options.issuer_host or options.host}:{port}"
    application.serve(make_provider(options, issuer, users), issuer, port)
    print(json.dumps({"ready": True, "port": port, "issuer": issuer}), flush=True)
    server.run()


if __name__ == "__main__":
    main()
