// A plain web application, of the kind that is put behind a proxy: it knows
// nothing about identity and tells what reached it.
//
//   node upstream.mjs [--port N] [--host ADDRESS] [--stay]
//
//   /ws                     WebSocket echo; ?hello=1 first sends the request as JSON
//   /slow                   5 chunks, 100 ms apart
//   /sse?count=N            server-sent events, 100 ms apart (5)
//   /big?bytes=N            that many bytes; &chunked=1 without a content length
//   /upload                 {"bytes":N,"sha256":"..."} of the request's body
//   /set-cookie?cookie=...  answers with that Set-Cookie header (repeatable)
//   /redirect?to=...        302 to there
//   anything else           the request as JSON

import {
  args, dieWithParent, flag, listen, ready, sendJson, text,
} from './common.mjs';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const options = args({ port: text('0'), host: text('127.0.0.1'), stay: flag() });
dieWithParent(options.stay);

const TICK = 100;
const BODY_SHOWN = 64 * 1024;

// From the raw list, where a header that came twice is still there twice.
function headersOf(request) {
  const headers = {};
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i].toLowerCase();
    const value = request.rawHeaders[i + 1];
    if (!Object.hasOwn(headers, name)) headers[name] = value;
    else headers[name] = [].concat(headers[name], value);
  }
  return headers;
}

const describe = (request) => ({
  method: request.method,
  path: request.url,
  http_version: request.httpVersion,
  headers: headersOf(request),
});

async function echo(request, response) {
  const hash = createHash('sha256');
  const shown = [];
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    if (bytes < BODY_SHOWN) shown.push(chunk);
    bytes += chunk.length;
  }
  sendJson(response, 200, {
    ...describe(request),
    body: Buffer.concat(shown).subarray(0, BODY_SHOWN).toString('utf8'),
    bytes,
    sha256: hash.digest('hex'),
  });
}

// Calls back once per tick until told to stop or the other side has gone.
function tick(response, count, each) {
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    each(sent);
    if (sent >= count) {
      clearInterval(timer);
      response.end();
    }
  }, TICK);
  response.on('close', () => clearInterval(timer));
}

function slow(response) {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  tick(response, 5, (n) => response.write(`chunk ${n}\n`));
}

function events(response, url) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  tick(response, Number(url.searchParams.get('count') ?? 5), (n) => {
    response.write(`id: ${n}\nevent: tick\ndata: {"n":${n}}\n\n`);
  });
}

// Written as fast as the other side reads, never all in memory.
function big(response, url) {
  const total = Number(url.searchParams.get('bytes') ?? 1 << 20);
  const block = Buffer.alloc(64 * 1024, 'maverics ');
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(url.searchParams.has('chunked') ? {} : { 'content-length': total }),
  });
  let left = total;
  const write = () => {
    while (left > 0) {
      const part = block.subarray(0, Math.min(left, block.length));
      left -= part.length;
      if (!response.write(part)) {
        response.once('drain', write);
        return;
      }
    }
    response.end();
  };
  write();
}

async function upload(request, response) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  sendJson(response, 200, { bytes, sha256: hash.digest('hex') });
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://upstream');
  switch (url.pathname) {
    case '/slow': return slow(response);
    case '/sse': return events(response, url);
    case '/big': return big(response, url);
    case '/upload': return upload(request, response);
    case '/set-cookie':
      return sendJson(response, 200, { set: url.searchParams.getAll('cookie') }, {
        'set-cookie': url.searchParams.getAll('cookie'),
      });
    case '/redirect':
      response.writeHead(302, { location: url.searchParams.get('to') ?? '/' });
      return response.end();
    default: return echo(request, response);
  }
}

const server = createServer((request, response) => {
  // A body that breaks off in the middle is the other side's business.
  handle(request, response).catch(() => response.destroy());
});
// Connections are the proxy's to close, however long they idle.
server.keepAliveTimeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;

const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const url = new URL(request.url, 'http://upstream');
  if (url.pathname !== '/ws') {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  sockets.handleUpgrade(request, socket, head, (connection) => {
    connection.on('error', () => connection.terminate());
    connection.on('message', (data, binary) => connection.send(data, { binary }));
    if (url.searchParams.has('hello')) connection.send(JSON.stringify(describe(request)));
  });
});

const port = await listen(server, options.port, options.host);
ready({ port, url: `http://${options.host}:${port}/` });
