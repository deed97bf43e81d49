// The load driver: a steady stream of people logging in, each in a browser of
// their own, with cookies, redirects and forms handled as Chromium does.
//
//   node logins.mjs --app URL [--app URL] --rate 20 --seconds 60
//        (--user alice | --users FILE) [--expect FILE] [--provider-host HOST:PORT]
//        [--timeout-ms 15000] [--reload-after-ms 0] [--member-header NAME] [--out FILE]
//
// --app       where a person begins; several are used in turn
// --users     JSON, an object by user name or a list of user names, used in turn
// --expect    JSON, {"<app URL>": {"<dotted path>": value}}: what the JSON answer
//             must say in the end. "{user}" inside a value becomes the user name;
//             null also means absent; an entry "<app URL> <user>" goes before
//             "<app URL>" for that user.
// --out       one line of JSON per login: {start_ms, ms, outcome, ...}
//
// A login is good when the browser ends at the URL first asked for, with status
// 200 and exactly the expected values. When the first try ends in anything else
// the person reloads that URL once, in the same browser; what counts is where
// that leads. A first try that came to its end at a --provider-host is counted
// as stood_on_dead_page when the reload was good. Nothing but failures (neither
// try was good) makes the exit code 1.

import {
  args, list, readJson, required, text,
} from './common.mjs';
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import http from 'node:http';
import https from 'node:https';

const MAX_HOPS = 30;
const MAX_BODY = 4 << 20;
const MAX_PASSWORDS = 2; // typed per try; a third login form means it was refused
const LAX_POST_MS = 120_000; // Chromium's leniency for cookies without SameSite

const options = args({
  app: list(),
  rate: text('20'),
  seconds: text('60'),
  user: list(),
  users: text(),
  expect: text(),
  'provider-host': list(),
  'timeout-ms': text('15000'),
  'reload-after-ms': text('0'),
  'member-header': text(),
  out: text(),
});
required(options, 'app');
const people = [...options.user];
if (options.users) {
  const listed = readJson(options.users);
  people.push(...(Array.isArray(listed) ? listed : Object.keys(listed)));
}
if (people.length === 0) {
  process.stderr.write('--user or --users is required\n');
  process.exit(2);
}
const expectations = options.expect ? readJson(options.expect) : {};
const providerHosts = new Set(options['provider-host']);
const rate = Number(options.rate);
const total = Math.round(rate * Number(options.seconds));
const timeout = Number(options['timeout-ms']);
const reloadAfter = Number(options['reload-after-ms']);

// ---- Cookies ----------------------------------------------------------------

const isAddress = (host) => /^[\d.]+$/.test(host) || host.startsWith('[');

const isLoopback = (host) => host === 'localhost' || host.endsWith('.localhost')
  || /^127\.\d+\.\d+\.\d+$/.test(host) || host === '[::1]';

// "Site" as in SameSite: the registrable domain, and the scheme. The only
// names here end in .localhost, which is a top-level domain like any other.
const siteOf = (url) => {
  const host = url.hostname;
  return `${url.protocol}//${isAddress(host) ? host : host.split('.').slice(-2).join('.')}`;
};

// Secure cookies go over https, and to this machine, which Chromium trusts.
const isTrustworthy = (url) => url.protocol === 'https:' || isLoopback(url.hostname);

const domainMatches = (host, domain) => host === domain
  || (!isAddress(host) && host.endsWith(`.${domain}`));

const pathMatches = (path, prefix) => path === prefix
  || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'));

function defaultPath(url) {
  const end = url.pathname.lastIndexOf('/');
  return end <= 0 ? '/' : url.pathname.slice(0, end);
}

// By host name without the port: that is what browsers do, and what makes two
// servers on one address see each other's cookies.
class Jar {
  cookies = new Map();

