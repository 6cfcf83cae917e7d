// What a user does, with the pocket model where its answers serve, and with answers of the proxy where they must be known.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { answered, answers, jsonAnswer, openPage, say, startAll, startServer, streamOf } from './harness.js';

const CHAT = '/v1/chat/completions';
let all, page, faults;
before(async () => (all = await startAll()));
after(() => all.close());
afterEach(async () => {
  all.handlers.clear();
  assert.deepEqual(await faults(), []);
  await page.context().close();
});
const open = async (options) => ({ page, faults } = await openPage(all, options));
// Keeps the bodies of requests, then answers.
function record(answer) {
  const bodies = [];
  all.handlers.set(CHAT, (request, response, body) => {
    bodies.push(body);
    return answer(request, response, body);
  });
  return bodies;
}
const texts = (locator) => locator.allTextContents().then((all) => all.map((text) => text.trim()));
const button = (name) => page.getByRole('button', { name, exact: true });

test('the pocket model answers, with its speed and what was cached', async () => {
  await open();
  await say(page, 'define harbor');
  await answered(page);
  assert.match(await answers(page).first().locator('.markdown').textContent(), /harbor/);
  await say(page, 'define port');
  await answered(page);
  assert.equal(await answers(page).count(), 2);
  assert.match(await answers(page).last().locator('.stats summary').textContent(), /tokens\/s · \d+ tokens · [1-9]\d* of \d+ cached/);
  assert.match(await page.locator('.meter').textContent(), /^\d+ \/ 4,096$/);
  assert.equal(await page.title(), 'define harbor · Gannet');
  assert.equal(await page.locator('.model-name').textContent(), 'Gannet Pocket');
});

test('text grows while it comes, and Escape stops it', async () => {
  await open();
  let closed = false;
  all.handlers.set(CHAT, (request, response) => {
    response.on('close', () => (closed = true));
    return streamOf(Array.from({ length: 500 }, (_, i) => `word${i} `), { wait: 20 })(request, response);
  });
  await say(page, 'go on');
  await page.locator('.markdown', { hasText: 'word5' }).waitFor();
  assert.equal(await answers(page).getAttribute('aria-busy'), 'true');
  const early = (await page.locator('.markdown').textContent()).length;
  await page.locator('.markdown', { hasText: 'word25' }).waitFor();
  assert.ok((await page.locator('.markdown').textContent()).length > early);
  await page.keyboard.press('Escape');
  await answered(page);
  await page.locator('.end', { hasText: 'Stopped' }).waitFor();
  for (let i = 0; i < 50 && !closed; ++i) await page.waitForTimeout(20);
  assert.ok(closed, 'the server is told');
  const kept = await page.locator('.markdown').textContent();
  await page.waitForTimeout(200);
  assert.equal(await page.locator('.markdown').textContent(), kept);
});

test('an answer that was cut off goes on', async () => {
  await open({ settings: { max_tokens: '12', temperature: '0' } });
  await say(page, 'define harbor');
  await page.locator('.end', { hasText: 'Cut off' }).waitFor();
  const begun = (await page.locator('.markdown').textContent()).trim();
  await button('Settings').click();
  await page.getByLabel('Most tokens').fill('');
  await page.keyboard.press('Escape');
  await button('Go on').click();
  await page.locator('.end').waitFor({ state: 'detached' });
  await answered(page);
  const whole = (await page.locator('.markdown').textContent()).trim();
  assert.ok(whole.startsWith(begun) && whole.length > begun.length, `${begun} -> ${whole}`);
  await button('Answer again').click();
  await page.locator('.branches', { hasText: '2/2' }).waitFor();
  await answered(page);
  assert.equal((await page.locator('.markdown').textContent()).trim(), whole);
});

