// A person's browser: Chromium by playwright-core, told what to do by lines of
// JSON on stdin, each answered by one line of JSON on stdout.
//
//   node browser.mjs [--chromium /usr/bin/chromium]
//
// Answers are {"ok":true,...} or {"ok":false,"error":"..."}; an "id" is given
// back. "ctx" names the browser meant, and is the latest one when left out.
// The process ends with its stdin.
//
//   new        ignoreHTTPSErrors, javascript, width, height, dark   a fresh browser
//   goto       url                        also: reload, back
//   fill       selector, value
//   click      selector, stays            also: press (key, selector); stays: it leads nowhere
//   text       selector                   html: the whole page
//   eval       js                         an expression; a promise is awaited
//   cookies                               also clearCookies
//   console                               errors the page has reported so far
//   overflow   width, height              elements wider than what shows them
//   screenshot path, width, height, fullPage, javascript
//   noStyles   path, width, height        a screenshot without any style sheet
//   close      with ctx that browser, without it all of them, and the process

import {
  args, keepStdoutClean, text,
} from './common.mjs';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const options = args({ chromium: text('/usr/bin/chromium') });
keepStdoutClean();

const TIMEOUT = 15_000; // for any one thing; a page that hangs is an answer
const QUIET = 120; // ms without a navigation after which a page has settled

let browser;
const contexts = new Map();
let latest = 0;

