// axe in every state of the page, and pictures of them where SHOTS names a folder.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { answered, jsonAnswer, openPage, say, startAll, streamOf } from './harness.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const CHAT = '/v1/chat/completions';
let all;
before(async () => (all = await startAll()));
after(() => all.close());

async function look(page, name) {
  await page.waitForTimeout(250);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
  await page.evaluate(`${axe}; 0`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const bad = violations.map(({ id, impact, nodes }) => `${name}: ${impact} ${id}: ${nodes.map((n) => `${n.html.slice(0, 160)} ${n.failureSummary.slice(0, 200)}`).join(' | ')}`);
  const grave = bad.filter((text) => /: (critical|serious) /.test(text));
  for (const text of bad) console.log(text);
  assert.deepEqual(grave, []);
}

const CODE = `Here is a small server that answers with the time, and how to call it.

\`\`\`python
import asyncio
from datetime import datetime


async def answer(reader, writer):
    """One line for each connection."""
    await reader.readline()
    writer.write(datetime.now().isoformat().encode() + b"\\n")
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 8123)
    async with server:
        await server.serve_forever()  # until somebody stops it, which may be quite some time after it was started


asyncio.run(main())
\`\`\`

Then, from a shell:

\`\`\`bash
printf '\\n' | nc 127.0.0.1 8123
\`\`\`

| Part | Lines | Why |
|:-----|------:|-----|
| \`answer\` | 5 | writes the time |
| \`main\` | 4 | listens |

1. It handles **many** clients at once.
2. The mean wait is $\\bar{w} = \\frac{1}{n}\\sum_{i=1}^{n} w_i$.

$$P(n) = \\frac{\\lambda^n e^{-\\lambda}}{n!}, \\qquad \\sqrt{\\vec{v}^2} \\ge 0$$

> Ports below 1024 need rights that a service should not have.
`;
const CALL = streamOf([{ reasoning_content: 'I need the weather in two places.' }, 'I will look at both places.', { tool_calls: [{ index: 0, id: 'a', function: { name: 'get_weather', arguments: '{"place":"Oslo","days":3,"units":{"wind":"m/s","temperature":"C"}}' } }] }, { tool_calls: [{ index: 1, id: 'b', function: { name: 'get_weather', arguments: '{"place":"Bergen"}' } }] }], { finish: 'tool_calls' });
const METRICS = (n) => `llamacpp:requests_processing 3\nllamacpp:requests_deferred 1\nllamacpp:tokens_predicted_total ${n}\nllamacpp:prompt_tokens_total 41200\nllamacpp:prompt_tokens_cached_total 180310\nllamacpp:spec_decode_num_draft_tokens_total 9000\nllamacpp:spec_decode_num_accepted_tokens_total 6120\n`;
const SLOTS = [
  { id: 0, n_ctx: 32768, is_processing: true, n_prompt_tokens: 12000, n_prompt_tokens_processed: 400, n_prompt_tokens_cache: 11600, next_token: [{ n_decoded: 812 }] },
  { id: 1, n_ctx: 32768, is_processing: true, n_prompt_tokens: 21000, n_prompt_tokens_processed: 6144, n_prompt_tokens_cache: 2048 },
  { id: 2, n_ctx: 32768, is_processing: true, n_prompt_tokens: 900, n_prompt_tokens_processed: 900, n_prompt_tokens_cache: 0, next_token: [{ n_decoded: 40 }] },
  { id: 3, n_ctx: 32768, is_processing: false },
];

for (const [kind, options] of Object.entries({
  'desktop-light': {},
  'desktop-dark': { dark: true },
  'mobile-light': { width: 390, height: 844, hasTouch: true, isMobile: true },
  'mobile-dark': { width: 390, height: 844, dark: true, hasTouch: true, isMobile: true },
}))
  test(kind, async () => {
    const { page, faults } = await openPage(all, options);
    const mobile = kind.startsWith('mobile');
    const shot = (name) => look(page, `${kind}-${name}`);
    await shot('empty');
    all.handlers.set(CHAT, streamOf([{ reasoning_content: 'A small example will do. '.repeat(8) }, CODE]));
    await say(page, 'Write a tiny time server in Python, with asyncio.\nShow how to call it, too.');
    await answered(page);
    await page.locator('.katex').first().waitFor();
    await shot('answer-end');
    await page.locator('.thoughts summary').click();
    await page.locator('.scroll').evaluate((box) => (box.scrollTop = 0));
    await shot('code');
    await page.locator('.scroll').evaluate((box) => (box.scrollTop = box.scrollHeight));
    await page.locator('.stats summary').click();
    await shot('stats');
    await page.locator('.stats summary').click();
    all.handlers.set(CHAT, CALL);
    await say(page, 'And how is the weather?');
    await answered(page);
    await shot('tool-call');
    await page.locator('.call textarea').first().fill('rain, 7 degrees');
    all.handlers.set(CHAT, streamOf(Array.from({ length: 400 }, (_, i) => `word${i} `), { wait: 30 }));
    await page.locator('.calls > button').click();
    await page.getByText('word9 ').waitFor();
    await shot('growing');
    await page.keyboard.press('Escape');
    await answered(page);
    await page.locator('.message.assistant').last().getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('word9 ').waitFor();
    await page.locator('.send.stop').click();
    await answered(page);
    await page.locator('.message.user').first().getByRole('button', { name: 'Change' }).click({ force: true });
    await shot('edit');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Settings' }).click();
    await shot('settings');
    await page.keyboard.press('Escape');
    let n = 0;
    all.handlers.set('/metrics', (request, response) => response.end(METRICS((n += 30 + 20 * Math.sin(n)))));
    all.handlers.set('/slots', jsonAnswer(SLOTS));
    await page.getByRole('button', { name: 'What the server does' }).click();
    await page.locator('.curve .line').first().waitFor();
    await page.waitForTimeout(5000);
    await shot('server');
    await page.locator('.panel').getByRole('button', { name: 'Close' }).click();
    if (mobile) {
      await page.getByRole('button', { name: 'Show conversations' }).click();
      await shot('conversations');
      await page.locator('.shade').click({ position: { x: 380, y: 400 } });
    }
    all.handlers.set(CHAT, jsonAnswer({ error: { message: 'The prompt has 5,000 tokens, the context holds 4,096. Begin a new conversation, or serve the model with a larger context.' } }, 400));
    await say(page, 'And now something long');
    await page.locator('.error').waitFor();
    await shot('error');
    all.handlers.set('/health', jsonAnswer({}, 503, { 'Retry-After': '1' }));
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await page.locator('.banner').waitFor();
    await shot('loading');
    all.handlers.clear();
    assert.deepEqual(await faults(), []);
    await page.context().close();
  });