test('answering again and changing messages make branches', async () => {
  await open();
  let n = 0;
  const bodies = record((request, response) => streamOf([`answer ${++n}`])(request, response));
  await say(page, 'first');
  await answered(page);
  await button('Answer again').click();
  await page.getByText('answer 2').waitFor();
  await answered(page);
  assert.deepEqual(await texts(page.locator('.branches')), ['2/2']);
  await button('Branch before').click();
  await page.getByText('answer 1').waitFor();
  await say(page, 'second');
  await page.getByText('answer 3').waitFor();
  await answered(page);
  assert.deepEqual(bodies[2].messages, [{ role: 'user', content: 'first' }, { role: 'assistant', content: 'answer 1' }, { role: 'user', content: 'second' }]);
  await page.locator('.message.user').first().hover();
  await page.locator('.message.user').first().getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('Change the message').fill('first, changed');
  await page.keyboard.press('Enter');
  await page.getByText('answer 4').waitFor();
  await answered(page);
  assert.deepEqual(await texts(page.locator('.plain')), ['first, changed']);
  assert.deepEqual(bodies[3].messages, [{ role: 'user', content: 'first, changed' }]);
  await button('Branch before').click();
  await page.getByText('answer 3').waitFor();
  assert.deepEqual(await texts(page.locator('.plain')), ['first', 'second']);
  assert.deepEqual(await texts(page.locator('.branches')), ['1/2', '1/2']);
  // Answers can be changed too; nothing is asked then.
  await answers(page).last().getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('Change the message').fill('my words');
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await page.getByText('my words').waitFor();
  assert.equal(bodies.length, 4);
  // Away with it and what follows: the other branch comes back.
  await answers(page).last().getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete this and what follows' }).click();
  await page.getByText('answer 3').waitFor();
});

test('conversations survive a reload, can be found, renamed, exported, imported, deleted', async () => {
  await open();
  all.handlers.set(CHAT, streamOf([{ reasoning_content: 'hm' }, 'a ', '**bold** answer']));
  await say(page, 'about boats');
  await answered(page);
  await page.keyboard.press('Control+Shift+O');
  await say(page, 'about birds');
  await answered(page);
  await page.waitForTimeout(200);
  await page.reload();
  await page.locator('.row').nth(1).waitFor();
  assert.deepEqual(await texts(page.locator('.row-title')), ['about birds', 'about boats']);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('boats');
  await page.locator('.row').nth(1).waitFor({ state: 'detached' });
  assert.deepEqual(await texts(page.locator('.row-title')), ['about boats']);
  await page.locator('.row-title').click();
  await page.locator('.markdown strong', { hasText: 'bold' }).waitFor();
  await page.locator('#search').fill('');
  await page.locator('.row', { hasText: 'about boats' }).hover();
  await page.getByRole('button', { name: 'Rename: about boats' }).click();
  await page.keyboard.type('Ships');
  await page.keyboard.press('Enter');
  assert.deepEqual(await texts(page.locator('.row-title')), ['about birds', 'Ships']);
  await page.locator('.row', { hasText: 'Ships' }).hover();
  let [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as Markdown: Ships' }).click()]);
  assert.equal(download.suggestedFilename(), 'Ships.md');
  assert.equal(await readFile(await download.path(), 'utf8'), '# Ships\n\n## You\n\nabout boats\n\n## Gannet\n\n<details><summary>Thoughts</summary>\n\nhm\n\n</details>\n\na **bold** answer\n');
  await button('Settings').click();
  [download] = await Promise.all([page.waitForEvent('download'), button('Export all as JSON').click()]);
  const exported = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.deepEqual(exported.conversations.map((c) => c.title), ['', 'Ships']);
  await button('Delete all').click();
  await button('Delete all 2 for good').click();
  assert.equal(await page.locator('.row').count(), 0);
  await page.locator('input[type=file]').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(exported)) });
  await page.getByText('2 conversations imported.').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.row').count(), 2);
  await page.locator('.markdown strong').waitFor();
  await page.locator('.row', { hasText: 'Ships' }).hover();
  await page.getByRole('button', { name: 'Delete: Ships' }).click();
  await page.locator('.sidebar .ask .bad').click();
  await page.waitForTimeout(200);
  await page.reload();
  await page.locator('.row').waitFor();
  assert.deepEqual(await texts(page.locator('.row-title')), ['about birds']);
});

test('other tabs see what is kept, and nothing deleted comes back', async () => {
  await open();
  const other = await page.context().newPage();
  await other.goto(all.url);
  await say(page, 'define harbor');
  await answered(page);
  await other.locator('.row-title', { hasText: 'define harbor' }).click();
  await other.locator('.markdown', { hasText: 'harbor' }).waitFor();
  await say(other, 'define port');
  await answered(other);
  await answers(page).nth(1).waitFor();
  all.handlers.set(CHAT, streamOf(Array.from({ length: 300 }, (_, i) => `word${i} `), { wait: 20 }));
  await page.bringToFront();
  await say(page, 'go on');
  await page.getByText('word3 ').waitFor();
  await page.locator('.row').hover();
  await page.getByRole('button', { name: 'Delete: define harbor' }).click();
  await page.locator('.sidebar .ask .bad').click();
  await page.waitForTimeout(500);
  assert.equal(await page.locator('.row').count(), 0);
  assert.equal(await page.locator('.message').count(), 0);
  await page.reload();
  await page.locator('.welcome').waitFor();
  assert.equal(await page.locator('.row').count(), 0);
  assert.equal(await other.locator('.row').count(), 0);
});