async function launch() {
  browser ??= await chromium.launch({
    executablePath: options.chromium,
    headless: true,
    // As root there is no sandbox to be had; and none of these processes has
    // any business with the network beyond this machine.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  return browser;
}

// Knows whether a page is on its way elsewhere: a click's navigation begins at
// some moment after the click, and may be followed by a form that posts itself.
function watch(page) {
  const state = { going: 0, last: Date.now(), response: null, errors: [] };
  const isOurs = (request) => request.isNavigationRequest() && request.frame() === page.mainFrame();
  page.on('request', (request) => {
    if (isOurs(request)) { state.going += 1; state.last = Date.now(); }
  });
  const over = (request) => {
    if (isOurs(request)) { state.going = Math.max(0, state.going - 1); state.last = Date.now(); }
  };
  page.on('requestfinished', over);
  page.on('requestfailed', over);
  page.on('response', (response) => { if (isOurs(response.request())) state.response = response; });
  page.on('framenavigated', (frame) => { if (frame === page.mainFrame()) state.last = Date.now(); });
  page.on('console', (message) => { if (message.type() === 'error') state.errors.push(message.text()); });
  page.on('pageerror', (error) => state.errors.push(String(error)));
  return state;
}

async function settle({ page, state }) {
  const deadline = Date.now() + TIMEOUT;
  while (Date.now() < deadline) {
    await page.waitForLoadState('load', { timeout: Math.max(1, deadline - Date.now()) });
    if (state.going === 0 && Date.now() - state.last > QUIET) return;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error('the page did not settle');
}

// On a busy machine the next step of a chain (a form that posts itself) may
// begin after the page looked quiet: what was read then was not where it ended.
async function where(context) {
  const { page, state } = context;
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    await settle(context);
    const { last } = state;
    try {
      const seen = {
        status: state.response?.status() ?? null,
        url: page.url(),
        title: await page.title(),
        text: await page.evaluate(() => document.body?.innerText ?? ''),
      };
      if (state.going === 0 && state.last === last) return seen;
    } catch (error) {
      if (!/context was destroyed|navigation/.test(String(error.message))) throw error;
    }
    if (Date.now() > deadline) throw new Error('the page did not settle');
  }
}

// Does what leads elsewhere, and waits until that has begun. There is no
// telling a press that leads nowhere from one whose navigation is late.
async function leading({ page }, { stays = false }, work) {
  const begun = stays ? null : page.waitForEvent('request', {
    predicate: (request) => request.isNavigationRequest() && request.frame() === page.mainFrame(),
    timeout: TIMEOUT,
  });
  // Its refusal is read below; until then it is nobody's.
  begun?.catch(() => {});
  await work();
  await begun;
}

async function sized(page, { width, height }, work) {
  const before = page.viewportSize();
  if (width || height) {
    await page.setViewportSize({ width: width ?? before.width, height: height ?? before.height });
  }
  try {
    return await work();
  } finally {
    await page.setViewportSize(before);
  }
}

const shoot = (page, { path, fullPage = true }) => page.screenshot({ path, fullPage, timeout: TIMEOUT });

// Runs in the page.
function findOverflow() {
  const name = (element) => {
    const id = element.id ? `#${element.id}` : '';
    const classes = [...element.classList].map((one) => `.${one}`).join('');
    return `${element.tagName.toLowerCase()}${id}${classes}`;
  };
  const found = [];
  const root = document.documentElement;
  for (const element of document.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    if (style.display === 'none' || style.visibility === 'hidden') continue;
    const box = element.getBoundingClientRect();
    // Made for screen readers only: a pixel that shows nothing.
    if (box.width <= 1 || box.height <= 1) continue;
    // Inline boxes have no client width of their own to compare with.
    const wider = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    const beyond = box.right > root.clientWidth + 1 || box.left < -1;
    if (!wider && !beyond) continue;
    found.push({
      element: name(element),
      text: (element.textContent ?? '').trim().slice(0, 60),
      scrollWidth: element.scrollWidth,
      clientWidth: element.clientWidth,
      left: Math.round(box.left),
      right: Math.round(box.right),
      // An own scroll bar is a way out; a person can get at what is there.
      scrolls: ['auto', 'scroll'].includes(style.overflowX),
      reason: wider ? 'content wider than the element' : 'beyond the viewport',
    });
  }
  return {
    viewport: root.clientWidth,
    document: root.scrollWidth,
    pageScrolls: root.scrollWidth > root.clientWidth,
    elements: found,
  };
}

const commands = {
  async new({
    ignoreHTTPSErrors = false, javascript = true, width = 1280, height = 800, dark = false,
  }) {
    const context = await (await launch()).newContext({
      ignoreHTTPSErrors,
      javaScriptEnabled: javascript,
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT);
    latest += 1;
    contexts.set(latest, { context, page, state: watch(page), settings: { ignoreHTTPSErrors } });
    return { ctx: latest };
  },

  async goto({ url }, context) {
    context.state.response = null;
    await context.page.goto(url);
    return where(context);
  },

  async reload(_, context) {
    await context.page.reload();
    return where(context);
  },

  async back(_, context) {
    await context.page.goBack();
    return where(context);
  },

  async fill({ selector, value }, { page }) {
    await page.fill(selector, value);
    return {};
  },

  async click(command, context) {
    const { selector } = command;
    await leading(context, command, () => context.page.click(selector, { noWaitAfter: true }));
    context.state.last = Date.now();
    return where(context);
  },

  async press(command, context) {
    const { selector, key } = command;
    await leading(context, command, () => (selector
      ? context.page.press(selector, key)
      : context.page.keyboard.press(key)));
    context.state.last = Date.now();
    return where(context);
  },

  async text({ selector = 'body' }, { page }) {
    return { text: await page.innerText(selector) };
  },

  async html(_, { page }) {
    return { html: await page.content() };
  },

  async eval({ js }, { page }) {
    return { value: await page.evaluate(js) ?? null };
  },

  async cookies(_, { context }) {
    return { cookies: await context.cookies() };
  },

  async clearCookies(_, { context }) {
    await context.clearCookies();
    return {};
  },

  async console(_, { state }) {
    return { errors: state.errors };
  },

  async overflow(command, { page }) {
    return sized(page, command, () => page.evaluate(findOverflow));
  },

  async screenshot(command, { page, context, settings }) {
    const size = page.viewportSize();
    if (command.javascript !== false) {
      await sized(page, command, () => shoot(page, command));
      return { path: command.path };
    }
    // Scripts cannot be taken back from a page that has run them: the same URL
    // is opened anew, with the same cookies, in a browser that has none.
    const plain = await browser.newContext({
      ...settings,
      javaScriptEnabled: false,
      storageState: await context.storageState(),
      viewport: { width: command.width ?? size.width, height: command.height ?? size.height },
    });
    try {
      const copy = await plain.newPage();
      await copy.goto(page.url(), { timeout: TIMEOUT });
      await shoot(copy, command);
      return { path: command.path, url: copy.url() };
    } finally {
      await plain.close();
    }
  },

  async noStyles(command, { page }) {
    const set = (disabled) => page.evaluate((value) => {
      for (const sheet of document.styleSheets) sheet.disabled = value;
      return document.styleSheets.length;
    }, disabled);
    const sheets = await set(true);
    try {
      await sized(page, command, () => shoot(page, command));
    } finally {
      await set(false);
    }
    return { path: command.path, sheets };
  },

  async close({ ctx }) {
    if (ctx === undefined) {
      await browser?.close();
      return { closed: 'all' };
    }
    await contexts.get(ctx).context.close();
    contexts.delete(ctx);
    return { closed: ctx };
  },
};

async function run(line) {
  let id;
  try {
    const command = JSON.parse(line);
    ({ id } = command);
    if (!Object.hasOwn(commands, command.cmd)) throw new Error(`no such command: ${command.cmd}`);
    const context = contexts.get(command.ctx ?? latest);
    if (!context && !['new', 'close'].includes(command.cmd)) throw new Error('no such ctx; "new" makes one');
    return { ok: true, id, ...(await commands[command.cmd](command, context)) };
  } catch (error) {
    // Below the first line is playwright's own log.
    return { ok: false, id, error: String(error.message ?? error).split('\n')[0] };
  }
}

process.on('SIGTERM', async () => {
  await browser?.close();
  process.exit(0);
});

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') continue;
  const answer = await run(line);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (answer.closed === 'all') break;
}
await browser?.close();
process.exit(0);
