// An OpenID provider on the npm package oidc-provider (panva).
//
//   node oidc_provider.mjs --client-id ID --redirect-uri URI [--redirect-uri URI]
//        --users FILE [--client-secret SECRET] [--port N] [--host ADDRESS]
//        [--issuer-host NAME | --issuer URL] [--jwks FILE] [--stay]
//        [--post-logout-redirect-uri URI] [--backchannel-logout-uri URI]
//
// --issuer is the address it has behind a proxy that tells by X-Forwarded-* how it was reached.
// Without --client-secret the client is public and must use PKCE.
// The password of every user is "password-of-<username>".

import {
  args, dieWithParent, escapeHtml, flag, keepStdoutClean, list, listen, readBody, readJson,
  ready, required, text,
} from './common.mjs';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const options = args({
  port: text('0'),
  host: text('127.0.0.1'),
  'issuer-host': text(),
  issuer: text(),
  'client-id': text(),
  'client-secret': text(),
  'redirect-uri': list(),
  'post-logout-redirect-uri': list(),
  'backchannel-logout-uri': text(),
  users: text(),
  jwks: text(),
  stay: flag(),
});
required(options, 'client-id', 'redirect-uri', 'users');
keepStdoutClean();
dieWithParent(options.stay);

const users = readJson(options.users);

// ---- Keys -------------------------------------------------------------------

function signingKeys(file) {
  if (file && existsSync(file)) return readJson(file);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = {
    keys: [{
      ...privateKey.export({ format: 'jwk' }),
      kid: randomBytes(8).toString('hex'),
      alg: 'RS256',
      use: 'sig',
    }],
  };
  if (file) {
    // Renamed into place: a SIGKILL in between must not leave half a file.
    writeFileSync(`${file}.new`, JSON.stringify(keys), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return keys;
}

// ---- Storage ----------------------------------------------------------------

// The library's own in-memory store forgets everything but the latest 1000
// records, which a load of 20 logins a second fills in seconds: people would
// lose their session at the provider. This one forgets by age only.
const records = new Map();
setInterval(() => {
  const now = Date.now();
  for (const [key, record] of records) if (record.expires <= now) records.delete(key);
}, 30_000).unref();

class MemoryAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  static live(key) {
    const record = records.get(key);
    return record && record.expires > Date.now() ? record.payload : undefined;
  }

  async upsert(id, payload, expiresIn) {
    const expires = Date.now() + (expiresIn ?? 86_400) * 1000;
    records.set(this.key(id), { payload, expires });
    if (this.model === 'Session') records.set(`uid:${payload.uid}`, { payload: id, expires });
    if (payload.grantId) {
      const key = `grant:${payload.grantId}`;
      records.set(key, { payload: [...(MemoryAdapter.live(key) ?? []), this.key(id)], expires });
    }
  }

  async find(id) {
    return MemoryAdapter.live(this.key(id));
  }

  async findByUid(uid) {
    return this.find(MemoryAdapter.live(`uid:${uid}`));
  }

  async findByUserCode() {
    return undefined; // the device flow is not offered
  }

  async consume(id) {
    const payload = MemoryAdapter.live(this.key(id));
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    records.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of MemoryAdapter.live(`grant:${grantId}`) ?? []) records.delete(key);
    records.delete(`grant:${grantId}`);
  }
}

// ---- Claims -----------------------------------------------------------------

const standardScopes = {
  address: ['address'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  profile: ['birthdate', 'family_name', 'gender', 'given_name', 'locale', 'middle_name', 'name',
    'nickname', 'picture', 'preferred_username', 'profile', 'updated_at', 'website', 'zoneinfo'],
};

// Claims that no standard scope knows (groups, ...) come with every login, as
// administrators commonly set it up; the standard ones with their own scope.
function claimsByScope() {
  const standard = new Set(Object.values(standardScopes).flat());
  const own = new Set(['sub']);
  for (const claims of Object.values(users)) {
    for (const name of Object.keys(claims)) if (!standard.has(name)) own.add(name);
  }
  return { openid: [...own], ...standardScopes };
}

async function findAccount(_ctx, username) {
  if (!Object.hasOwn(users, username)) return undefined;
  return {
    accountId: username,
    claims: async () => ({ sub: username, ...users[username] }),
  };
}

// ---- Pages ------------------------------------------------------------------

function page(title, content) {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;
}

const loginPage = (uid, issuer, login = '', error = '') => page(`Sign in at ${issuer}`, `
${error && `<p role="alert">${escapeHtml(error)}</p>`}
<form method="post" action="/interaction/${encodeURIComponent(uid)}">
<p><label>User name <input name="login" autocomplete="username" required value="${escapeHtml(login)}"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button></p>
</form>`);

function sendPage(response, status, html) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(html);
}