test('thoughts are folded; calls of tools get their results from the user', async () => {
  await open();
  const call = (index, args) => ({ tool_calls: [{ index, id: `call${index}`, type: 'function', function: { name: 'weather', arguments: args } }] });
  const more = (index, args) => ({ tool_calls: [{ index, function: { arguments: args } }] });
  const bodies = record(streamOf([{ reasoning_content: 'They want ' }, { reasoning_content: 'the **weather**.' }, call(0, ''), more(0, '{"place":'), more(0, '"Oslo"}'), call(1, '{"place":"Rome"}')], { finish: 'tool_calls' }));
  await button('Settings').click();
  await page.getByLabel('Tools').fill('[{"name":"weather","parameters":{"type":"object"}}]');
  await page.getByLabel('System prompt').fill('Be brief.');
  await page.getByLabel('Temperature').fill('0.5');
  await page.getByLabel('Seed').fill('7');
  await page.getByLabel('Thinking').selectOption('on');
  await page.keyboard.press('Escape');
  await say(page, 'weather?');
  await answered(page);
  const { stream_options, messages, ...fields } = bodies[0];
  assert.deepEqual(stream_options, { include_usage: true });
  assert.deepEqual(messages, [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'weather?' }]);
  assert.deepEqual(fields, { stream: true, return_progress: true, temperature: 0.5, seed: 7, chat_template_kwargs: { enable_thinking: true }, tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }] });
  assert.equal(await page.locator('.thoughts .markdown').count(), 0);
  await page.locator('.thoughts summary').click();
  assert.equal(await page.locator('.thoughts strong').textContent(), 'weather');
  assert.deepEqual(await texts(page.locator('.call pre')), ['{\n  "place": "Oslo"\n}', '{\n  "place": "Rome"\n}']);
  await page.locator('.call textarea').first().fill('rain');
  await page.locator('.call textarea').last().fill('sun');
  const later = record(streamOf(['Rain in Oslo, sun in Rome.']));
  await button('Send results').click();
  await page.getByText('Rain in Oslo, sun in Rome.').waitFor();
  assert.deepEqual(later[0].messages.slice(2), [
    { role: 'assistant', content: '', reasoning_content: 'They want the **weather**.', tool_calls: [{ id: 'call0', type: 'function', function: { name: 'weather', arguments: '{"place":"Oslo"}' } }, { id: 'call1', type: 'function', function: { name: 'weather', arguments: '{"place":"Rome"}' } }] },
    { role: 'tool', content: 'rain', tool_call_id: 'call0' },
    { role: 'tool', content: 'sun', tool_call_id: 'call1' },
  ]);
});

test('keys of the keyboard', async () => {
  await open();
  all.handlers.set(CHAT, streamOf(['ok']));
  const composer = page.locator('#composer');
  await composer.fill('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  assert.equal(await composer.inputValue(), 'one\ntwo');
  await page.keyboard.press('Enter');
  await answered(page);
  assert.deepEqual(await texts(page.locator('.plain')), ['one\ntwo']);
  await page.keyboard.press('ArrowUp');
  assert.equal(await page.getByLabel('Change the message').inputValue(), 'one\ntwo');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByLabel('Change the message').count(), 0);
  await page.locator('.scroll').focus();
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'composer');
  assert.equal(await composer.inputValue(), '');
  await page.keyboard.press('Control+Shift+O');
  assert.equal(await page.locator('.message').count(), 0);
  await page.keyboard.press('Control+b');
  assert.equal(await page.locator('.sidebar').count(), 0);
});

test('colours follow the system, and the switch', async () => {
  await open({ dark: true });
  const theme = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]);
  assert.deepEqual(await theme(), ['dark', 'rgb(20, 25, 29)']);
  await button('Use light colours').click();
  assert.deepEqual(await theme(), ['light', 'rgb(251, 251, 249)']);
  await page.reload();
  assert.equal((await theme())[0], 'light');
  await page.emulateMedia({ colorScheme: 'light' });
  await button('Use dark colours').click();
  assert.equal((await theme())[0], 'dark');
});

