// Hostile text in every place where text of others is shown: nothing runs, nothing leaves, the policy is never hit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, answers, jsonAnswer, openPage, say, startAll, streamOf } from './harness.js';
import { payloads } from './payloads.js';

let all;
before(async () => (all = await startAll()));
after(() => all.close());

const arm = (page) => page.evaluate(() => {
  window.hits = 0;
  window.hit = () => ++window.hits;
});

// What no text may bring into the page.
const foreign = (page) => page.evaluate(() => {
  const found = [];
  for (const element of document.querySelectorAll('#app *')) {
    if (/^(script|iframe|object|embed|base|meta|link|style|video|audio|source|marquee|template|foreignobject|animate|use|noscript)$/i.test(element.localName)) found.push(element.outerHTML);
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(`${name}=${value}`);
      if (/^(href|src|action|srcset|poster|data|xlink:href|formaction)$/i.test(name) && !/^(https?:|mailto:|\.\/|data:image\/(png|jpeg|gif|webp);)/i.test(value)) found.push(`${name}=${value}`);
      if (name === 'style' && /url\(|expression/i.test(value)) found.push(`${name}=${value}`);
    }
    if (element.localName === 'img' && !/^(\.\/icon\.svg|data:)/.test(element.getAttribute('src'))) found.push(element.outerHTML);
  }
  if (document.querySelectorAll('#app').length !== 1) found.push('a second #app');
  return found;
});

async function poke(page) {
  // Links, summaries, code: whatever a user may point at.
  await page.evaluate(() => {
    for (const element of document.querySelectorAll('.markdown *, .plain *, .call *, .row *')) {
      element.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
      element.dispatchEvent(new FocusEvent('focus'));
    }
  });
  await page.waitForTimeout(20);
}

async function isClean(page, faults, what) {
  await poke(page);
  assert.equal(await page.evaluate(() => window.hits), 0, what);
  assert.deepEqual(await foreign(page), [], what);
  assert.deepEqual(await faults(), [], what);
}

test(`${payloads.length} payloads as answers and thoughts`, async () => {
  assert.ok(payloads.length >= 60);
  const { page, faults } = await openPage(all);
  await arm(page);
  for (const payload of payloads) {
    all.handlers.set('/v1/chat/completions', streamOf([{ reasoning_content: payload }, payload.slice(0, 7), payload.slice(7), '\n\ntext ', payload]));
    await page.keyboard.press('Control+Shift+O');
    await say(page, 'x');
    await answered(page);
    await page.locator('.thoughts summary').click();
    await page.locator('.thoughts .markdown').waitFor();
    await isClean(page, faults, payload);
  }
  await page.waitForTimeout(300);
  await isClean(page, faults, 'late');
  await page.context().close();
});

test('as messages, titles, tools, names of models and errors', async () => {
  const { page, faults } = await openPage(all);
  await arm(page);
  for (const payload of payloads) {
    const call = { tool_calls: [{ index: 0, id: 'a', function: { name: payload, arguments: JSON.stringify({ x: payload }) } }] };
    all.handlers.set('/v1/chat/completions', streamOf([call], { finish: 'tool_calls' }));
    await page.keyboard.press('Control+Shift+O');
    await say(page, payload);
    await answered(page);
    await page.locator('.call').waitFor();
    all.handlers.set('/v1/chat/completions', jsonAnswer({ error: { message: payload } }, 400));
    await page.locator('.call textarea').fill(payload);
    await page.locator('.calls > button').click();
    await page.locator('.message.assistant .error').waitFor();
    await isClean(page, faults, payload);
  }
  await page.context().close();
});

test('as arguments that are no JSON, models of the server, and metrics', async () => {
  const some = payloads.slice(0, 20);
  all.handlers.set('/v1/models', jsonAnswer({ data: some.map((id) => ({ id, meta: { n_ctx: id } })) }));
  all.handlers.set('/slots', jsonAnswer(some.map((id) => ({ id, n_ctx: id, is_processing: true, next_token: [{ n_decoded: id }] }))));
  all.handlers.set('/metrics', (request, response) => response.end(some.join('\n')));
  all.handlers.set('/v1/chat/completions', streamOf(some.map((payload, index) => ({ tool_calls: [{ index, id: payload, function: { name: payload, arguments: payload } }] }))));
  const { page, faults } = await openPage(all);
  await arm(page);
  await say(page, 'x');
  await answered(page);
  await page.getByRole('button', { name: 'What the server does' }).click();
  await page.locator('.slot').first().waitFor();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.locator('#set-model').waitFor();
  await isClean(page, faults, 'the server');
  all.handlers.clear();
  await page.context().close();
});

test('as an imported file', async () => {
  const { page, faults } = await openPage(all);
  await arm(page);
  const nodes = {};
  payloads.forEach((content, i) => (nodes[`n${i}`] = { role: ['user', 'assistant', 'tool'][i % 3], content, reasoning: content, name: content, error: content, model: content, finish: content, children: [`n${i + 1}`], usage: { total_tokens: content }, tool_calls: [{ id: content, name: content, arguments: content }] }));
  nodes[`n${payloads.length - 1}`].children = [];
  const bring = async (data) => {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.locator('input[type=file]').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)) });
    await page.waitForTimeout(100);
    const note = await page.locator('.settings section > .hint[role=status]').textContent();
    await page.keyboard.press('Escape');
    return note;
  };
  const file = (conversation) => ({ format: 'gannet-conversations', version: 1, conversations: [conversation] });
  assert.match(await bring(file({ title: payloads[0], first: ['n0'], nodes })), /1 conversation imported/);
  assert.equal(await page.locator('.message').count(), payloads.length);
  await isClean(page, faults, 'imported');
  const node = { role: 'user', content: 'x', children: [] };
  for (const bad of ['', 'null', '{', '[]', '{"format":"gannet-conversations"}', file(null), file({}), file({ first: ['a'], nodes: {} }), file({ first: ['__proto__'], nodes: {} }),
    file({ first: ['a', 'a'], nodes: { a: node } }), file({ first: ['a'], nodes: { a: { ...node, children: ['a'] } } }), file({ first: ['a'], nodes: { a: { ...node, role: 'root' } } })])
    assert.match(await bring(bad), /not|holds/, JSON.stringify(bad));
  await isClean(page, faults, 'refused');
  await page.context().close();
});
