// The package ai over @ai-sdk/openai-compatible (chat completions) and @ai-sdk/open-responses (responses).
import assert from 'node:assert/strict';
import {createOpenResponses} from '@ai-sdk/open-responses';
import {createOpenAICompatible} from '@ai-sdk/openai-compatible';
import {APICallError, generateText, isStepCount, Output, stepCountIs, streamText, tool} from 'ai';
import {z} from 'zod';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

const steps = (isStepCount ?? stepCountIs)(4);

export default suite('ai', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking(), crowded = await t.crowded();
  for (const one of [server, model, crowded]) after(() => one.stop());
  const providers = {
    'openai-compatible': (s, key = t.KEY) => createOpenAICompatible({name: 'gannet', baseURL: `${s.url}/v1`, apiKey: key,
      includeUsage: true, supportsStructuredOutputs: true})('pocket'),
    'open-responses': (s, key = t.KEY) => createOpenResponses({name: 'gannet', url: `${s.url}/v1/responses`, apiKey: key})('pocket'),
  };
  for (const [name, of] of Object.entries(providers)) {
    const ask = (prompt, more = {}) => generateText({model: of(server), prompt, maxRetries: 0, ...more});
    const get_weather = (seen = []) => ({get_weather: tool({description: 'weather',
      inputSchema: z.object({city: z.string(), days: z.number().int()}),
      execute: async (input) => (seen.push(input), input.city === 'Rome' ? 'rain' : 'sunny')})});
    const choose = {choose: tool({description: 'chooses',
      inputSchema: z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()})})};
    const check2 = (what, run, seconds) => check(`${name}: ${what}`, run, seconds);

    check2('a plain answer and its usage', async () => {
      const r = await ask('capital of France?');
      assert.equal(r.text, t.PARIS);
      assert.equal(r.finishReason, 'stop');
      assert.ok(r.usage.inputTokens > 5 && r.usage.outputTokens > 5);
      assert.deepEqual(r.warnings ?? [], []);
    });
    check2('a stream', async () => {
      const r = streamText({model: of(server), prompt: 'capital of France?'});
      const pieces = await t.collect(r.textStream);
      assert.ok(pieces.length > 3);
      assert.equal(pieces.join(''), t.PARIS);
      assert.equal(await r.finishReason, 'stop');
      assert.ok((await r.usage).outputTokens > 5);
    });
    check2('unicode in a stream', async () => {
      assert.equal((await t.collect(streamText({model: of(server), prompt: 'unicode'}).textStream)).join(''), t.UNICODE);
    });
    check2('a system message', async () => {
      const r = await ask('hello', {instructions: 'You are a pirate.'});
      assert.equal(r.text, 'Arr!');
    });
    check2('several turns, cached', async () => {
      const first = {role: 'user', content: 'capital of France? ' + 'Please. '.repeat(60)};
      const a = await generateText({model: of(server), messages: [first]});
      const b = await generateText({model: of(server), messages: [first, ...(a.responseMessages ?? a.response.messages), {role: 'user', content: 'what was it?'}]});
      assert.equal(b.text, 'You asked for the capital.');
      const cached = b.usage.inputTokenDetails?.cacheReadTokens ?? b.usage.cachedInputTokens;
      assert.ok(cached > 60, JSON.stringify(b.usage));
    });
    check2('thoughts', async () => {
      const r = await ask('six times seven');
      assert.equal(r.text, 'It is 42.');
      assert.equal(r.reasoningText, t.THOUGHT);
    });
    check2('thoughts in a stream', async () => {
      const r = streamText({model: of(server), prompt: 'six times seven'});
      const parts = await t.collect(r.fullStream);
      const text = (type) => parts.filter((p) => p.type === type).map((p) => p.text ?? p.delta).join('');
      assert.equal(text('reasoning-delta'), t.THOUGHT);
      assert.equal(text('text-delta'), 'It is 42.');
    });
    check2('a tool, its result, the answer', async () => {
      const seen = [];
      const r = await ask('weather?', {tools: get_weather(seen), stopWhen: steps});
      assert.equal(r.text, 'It is sunny in Paris.');
      assert.deepEqual(seen, [{city: 'Paris', days: 2}]);
      assert.equal(r.steps.length, 2);
      assert.equal(r.steps[0].finishReason, 'tool-calls');
    });
    check2('two tools in one turn, in a stream', async () => {
      const seen = [];
      const r = streamText({model: of(server), prompt: 'weather in Paris and Rome', tools: get_weather(seen), stopWhen: steps});
      assert.ok((await t.collect(r.textStream)).join('').endsWith('Sun in Paris, rain in Rome.'));
      assert.deepEqual(seen.map((s) => s.city), ['Paris', 'Rome']);
    });
    check2('a thought, then a call', async () => {
      const r = await ask('think and call', {tools: {get_weather: tool({description: 'w',
        inputSchema: z.object({city: z.string(), days: z.number()})})}});
      assert.equal(r.reasoningText, 'I need the weather.');
      assert.deepEqual(r.toolCalls[0].input, {city: 'Oslo', days: 1});
    });
    check2('toolChoice required, a name, none', async () => {
      const speak = (toolChoice) => generateText({model: of(model), prompt: 'define sea', tools: choose, toolChoice, maxOutputTokens: 120});
      t.isChoice((await speak('required')).toolCalls[0].input);
      assert.equal((await speak({type: 'tool', toolName: 'choose'})).toolCalls[0].toolName, 'choose');
      assert.equal((await speak('none')).toolCalls.length, 0);
    });
    check2('an object by a schema', async () => {
      const r = await generateText({model: of(model), prompt: 'define sea',
        output: Output.object({schema: z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()})})});
      t.isChoice(r.output);
    });
    check2('an object by a schema in a stream', async () => {
      const r = streamText({model: of(model), prompt: 'define sea',
        output: Output.object({schema: z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()})})});
      await t.collect(r.partialOutputStream ?? r.experimental_partialOutputStream);
      t.isChoice(await r.output);
    });
    check2('maxOutputTokens', async () => {
      const r = await ask('count', {maxOutputTokens: 12});
      assert.equal(r.finishReason, 'length');
      assert.equal(r.usage.outputTokens, 12);
    });
    check2('a wrong key', async () => {
      const e = await t.fails(generateText({model: of(server, 'no'), prompt: 'hello', maxRetries: 0}));
      assert.ok(APICallError.isInstance(e));
      assert.equal(e.statusCode, 401);
      assert.equal(e.isRetryable, false);
    });
    check2('a prompt that is too long', async () => {
      const e = await t.fails(generateText({model: of(model), prompt: 'word '.repeat(6000), maxRetries: 0}));
      assert.equal(e.statusCode, 400);
      assert.match(e.message, /4096/);
    });
    check2('a full server: the client comes back', async () => {
      const controller = new AbortController();
      const first = streamText({model: of(crowded), prompt: 'count', abortSignal: controller.signal, onError() {}});
      const reader = first.textStream[Symbol.asyncIterator]();
      await reader.next();
      const e = await t.fails(generateText({model: of(crowded), prompt: 'hello', maxRetries: 0}));
      assert.equal(e.statusCode, 429);
      assert.equal(e.isRetryable, true);
      setTimeout(() => controller.abort(), 300);
      assert.equal((await generateText({model: of(crowded), prompt: 'hello', maxRetries: 4})).text, 'Hello.');
    }, 60);
    check2('an abort ends the work', async () => {
      const controller = new AbortController();
      const r = streamText({model: of(server), prompt: 'count', abortSignal: controller.signal, onError() {}});
      let n = 0;
      try {
        for await (const _ of r.textStream) if (++n === 10) controller.abort();
      } catch {}
      await server.idle(500);
    });
  }
  check('openai-compatible: stop sequences and seeds', async () => {
    const of = providers['openai-compatible'];
    const r = await generateText({model: of(server), prompt: 'letters', stopSequences: [' gamma']});
    assert.equal(r.text, 'alpha beta');
    const wild = async (seed) => (await generateText({model: of(model), prompt: 'tell me', seed, temperature: 2, maxOutputTokens: 30})).text;
    assert.equal(await wild(5), await wild(5));
  });
});