test('while the model loads the page waits and then sends', async () => {
  const loading = jsonAnswer({ error: { message: 'Loading model', code: 503 } }, 503, { 'Retry-After': '1' });
  for (const path of ['/health', '/v1/models', '/props', CHAT]) all.handlers.set(path, loading);
  await open();
  await page.locator('.banner', { hasText: 'The model is loading' }).waitFor();
  await say(page, 'define harbor');
  await page.locator('.progress', { hasText: 'sent as soon as it is ready' }).waitFor();
  all.handlers.clear();
  await page.locator('.state-ready').waitFor({ timeout: 5000 });
  await answered(page);
  assert.match(await page.locator('.markdown').textContent(), /harbor/);
  assert.equal(await page.locator('.banner').count(), 0);
});

test('when the server is gone the page says so and comes back', async () => {
  await open();
  const gone = (request) => request.socket.destroy();
  for (const path of ['/health', '/v1/models', '/props', CHAT]) all.handlers.set(path, gone);
  await say(page, 'define harbor');
  await page.locator('.banner', { hasText: 'cannot be reached' }).waitFor();
  all.handlers.clear();
  await answered(page);
  assert.match(await page.locator('.markdown').textContent(), /harbor/);
  await page.locator('.state-ready').waitFor();
  // An answer that breaks off stays, with what to do.
  all.handlers.set(CHAT, streamOf(['half an ', 'answer'], { cut: true, wait: 50 }));
  await say(page, 'again');
  await page.locator('.error', { hasText: 'broke off' }).waitFor();
  assert.match(await answers(page).last().textContent(), /half an answer/);
  all.handlers.set(CHAT, streamOf(['whole']));
  await button('Try again').click();
  await page.getByText('whole').waitFor();
});

test('long prompts show how far they are read', async () => {
  await open();
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  all.handlers.set(CHAT, async (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {} }], prompt_progress: { total: 4000, cache: 1000, processed: 2500, time_ms: 100 } })}\n\n`);
    await gate;
    response.end('data: {"choices":[{"index":0,"delta":{"content":"done"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n');
  });
  await say(page, 'x');
  await page.locator('.progress', { hasText: 'Reading 2,500 of 4,000 tokens, 1,000 known already' }).waitFor();
  assert.equal(await page.locator('progress').evaluate((bar) => bar.value), 0.625);
  go();
  await page.locator('.end', { hasText: 'Cut off' }).waitFor();
});

test('behind a prefix', async () => {
  const server = await startServer('--api-prefix', '/llm');
  await open();
  await page.goto(`${server.url}/llm`);
  assert.equal(page.url(), `${server.url}/llm/`);
  await say(page, 'define harbor');
  await answered(page);
  assert.match(await page.locator('.markdown').textContent(), /harbor/);
  server.child.kill();
  faults = () => page.evaluate(() => window.violations); // the other address is not foreign here
});

test('errors, full queues and keys', async () => {
  await open();
  all.handlers.set(CHAT, jsonAnswer({ error: { message: 'too many tokens' } }, 400));
  await say(page, 'x');
  await page.locator('.error', { hasText: 'too many tokens' }).waitFor();
  let tries = 0;
  all.handlers.set(CHAT, (request, response) => (++tries === 1 ? jsonAnswer({ error: { message: 'full' } }, 429, { 'Retry-After': '1' }) : streamOf(['my turn']))(request, response));
  await button('Try again').click();
  await page.locator('.progress', { hasText: 'busy' }).waitFor();
  await page.getByText('my turn').waitFor();
  // A key is sent, and forgotten with the tab.
  const keyed = (request, response) => (request.headers.authorization === 'Bearer secret' ? jsonAnswer({ data: [{ id: 'locked model' }] }) : jsonAnswer({ error: { message: 'no key' } }, 401))(request, response);
  all.handlers.set('/v1/models', keyed);
  await page.reload();
  await button('Enter the key').click();
  await page.getByLabel('API key').fill('secret');
  await page.keyboard.press('Escape');
  await page.locator('.model-name', { hasText: 'locked model' }).waitFor();
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes('secret'));
});

test('a browser that keeps nothing is said, and the page works', async () => {
  await open();
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await say(page, 'define harbor');
  await answered(page);
  await page.locator('.banner', { hasText: 'no more room' }).waitFor();
  assert.match(await page.locator('.markdown').textContent(), /harbor/);
});

test('the view of the server', async () => {
  await open();
  let n = 0;
  all.handlers.set('/metrics', (request, response) => {
    n += 1;
    response.end(`# TYPE x counter\nllamacpp:requests_processing 2\nllamacpp:requests_deferred 3\nllamacpp:tokens_predicted_total ${n * 40}\nllamacpp:prompt_tokens_total ${n * 100}\nllamacpp:prompt_tokens_cached_total ${n * 300}\nllamacpp:spec_decode_num_draft_tokens_total 200\nllamacpp:spec_decode_num_accepted_tokens_total 150\n`);
  });
  all.handlers.set('/slots', jsonAnswer([{ id: 0, n_ctx: 4096, is_processing: true, n_prompt_tokens: 100, n_prompt_tokens_processed: 20, n_prompt_tokens_cache: 80, next_token: [{ n_decoded: 12 }] }, { id: 1, n_ctx: 4096, is_processing: true, n_prompt_tokens: 3000, n_prompt_tokens_processed: 512, n_prompt_tokens_cache: 0 }, { id: 2, n_ctx: 4096, is_processing: false }]));
  await button('What the server does').click();
  await page.locator('.curve .line').first().waitFor();
  assert.deepEqual(await texts(page.locator('.numbers > div')), ['2running', '1reading', '3waiting']);
  assert.deepEqual(await texts(page.locator('.slot-words')), ['writing, 12 written', 'reading, 512 of 3,000 read', 'free']);
  assert.deepEqual(await texts(page.locator('.share strong')), ['75 %', '75 %']);
  await page.locator('.panel').getByRole('button', { name: 'Close' }).click();
  assert.equal(await page.locator('.panel').count(), 0);
  // Without these paths the view says so.
  for (const path of ['/metrics', '/slots']) all.handlers.set(path, jsonAnswer({ error: { message: 'off' } }, 501));
  await button('What the server does').click();
  await page.getByText('does not tell').waitFor();
});