  store(url, header) {
    const [pair, ...rest] = header.split(';');
    const at = pair.indexOf('=');
    const name = at < 0 ? '' : pair.slice(0, at).trim();
    const value = pair.slice(at + 1).trim();
    if (name === '' && value === '') return;
    const attributes = new Map();
    for (const part of rest) {
      const equals = part.indexOf('=');
      if (equals < 0) attributes.set(part.trim().toLowerCase(), '');
      else attributes.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
    }

    const host = url.hostname;
    let domain = host;
    let hostOnly = true;
    const asked = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase();
    if (asked !== '') {
      if (!domainMatches(host, asked)) return;
      // A whole top-level domain may not be given cookies, but a host with
      // that very name may have its own.
      if (!asked.includes('.') && asked !== host) return;
      hostOnly = isAddress(host) || !asked.includes('.');
      domain = asked;
    }
    const askedPath = attributes.get('path') ?? '';
    const path = askedPath.startsWith('/') ? askedPath : defaultPath(url);
    const secure = attributes.has('secure');
    if (secure && !isTrustworthy(url)) return;
    if (name.startsWith('__Secure-') && !secure) return;
    if (name.startsWith('__Host-') && !(secure && askedPath === '/' && asked === '')) return;
    const sameSite = (attributes.get('samesite') ?? '').toLowerCase();
    if (sameSite === 'none' && !secure) return;

    let expires = Infinity;
    if (/^-?\d+$/.test(attributes.get('max-age') ?? '')) {
      expires = Date.now() + Number(attributes.get('max-age')) * 1000;
    } else if (attributes.has('expires')) {
      const date = Date.parse(attributes.get('expires'));
      if (!Number.isNaN(date)) expires = date;
    }

    const key = `${domain}|${hostOnly}|${path}|${name}`;
    if (expires <= Date.now()) {
      this.cookies.delete(key);
      return;
    }
    this.cookies.set(key, {
      name, value, domain, hostOnly, path, secure, sameSite, expires,
      created: this.cookies.get(key)?.created ?? Date.now(),
    });
  }

  // `from` is the page whose form led here; null when the person typed the URL
  // or reloaded. As in Chromium, redirects on the way do not count.
  header(url, method, from) {
    const now = Date.now();
    const crossSite = from !== null && siteOf(from) !== siteOf(url);
    const safe = method === 'GET' || method === 'HEAD';
    const matching = [];
    for (const cookie of this.cookies.values()) {
      const { domain, hostOnly, sameSite } = cookie;
      if (cookie.expires <= now) continue;
      if (hostOnly ? url.hostname !== domain : !domainMatches(url.hostname, domain)) continue;
      if (!pathMatches(url.pathname, cookie.path)) continue;
      if (cookie.secure && !isTrustworthy(url)) continue;
      if (crossSite && sameSite === 'strict') continue;
      if (crossSite && sameSite === 'lax' && !safe) continue;
      if (crossSite && !['strict', 'lax', 'none'].includes(sameSite)
        && !safe && now - cookie.created > LAX_POST_MS) continue;
      matching.push(cookie);
    }
    matching.sort((a, b) => b.path.length - a.path.length || a.created - b.created);
    return matching.map(({ name, value }) => (name ? `${name}=${value}` : value)).join('; ');
  }
}

// ---- Forms ------------------------------------------------------------------

const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
const decode = (value) => value.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, number, name) => {
  if (hex) return String.fromCodePoint(parseInt(hex, 16));
  if (number) return String.fromCodePoint(Number(number));
  return named[name.toLowerCase()] ?? all;
});

function attributesOf(tag) {
  const attributes = {};
  for (const [, name, double, single, bare] of tag.matchAll(
    /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g,
  )) {
    const key = name.toLowerCase();
    if (!Object.hasOwn(attributes, key)) attributes[key] = decode(double ?? single ?? bare ?? '');
  }
  return attributes;
}

// The first form of a page: enough of HTML for the forms people log in with.
function firstForm(html) {
  const page = html.replace(/<!--[\s\S]*?-->/g, '');
  const start = /<form\b((?:"[^"]*"|'[^']*'|[^'">])*)>/i.exec(page.replace(/<script\b[\s\S]*?<\/script>/gi, ''));
  if (!start) return null;
  const rest = start.input.slice(start.index + start[0].length);
  const end = rest.search(/<\/form\s*>/i);
  const inside = end < 0 ? rest : rest.slice(0, end);
  const form = { ...attributesOf(start[1]), fields: [], visible: 0, password: null, username: null };
  let submit = null;
  for (const [, element, tag] of inside.matchAll(
    /<(input|button)\b((?:"[^"]*"|'[^']*'|[^'">])*)>/gi,
  )) {
    const field = attributesOf(tag);
    const kind = (field.type ?? (element.toLowerCase() === 'input' ? 'text' : 'submit')).toLowerCase();
    if (['button', 'reset', 'image', 'file'].includes(kind) || field.disabled !== undefined) continue;
    if (kind === 'submit') {
      // Only the button that is pressed is sent: the first one.
      submit ??= field;
      continue;
    }
    if (kind !== 'hidden') form.visible += 1;
    if (!field.name) continue;
    if ((kind === 'checkbox' || kind === 'radio') && field.checked === undefined) continue;
    const entry = { name: field.name, value: field.value ?? (kind === 'checkbox' ? 'on' : '') };
    form.fields.push(entry);
    if (kind === 'password') form.password ??= entry;
    else if (kind !== 'hidden' && ['login', 'username', 'user'].includes(field.name.toLowerCase())) {
      form.username ??= entry;
    }
  }
  if (submit?.name) form.fields.push({ name: submit.name, value: submit.value ?? '' });
  form.posts = /\.submit\s*\(/.test(page);
  return form;
}

