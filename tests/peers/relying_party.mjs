// A relying party on the npm package openid-client: a small web application
// that lets nobody in without a login at its issuer.
//
//   node relying_party.mjs --issuer URL --client-id ID [--client-secret SECRET]
//        [--port N] [--host ADDRESS] [--name NAME] [--scope SCOPES] [--stay]
//
// Without --client-secret it is a public client. PKCE, state and nonce are
// used in any case. --name is the host name in its redirect URI.

import {
  args, dieWithParent, flag, keepStdoutClean, listen, parseCookies, ready, required, sendJson, text,
} from './common.mjs';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import * as client from 'openid-client';

const options = args({
  port: text('0'),
  host: text('127.0.0.1'),
  name: text(),
  issuer: text(),
  'client-id': text(),
  'client-secret': text(),
  scope: text('openid profile email'),
  stay: flag(),
});
required(options, 'issuer', 'client-id');
keepStdoutClean();
dieWithParent(options.stay);

const LOGIN_LIFETIME = 600_000; // how long a person may take to log in
const sessions = new Map(); // session id -> what the login said
const logins = new Map(); // state -> a login under way

setInterval(() => {
  const now = Date.now();
  for (const [state, login] of logins) if (login.expires <= now) logins.delete(state);
}, 30_000).unref();

// ---- Issuer -----------------------------------------------------------------

let discovered;

// Asked for at the first login, so that this process may be started before its
// issuer; a discovery that failed is not remembered.
function configuration() {
  discovered ??= discover().catch((error) => {
    discovered = undefined;
    throw error;
  });
  return discovered;
}

async function discover() {
  const secret = options['client-secret'];
  const config = await client.discovery(
    new URL(options.issuer),
    options['client-id'],
    undefined,
    secret === undefined ? client.None() : client.ClientSecretBasic(secret),
    { execute: [client.allowInsecureRequests], timeout: 10 },
  );
  // By default the library trusts the connection the ID token came over, and
  // does not look at its signature.
  client.enableNonRepudiationChecks(config);
  return config;
}

// ---- Login ------------------------------------------------------------------

let origin;
let sessionCookie; // named after the port, because cookies are not kept by port

const cookie = (name, value, attributes = '') => `${name}=${value}; HttpOnly; SameSite=Lax${attributes}`;
const loginCookie = (state) => `${sessionCookie}_${state}`;

async function startLogin(request, response) {
  const config = await configuration();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const verifier = client.randomPKCECodeVerifier();
  const browser = randomBytes(16).toString('hex');
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: `${origin}/callback`,
    scope: options.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  logins.set(state, {
    nonce, verifier, browser, askedFor: request.url, expires: Date.now() + LOGIN_LIFETIME,
  });
  response.writeHead(302, {
    location: url.href,
    'cache-control': 'no-store',
    'set-cookie': cookie(loginCookie(state), browser, '; Path=/callback'),
  });
  response.end();
}

async function finishLogin(request, response, url) {
  const state = url.searchParams.get('state') ?? '';
  const login = logins.get(state);
  // The login belongs to the browser that began it, and to no other.
  if (!login || parseCookies(request.headers.cookie).get(loginCookie(state)) !== login.browser) {
    sendJson(response, 400, { error: 'unknown_state', error_description: 'no login of this browser has that state' });
    return;
  }
  logins.delete(state);

  const config = await configuration();
  const tokens = await client.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: login.verifier,
    expectedState: state,
    expectedNonce: login.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);

  const session = randomBytes(24).toString('hex');
  sessions.set(session, { sub: claims.sub, id_token_claims: claims, userinfo });
  response.writeHead(303, {
    location: login.askedFor,
    'cache-control': 'no-store',
    'set-cookie': [
      cookie(sessionCookie, session, '; Path=/'),
      cookie(loginCookie(state), '', '; Path=/callback; Max-Age=0'),
    ],
  });
  response.end();
}

// The issuer's word that it will not (400) is told apart from an issuer that
// is not there, or answers nonsense (502).
function sendError(response, error) {
  if (error instanceof client.AuthorizationResponseError) {
    sendJson(response, 400, { error: error.error, error_description: error.error_description });
    return;
  }
  const name = error.error ?? error.code ?? error.cause?.code ?? error.name;
  sendJson(response, 502, {
    error: String(name),
    error_description: error.error_description ?? error.message,
    ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
  });
}

async function handle(request, response) {
  const url = new URL(request.url, origin);
  if (url.pathname === '/callback') {
    await finishLogin(request, response, url);
    return;
  }
  const session = sessions.get(parseCookies(request.headers.cookie).get(sessionCookie));
  if (session) sendJson(response, 200, session);
  else await startLogin(request, response);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    if (response.headersSent) response.destroy();
    else sendError(response, error);
  });
});
const port = await listen(server, options.port, options.host);
origin = `http://${options.name ?? options.host}:${port}`;
sessionCookie = `rp${port}`;
ready({ port, url: `${origin}/`, redirect_uri: `${origin}/callback` });