test('long answers stay quick, and growing gives what the end gives', async () => {
  await open();
  const words = (n) => Array.from({ length: n }, (_, i) => `word${i}`).join(' ');
  const part = (i) => `## Part ${i}\n\n${words(80)} \`code\` **bold** $x_${i}^2$ [link][l]\n\n- one\n- two\n  - three\n\n\`\`\`js\nconst a = ${i}; // ${words(10)}\nfunction f(x) {\n  return x + "${words(5)}";\n}\n\`\`\`\n\n| a | b |\n|---|---|\n| ${i} | 2 |\n\n`;
  const text = `${Array.from({ length: 60 }, (_, i) => part(i)).join('')}[l]: https://example.org/\n`;
  const pieces = text.match(/[\s\S]{1,6}/g);
  all.handlers.set(CHAT, async (request, response) => {
    await streamOf([])({ ...request }, { writeHead: (...a) => response.writeHead(...a), write: () => {}, end: () => {} });
    for (const [i, piece] of pieces.entries()) {
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: piece } }] })}\n\n`);
      if (i % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    response.end('data: [DONE]\n\n');
  });
  await page.evaluate(() => {
    window.slow = [];
    new PerformanceObserver((list) => window.slow.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ type: 'longtask' });
  });
  await say(page, 'x');
  await page.waitForTimeout(200);
  await answered(page);
  const slow = await page.evaluate(() => window.slow);
  assert.equal(await page.locator('.markdown h2').count(), 60);
  assert.equal(await page.locator('.markdown a').count(), 60);
  assert.equal(await page.locator('.katex').count(), 60);
  const worst = Math.max(0, ...slow.slice(0, -1));
  console.log(`${text.length} characters in ${pieces.length} pieces; tasks over 50 ms: ${slow.join(' ')}`);
  assert.ok(worst < 250, `tasks of ${slow} ms`);
  const { scrollTop, scrollHeight, clientHeight } = await page.locator('.scroll').evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({ scrollTop, scrollHeight, clientHeight }));
  assert.ok(scrollHeight - scrollTop - clientHeight < 80, 'it follows the end');
  // Drawn piece by piece it is what it is when drawn at once.
  const grown = await page.locator('.markdown').innerHTML();
  await page.waitForTimeout(200);
  await page.reload();
  await page.locator('.row-title').click();
  await page.locator('.katex').nth(59).waitFor();
  assert.equal(await page.locator('.markdown').innerHTML(), grown);
});
