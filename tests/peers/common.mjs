// What every peer shares: its arguments, its life cycle and name resolution.

import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { parseArgs } from 'node:util';

// Node 18 (Debian 12's own) has Web Crypto, but does not offer it as a global,
// which is where openid-client looks for it. Static imports are evaluated
// before this module's importers run, so those import it first.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

// Browsers resolve every *.localhost name to the loopback address by
// themselves; the C library often does not. The peers have to agree with the
// browser, and all listen on IPv4 only, so "localhost" may not become ::1.
const systemLookup = dns.lookup;
dns.lookup = (hostname, options, callback) => {
  const name = String(hostname).toLowerCase().replace(/\.$/, '');
  if (name !== 'localhost' && !name.endsWith('.localhost')) {
    return systemLookup(hostname, options, callback);
  }
  const done = callback ?? options;
  const all = typeof options === 'object' && options?.all;
  process.nextTick(() => (all
    ? done(null, [{ address: '127.0.0.1', family: 4 }])
    : done(null, '127.0.0.1', 4)));
};

// Arguments in the form of node:util's parseArgs. A mistake ends the process
// with one line instead of a stack trace.
export function args(options) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

export const text = (value) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });
export const list = () => ({ type: 'string', multiple: true, default: [] });
export const flag = () => ({ type: 'boolean', default: false });

export function required(values, ...names) {
  for (const name of names) {
    if (values[name] === undefined || values[name].length === 0) {
      process.stderr.write(`--${name} is required\n`);
      process.exit(2);
    }
  }
}

export const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

// stdout carries one thing, the ready line. Libraries that print notices with
// console.log or console.info would get in between.
export function keepStdoutClean() {
  console.log = console.error;
  console.info = console.error;
}

// A peer may not outlive the test that started it, however that test ended:
// the kernel closes our stdin when the parent is gone.
export function dieWithParent(stay) {
  process.on('SIGTERM', () => process.exit(0));
  process.on('SIGINT', () => process.exit(0));
  if (stay) return;
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('close', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
  process.stdin.resume();
}

// Resolves with the port; a port in use is reported as such and not retried.
export function listen(server, port, host) {
  return new Promise((resolve) => {
    server.once('error', (error) => {
      process.stderr.write(`cannot listen on ${host}:${port}: ${error.message}\n`);
      process.exit(1);
    });
    server.listen(Number(port), host, () => resolve(server.address().port));
  });
}

export function ready(fields) {
  process.stdout.write(`${JSON.stringify({ ready: true, ...fields })}\n`);
}

export const escapeHtml = (value) => String(value)
  .replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  .replace(/"/g, '&quot;').replace(/'/g, '&#39;');

export function sendJson(response, status, body, headers = {}) {
  const answer = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(answer),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(answer);
}

export async function readBody(request, limit = 1 << 20) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > limit) throw new Error('the request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function parseCookies(header) {
  const cookies = new Map();
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0) cookies.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  return cookies;
}
