// A running server, a browser, and a proxy between them that can answer in the place of the model.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const PROGRAM = process.env.GANNET ?? fileURLToPath(new URL('../../build/ci/gannet', import.meta.url));
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';

function startServer() {
  const child = spawn(PROGRAM, ['serve', '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (piece) => {
      text += piece;
      const url = /served at (http:\/\/\S+)/.exec(text)?.[1];
      if (url) resolve({ child, url });
    });
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${text}`)));
  });
}

const sse = (event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`;
const chunk = (delta, finish = null) => ({ model: 'stub', choices: [{ index: 0, delta, finish_reason: finish }] });

// Answers like the server's. `pieces`: deltas; `wait`: milliseconds between them.
export function streamOf(pieces, { wait = 0, finish = 'stop', usage, timings, cut = false } = {}) {
  return async (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(sse(chunk({ role: 'assistant', content: '' })));
    for (const piece of pieces) {
      if (response.destroyed) return;
      response.write(sse(chunk(typeof piece === 'string' ? { content: piece } : piece)));
      if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
    }
    if (cut) return response.destroy();
    response.write(sse(chunk({}, finish)));
    response.write(sse({ choices: [], usage: usage ?? { prompt_tokens: 120, completion_tokens: 40, total_tokens: 160, prompt_tokens_details: { cached_tokens: 100 } }, timings: timings ?? { cache_n: 100, prompt_n: 20, prompt_per_second: 512.3, predicted_n: 40, predicted_per_second: 38.4, draft_n: 30, draft_n_accepted: 21 } }));
    response.end(sse('[DONE]'));
  };
}
export const jsonAnswer = (body, status = 200, headers = {}) => (request, response) => {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

// A proxy with handlers by path: (request, response, body) => anything.
function startProxy(target) {
  const handlers = new Map();
  const server = http.createServer(async (request, response) => {
    const handler = handlers.get(request.url);
    if (handler) {
      let body = '';
      for await (const piece of request) body += piece;
      return handler(request, response, body && JSON.parse(body));
    }
    const onward = http.request(new URL(request.url, target), { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, handlers, url: `http://127.0.0.1:${server.address().port}/` })));
}

export async function startAll() {
  const gannet = await startServer();
  const proxy = await startProxy(gannet.url);
  const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
  return {
    browser,
    url: proxy.url,
    handlers: proxy.handlers,
    async close() {
      await browser.close();
      proxy.server.closeAllConnections();
      proxy.server.close();
      gannet.child.removeAllListeners('exit');
      gannet.child.kill();
    },
  };
}

// A fresh page that notes what must not happen: `faults` is empty when all is well.
export async function openPage(all, { width = 1280, height = 800, dark = false, settings, ...rest } = {}) {
  const context = await all.browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'], ...rest });
  const page = await context.newPage();
  const faults = [];
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample} ${event.sourceFile}:${event.lineNumber}`));
  });
  if (settings) await page.addInitScript((s) => localStorage.setItem('gannet.settings', JSON.stringify(s)), settings);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.stack}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('popup', (popup) => faults.push(`popup: ${popup.url()}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(all.url) && !/^(data|blob):/.test(url)) faults.push(`request: ${url}`);
  });
  await page.goto(all.url);
  await page.locator('.state-ready, .state-loading, .state-gone, .state-locked').waitFor();
  const check = async () => [...faults, ...(await page.evaluate(() => window.violations))];
  return { page, context, faults: check };
}

export async function say(page, text) {
  await page.locator('#composer').fill(text);
  await page.keyboard.press('Enter');
}
export const answered = (page) => page.locator('.send:not(.stop)').waitFor();
export const answers = (page) => page.locator('.message.assistant');