// ---- Browser ----------------------------------------------------------------

class Stopped extends Error {}

function send(jar, { url, method, body, from }, deadline) {
  return new Promise((resolve, reject) => {
    const left = deadline - Date.now();
    if (left <= 0) {
      reject(new Stopped('timeout'));
      return;
    }
    const cookies = jar.header(url, method, from);
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method,
      agent: false,
      rejectUnauthorized: false,
      headers: {
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        'accept-language': 'en',
        'user-agent': 'Mozilla/5.0 (logins.mjs)',
        connection: 'close',
        ...(cookies ? { cookie: cookies } : {}),
        ...(method === 'POST' ? {
          origin: from ? from.origin : 'null',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        } : {}),
      },
    });
    const timer = setTimeout(() => request.destroy(new Stopped('timeout')), left);
    const fail = (error) => {
      clearTimeout(timer);
      reject(error instanceof Stopped ? error : new Stopped(error.code ?? error.message));
    };
    request.on('error', fail);
    request.on('response', (response) => {
      const chunks = [];
      let size = 0;
      response.on('data', (chunk) => {
        size += chunk.length;
        if (size <= MAX_BODY) chunks.push(chunk);
        else request.destroy(new Stopped('the page is too large'));
      });
      response.on('error', fail);
      response.on('aborted', () => fail(new Stopped('connection broken off')));
      response.on('end', () => {
        clearTimeout(timer);
        if (!response.complete) {
          fail(new Stopped('connection broken off'));
          return;
        }
        for (const header of response.headers['set-cookie'] ?? []) jar.store(url, header);
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    request.end(body);
  });
}

// Follows one typed URL to wherever it leads. Never throws: a try that came to
// a bad end says where (`at`), how (`error`) and by which way (`chain`).
async function open(jar, start, user) {
  const deadline = Date.now() + timeout;
  const chain = [];
  let next = { url: new URL(start), method: 'GET', body: undefined, from: null };
  let passwords = 0;
  let loginHost;
  let status;
  let body = '';
  const stop = (error) => ({
    error, chain, status, body, loginHost, at: next.url.host,
  });
  try {
    for (let hop = 0; hop < MAX_HOPS; hop += 1) {
      chain.push(`${next.method} ${next.url.href}`);
      status = undefined;
      body = '';
      const { url, from } = next;
      const response = await send(jar, next, deadline);
      ({ status, body } = response);

      const { location } = response.headers;
      if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
        const keep = status === 307 || status === 308;
        next = {
          url: new URL(location, url),
          method: keep ? next.method : 'GET',
          body: keep ? next.body : undefined,
          from,
        };
        next.url.hash = '';
        continue;
      }

      const isHtml = (response.headers['content-type'] ?? '').includes('html');
      const form = isHtml ? firstForm(body) : null;
      // A response by form_post may come with an error status and is posted
      // on all the same; that is the page's own script's doing.
      const selfPosting = form && form.visible === 0 && form.fields.length > 0
        && (status < 400 || form.posts);
      if (form && !selfPosting && form.password && status < 400) {
        passwords += 1;
        if (passwords > MAX_PASSWORDS) return stop('the login was refused');
        if (form.username) form.username.value = user;
        form.password.value = `password-of-${user}`;
        loginHost = url.host;
      } else if (!selfPosting) {
        return status === 200
          ? {
            url, chain, status, body, loginHost, headers: response.headers, at: url.host,
          }
          : stop(`status ${status}`);
      }

      const fields = new URLSearchParams(form.fields.map(({ name, value }) => [name, value])).toString();
      const target = new URL(form.action || url.href, url);
      target.hash = '';
      const post = (form.method ?? 'get').toLowerCase() === 'post';
      if (!post) target.search = fields;
      next = {
        url: target,
        method: post ? 'POST' : 'GET',
        body: post ? fields : undefined,
        from: url,
      };
    }
    return stop('too many redirects');
  } catch (error) {
    return stop(error.message);
  }
}

// ---- Judgement --------------------------------------------------------------

// Claim names may have dots in them, so a key that is the whole rest of the
// path goes before its first part.
function lookUp(value, path) {
  if (value === null || typeof value !== 'object') return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(value, head)) {
      const found = lookUp(value[head], path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const forUser = (value, user) => {
  if (typeof value === 'string') return value.replaceAll('{user}', user);
  if (Array.isArray(value)) return value.map((entry) => forUser(entry, user));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, forUser(v, user)]));
  }
  return value;
};