// ---- Provider ---------------------------------------------------------------

function createProvider(issuer, port) {
  const secret = options['client-secret'];
  // Browsers keep cookies by host name and ignore the port, so two providers
  // on one address would overwrite each other's without names of their own.
  const cookie = (name) => `op${port}_${name}`;
  const provider = new Provider(issuer, {
    adapter: MemoryAdapter,
    clients: [{
      client_id: options['client-id'],
      redirect_uris: options['redirect-uri'],
      post_logout_redirect_uris: options['post-logout-redirect-uri'] ?? [],
      ...(options['backchannel-logout-uri']
        ? { backchannel_logout_uri: options['backchannel-logout-uri'], backchannel_logout_session_required: true }
        : {}),
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      ...(secret
        ? { client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' }
        : { token_endpoint_auth_method: 'none' }),
    }],
    jwks: signingKeys(options.jwks),
    findAccount,
    claims: claimsByScope(),
    // Also into the ID token, not only into the answer of userinfo.
    conformIdTokenClaims: false,
    cookies: {
      keys: [randomBytes(16).toString('hex')],
      names: { interaction: cookie('interaction'), resume: cookie('resume'), session: cookie('session') },
    },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    responseTypes: ['code'],
    // Whoever has logged in has consented: no second page.
    async loadExistingGrant(ctx) {
      const { client, session, provider: self } = ctx.oidc;
      const existing = session.grantIdFor(client.clientId);
      const grant = (existing && await self.Grant.find(existing))
        || new self.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope(['openid', 'offline_access', ...Object.keys(standardScopes)].join(' '));
      await grant.save();
      return grant;
    },
    pkce: {
      methods: ['S256'],
      required: (_ctx, client) => client.tokenEndpointAuthMethod === 'none',
    },
    async renderError(ctx, out) {
      ctx.type = 'html';
      ctx.body = page('Something went wrong', `<p>${escapeHtml(out.error)}: ${
        escapeHtml(out.error_description ?? '')}</p>`);
    },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
  });
  if (options.issuer) provider.proxy = true;
  provider.on('server_error', (_ctx, error) => console.error(error));
  return provider;
}

async function interaction(provider, request, response) {
  let details;
  try {
    details = await provider.interactionDetails(request, response);
  } catch (error) {
    // The person's login page is older than this process, or its cookie is gone.
    sendPage(response, 400, page('This sign-in has expired', `<p>${escapeHtml(error.error ?? error.message)}</p>`));
    return;
  }
  if (request.method !== 'POST') {
    sendPage(response, 200, loginPage(details.uid, provider.issuer));
    return;
  }
  const form = new URLSearchParams((await readBody(request)).toString('utf8'));
  const login = form.get('login') ?? '';
  if (!Object.hasOwn(users, login) || form.get('password') !== `password-of-${login}`) {
    sendPage(response, 200, loginPage(details.uid, provider.issuer, login, 'Wrong user name or password.'));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: login } });
}

// The issuer's URL has the port in it, so the server listens before there is
// a provider to serve; nobody knows the address before the ready line.
const server = createServer();
const port = await listen(server, options.port, options.host);
const issuer = options.issuer ?? `http://${options['issuer-host'] ?? options.host}:${port}`;
const provider = createProvider(issuer, port);
const serve = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    serve(request, response);
    return;
  }
  interaction(provider, request, response).catch((error) => {
    console.error(error);
    if (response.headersSent) response.destroy();
    else sendPage(response, 500, page('Something went wrong', '<p>server_error</p>'));
  });
});
ready({ port, issuer });
