// What stands before a provider and can break it: https in front, plain http behind.
//
//   node gate.mjs --port N --to PORT --pem FILE --expired-pem FILE [--host ADDRESS]
//
// Each line on stdin says how it behaves from then on; the process ends with its stdin.
//
//   pass           as if it were not there
//   500            every request is answered with 500
//   reset          every connection is reset
//   wrong-issuer   the discovery document names another issuer
//   expired        the certificate of the handshake has expired
//   empty-jwks     the key set has no keys

import {
  args, listen, ready, required, text,
} from './common.mjs';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const options = args({
  port: text('0'), host: text('127.0.0.1'), to: text(), pem: text(), 'expired-pem': text(),
});
required(options, 'to', 'pem', 'expired-pem');
process.on('SIGTERM', () => process.exit(0));

const pem = (file) => {
  const bytes = readFileSync(file);
  return { cert: bytes, key: bytes };
};
const good = pem(options.pem);
const expired = pem(options['expired-pem']);

let mode = 'pass';
const connections = new Set();

// Documents small enough to be read whole before they are passed on.
const changes = {
  'wrong-issuer': ['/.well-known/openid-configuration', (document) => ({ ...document, issuer: 'https://elsewhere.example' })],
  'empty-jwks': ['/jwks', (document) => ({ ...document, keys: [] })],
};

function pass(request, response) {
  const headers = {
    ...request.headers,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': request.headers.host,
    'x-forwarded-for': request.socket.remoteAddress,
  };
  const [path, change] = changes[mode] ?? [];
  const changed = change && request.url.split('?')[0] === path;
  const onward = http.request({
    host: '127.0.0.1', port: Number(options.to), method: request.method, path: request.url, headers, agent: false,
  }, (answer) => {
    if (!changed) {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
      return;
    }
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => {
      const body = JSON.stringify(change(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      response.writeHead(answer.statusCode, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  onward.on('error', () => request.socket.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

const server = https.createServer(good, (request, response) => {
  if (mode === '500') {
    request.resume();
    response.writeHead(500, { 'content-type': 'text/plain' });
    response.end('broken\n');
    return;
  }
  pass(request, response);
});
server.on('connection', (socket) => {
  if (mode === 'reset') {
    socket.resetAndDestroy();
    return;
  }
  connections.add(socket);
  socket.on('close', () => connections.delete(socket));
  socket.on('error', () => {});
});
// A handshake that the other side gives up is its own affair.
server.on('tlsClientError', () => {});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    mode = line.trim();
    server.setSecureContext(mode === 'expired' ? expired : good);
    // Those who are connected already must not be spared.
    if (mode === 'reset') for (const socket of connections) socket.resetAndDestroy();
    process.stderr.write(`${new Date().toISOString()} ${mode}\n`);
  })
  .on('close', () => process.exit(0));

const port = await listen(server, options.port, options.host);
ready({ port });
