// The package openai: responses, completions, models.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {zodTextFormat} from 'openai/helpers/zod';
import {z} from 'zod';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

export default suite('openai, responses and more', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking();
  for (const one of [server, model]) after(() => one.stop());
  const make = (s, more = {}) => new OpenAI({baseURL: `${s.url}/v1`, apiKey: t.KEY, maxRetries: 0, ...more});
  const client = make(server), plain = make(model);
  const ask = (input, more = {}) => client.responses.create({model: 'pocket', input, ...more});
  const tools = [{type: 'function', strict: true, ...t.weather}, {type: 'function', strict: false, ...t.writeFile}];
  const pick = (response, type) => response.output.filter((o) => o.type === type);

  check('a plain answer', async () => {
    const r = await ask('capital of France?');
    assert.equal(r.object, 'response');
    assert.equal(r.status, 'completed');
    assert.equal(r.output_text, t.PARIS);
    assert.equal(r.error, null);
    assert.equal(r.incomplete_details, null);
    assert.ok(r.usage.input_tokens > 5 && r.usage.output_tokens > 5);
    assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
  });
  check('a stream: its events and what they add up to', async () => {
    const events = await t.collect(await ask('capital of France?', {stream: true}));
    const types = events.map((e) => e.type);
    assert.deepEqual(types.slice(0, 2), ['response.created', 'response.in_progress']);
    assert.equal(types.at(-1), 'response.completed');
    for (const one of ['response.output_item.added', 'response.content_part.added', 'response.output_text.done',
      'response.content_part.done', 'response.output_item.done'])
      assert.ok(types.includes(one), one);
    assert.equal(events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), t.PARIS);
    assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
    assert.equal(events.at(-1).response.output.at(-1).content[0].text, t.PARIS);
  });
  check('items of a stream keep their ids', async () => {
    const events = await t.collect(await ask('six times seven', {stream: true}));
    const added = events.filter((e) => e.type === 'response.output_item.added').map((e) => e.item.id);
    const done = events.filter((e) => e.type === 'response.output_item.done').map((e) => e.item.id);
    assert.deepEqual(added, done);
    assert.deepEqual(events.at(-1).response.output.map((o) => o.id), added);
  });
  check('the helper .stream()', async () => {
    const s = client.responses.stream({model: 'pocket', input: 'unicode'});
    const r = await s.finalResponse();
    assert.equal(r.output_text, t.UNICODE);
  });
  check('instructions are a system message', async () => {
    assert.equal((await ask('hello', {instructions: 'You are a pirate.'})).output_text, 'Arr!');
    assert.equal((await ask([{role: 'developer', content: 'pirate'}, {role: 'user', content: 'hello'}])).output_text, 'Arr!');
  });
  check('thoughts are an item of their own', async () => {
    const r = await ask('six times seven');
    assert.equal(r.output_text, 'It is 42.');
    assert.deepEqual(r.output.map((o) => o.type), ['reasoning', 'message']);
    const texts = [...(r.output[0].content ?? []), ...(r.output[0].summary ?? [])].map((c) => c.text);
    assert.ok(texts.includes(t.THOUGHT));
    assert.ok(r.usage.output_tokens_details.reasoning_tokens > 5);
  });
  check('thoughts in a stream', async () => {
    const events = await t.collect(await ask('six times seven', {stream: true}));
    const text = events.filter((e) => e.type === 'response.reasoning_text.delta').map((e) => e.delta).join('');
    assert.equal(text, t.THOUGHT);
  });
  check('a call of a tool', async () => {
    const r = await ask('weather?', {tools});
    const [call] = pick(r, 'function_call');
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.arguments), {city: 'Paris', days: 2});
    assert.ok(call.call_id && call.id);
    assert.equal(call.status, 'completed');
  });
  check('two calls, their results, the answer', async () => {
    const input = [{role: 'user', content: 'weather in Paris and Rome'}];
    const a = await ask(input, {tools});
    assert.equal(pick(a, 'function_call').length, 2);
    input.push(...a.output);
    for (const call of pick(a, 'function_call'))
      input.push({type: 'function_call_output', call_id: call.call_id, output: 'rain'});
    const b = await ask(input, {tools});
    assert.equal(b.output_text, 'Sun in Paris, rain in Rome.');
    assert.ok(b.usage.input_tokens_details.cached_tokens > 100, JSON.stringify(b.usage));
  });
  check('results of tools in parts', async () => {
    const input = [{role: 'user', content: 'weather?'},
      {type: 'function_call', call_id: 'c1', name: 'get_weather', arguments: '{"city":"Paris","days":2}'},
      {type: 'function_call_output', call_id: 'c1', output: [{type: 'input_text', text: 'sunny'}]}];
    assert.equal((await ask(input, {tools})).output_text, 'It is sunny in Paris.');
  });
  check('arguments in a stream', async () => {
    const events = await t.collect(await ask('write a file', {tools, stream: true}));
    const text = events.filter((e) => e.type === 'response.function_call_arguments.delta').map((e) => e.delta).join('');
    assert.deepEqual(JSON.parse(text), {path: 'a.c', content: t.MULTILINE});
    assert.equal(events.find((e) => e.type === 'response.function_call_arguments.done').arguments, text);
  });
  check('tools of other kinds are left out', async () => {
    const r = await ask('hello', {tools: [{type: 'web_search'}, {type: 'custom', name: 'x'}, ...tools]});
    assert.equal(r.output_text, 'Hello.');
  });
  check('tool_choice', async () => {
    const choose = {type: 'function', strict: true, ...t.choiceTool};
    const speak = (more) => plain.responses.create({model: 'pocket', input: 'define sea', max_output_tokens: 80, tools: [choose], ...more});
    const must = pick(await speak({tool_choice: 'required', parallel_tool_calls: false}), 'function_call');
    assert.equal(must.length, 1);
    t.isChoice(JSON.parse(must[0].arguments));
    const named = pick(await speak({tool_choice: {type: 'function', name: 'choose'}, parallel_tool_calls: false}), 'function_call');
    assert.equal(named[0].name, 'choose');
    assert.equal(pick(await speak({tool_choice: 'none'}), 'function_call').length, 0);
  });
  check('a JSON schema, parsed', async () => {
    const r = await plain.responses.parse({model: 'pocket', input: 'define sea',
      text: {format: zodTextFormat(z.object({colour: z.enum(['red', 'green']), sure: z.boolean()}), 'choice')}});
    assert.equal(typeof r.output_parsed.sure, 'boolean');
    assert.ok(['red', 'green'].includes(r.output_parsed.colour));
  });
  check('max_output_tokens leaves it incomplete', async () => {
    const r = await ask('count', {max_output_tokens: 16});
    assert.equal(r.status, 'incomplete');
    assert.equal(r.incomplete_details.reason, 'max_output_tokens');
    assert.equal(r.usage.output_tokens, 16);
  });
  check('an incomplete stream ends with its event', async () => {
    const events = await t.collect(await ask('count', {max_output_tokens: 16, stream: true}));
    assert.equal(events.at(-1).type, 'response.incomplete');
  });
  check('an earlier response is not kept', async () => {
    const e = await t.fails(ask('hello', {previous_response_id: 'resp_1'}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.match(e.message, /previous_response_id/);
  });
  check('a wrong key', async () => {
    const e = await t.fails(make(server, {apiKey: 'no'}).responses.create({model: 'pocket', input: 'hello'}));
    assert.ok(e instanceof OpenAI.AuthenticationError);
  });
  check('a wrong field', async () => {
    const e = await t.fails(ask('hello', {temperature: 'hot'}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.match(e.message, /temperature/);
  });
  check('a prompt that is too long', async () => {
    const e = await t.fails(plain.responses.create({model: 'pocket', input: 'word '.repeat(6000)}));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });
  check('an abort ends the work', async () => {
    const s = await ask('count', {stream: true});
    let n = 0;
    for await (const _ of s) if (++n === 30) break;
    await server.idle(500);
  });
  check('log-probabilities', async () => {
    const r = await plain.responses.create({model: 'pocket', input: 'define sea', max_output_tokens: 6, top_logprobs: 2,
      include: ['message.output_text.logprobs']});
    const probs = r.output[0].content[0].logprobs;
    assert.equal(probs.map((p) => p.token).join(''), r.output_text);
    assert.ok(probs.every((p) => p.top_logprobs.length === 2));
  });
  check('input tokens are counted', async () => {
    const n = await client.responses.inputTokens.count({model: 'pocket', input: 'capital of France?'});
    assert.equal(n.object, 'response.input_tokens');
    assert.equal(n.input_tokens, (await ask('capital of France?')).usage.input_tokens);
  });

  check('completions: a raw prompt', async () => {
    const a = await client.completions.create({model: 'pocket', prompt: 'letters:'});
    assert.equal(a.object, 'text_completion');
    assert.equal(a.choices[0].text, 'alpha beta gamma delta');
    assert.equal(a.choices[0].finish_reason, 'stop');
  });
  check('completions: a stream', async () => {
    const chunks = await t.collect(await client.completions.create({model: 'pocket', prompt: 'letters:', stream: true}));
    assert.equal(chunks.map((c) => c.choices[0]?.text ?? '').join(''), 'alpha beta gamma delta');
  });
  check('completions: several prompts, echo, stop', async () => {
    const a = await client.completions.create({model: 'pocket', prompt: ['letters 1', 'letters 2'], echo: true, stop: [' delta']});
    assert.deepEqual(a.choices.map((c) => c.text), ['letters 1alpha beta gamma', 'letters 2alpha beta gamma']);
  });
  check('completions: log-probabilities', async () => {
    const a = await plain.completions.create({model: 'pocket', prompt: 'The sea', logprobs: 2, max_tokens: 5});
    const {tokens, token_logprobs, top_logprobs, text_offset} = a.choices[0].logprobs;
    assert.equal(tokens.join(''), a.choices[0].text);
    assert.equal(token_logprobs.length, 5);
    assert.equal(top_logprobs.length, 5);
    assert.equal(text_offset.length, 5);
  });
  check('models: the list', async () => {
    const models = await t.collect(await client.models.list());
    assert.deepEqual(models.map((m) => m.id), ['pocket']);
    assert.equal(models[0].object, 'model');
    assert.ok(models[0].created > 1.6e9);
  });
  check('models: one', async () => {
    assert.equal((await client.models.retrieve('pocket')).id, 'pocket');
  });
  check('models: one that is not there', async () => {
    assert.ok((await t.fails(client.models.retrieve('other'))) instanceof OpenAI.NotFoundError);
  });
  check('embeddings are not there, said so', async () => {
    const e = await t.fails(client.embeddings.create({model: 'pocket', input: 'x'}));
    assert.equal(e.status, 501);
    assert.match(e.message, /embeddings/);
  });
});