// What is wrong with where a try ended, or undefined when nothing is.
function wrong(end, app, user) {
  if (end.error) return end.error;
  if (end.url.href !== new URL(app).href) return `ended at ${end.url.href}`;
  const expected = expectations[`${app} ${user}`] ?? expectations[app];
  if (!expected) return undefined;
  let answer;
  try {
    answer = JSON.parse(end.body);
  } catch {
    return 'the answer is not JSON';
  }
  for (const [path, value] of Object.entries(forUser(expected, user))) {
    const found = lookUp(answer, path);
    if (!isDeepStrictEqual(found ?? null, value)) {
      return `${path} is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`;
    }
  }
  return undefined;
}

const report = (end, error) => ({
  error,
  at: end.at,
  chain: end.chain,
  status: end.status ?? null,
  body: (end.body ?? '').slice(0, 400),
});

async function login(app, user) {
  const jar = new Jar();
  const began = Date.now();
  let end = await open(jar, app, user);
  const firstError = wrong(end, app, user);
  let outcome = 'ok_first_try';
  let error = firstError;
  const first = end;
  if (firstError !== undefined) {
    if (reloadAfter > 0) await new Promise((resolve) => { setTimeout(resolve, reloadAfter); });
    end = await open(jar, app, user);
    error = wrong(end, app, user);
    if (error !== undefined) outcome = 'failed';
    else outcome = providerHosts.has(first.at) ? 'stood_on_dead_page' : 'ok_after_reload';
  }
  return {
    began,
    ms: Date.now() - began,
    outcome,
    app,
    user,
    loginHost: end.loginHost ?? null,
    member: end.headers?.[options['member-header']?.toLowerCase()] ?? null,
    first: firstError === undefined ? undefined : report(first, firstError),
    second: error === undefined ? undefined : report(end, error),
  };
}

// ---- Load -------------------------------------------------------------------

// Started by the clock and not by one another, as people are: a slow login
// does not keep the next person from coming.
const began = Date.now();
const logins = [];
for (let i = 0; i < total; i += 1) {
  const wait = began + (i * 1000) / rate - Date.now();
  if (wait > 0) await new Promise((resolve) => { setTimeout(resolve, wait); });
  logins.push(login(
    options.app[i % options.app.length],
    // Over all users at each of the pages, not always the same at the same.
    people[Math.floor(i / options.app.length) % people.length],
  ));
}
const done = await Promise.all(logins);

const count = (outcome) => done.filter((one) => one.outcome === outcome).length;
const tally = (values) => {
  const counts = {};
  for (const value of values) if (value !== null) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};
const times = done.filter((one) => one.outcome !== 'failed').map((one) => one.ms).sort((a, b) => a - b);
const percentile = (p) => (times.length ? times[Math.max(0, Math.ceil(times.length * p) - 1)] : null);
const summary = {
  logins: done.length,
  ok_first_try: count('ok_first_try'),
  ok_after_reload: count('ok_after_reload'),
  stood_on_dead_page: count('stood_on_dead_page'),
  failed: count('failed'),
  slowest_ms: times.length ? times[times.length - 1] : null,
  p50_ms: percentile(0.5),
  p99_ms: percentile(0.99),
  started_at_ms: began,
  took_ms: Date.now() - began,
  by_login_host: tally(done.map((one) => one.loginHost)),
  ...(options['member-header'] ? { by_member: tally(done.map((one) => one.member)) } : {}),
  failures: done.filter((one) => one.outcome === 'failed').slice(0, 20).map((one) => ({
    start_ms: one.began - began, app: one.app, user: one.user, first: one.first, ...one.second,
  })),
};
if (options.out) {
  writeFileSync(options.out, done.map((one) => `${JSON.stringify({
    start_ms: one.began - began,
    ms: one.ms,
    outcome: one.outcome,
    app: one.app,
    user: one.user,
    login_host: one.loginHost,
    member: one.member,
    first_error: one.first?.error,
    first_error_at: one.first?.at,
    // The page the person would have been looking at.
    first_error_page: one.first?.chain.at(-1),
    error: one.second?.error,
  })}\n`).join(''));
}
process.stdout.write(`${JSON.stringify(summary)}\n`);
process.exitCode = summary.failed === 0 ? 0 : 1;
