// The package ollama.
import assert from 'node:assert/strict';
import {Ollama} from 'ollama';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

export default suite('ollama', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking(), crowded = await t.crowded();
  for (const one of [server, model, crowded]) after(() => one.stop());
  const make = (s, key = t.KEY) => new Ollama({host: s.url, headers: {Authorization: `Bearer ${key}`}});
  const client = make(server), plain = make(model), busy = make(crowded);
  const ask = (content, more = {}) => client.chat({model: 'pocket', messages: [{role: 'user', content}], ...more});
  const tools = [{type: 'function', function: t.weather}, {type: 'function', function: t.writeFile}];

  check('a plain answer', async () => {
    const r = await ask('capital of France?');
    assert.equal(r.message.role, 'assistant');
    assert.equal(r.message.content, t.PARIS);
    assert.equal(r.done, true);
    assert.equal(r.done_reason, 'stop');
    assert.ok(!Number.isNaN(Date.parse(r.created_at)));
  });
  check('counts and times', async () => {
    const r = await ask('capital of France?');
    assert.ok(r.prompt_eval_count > 5 && r.eval_count > 5);
    assert.ok(r.total_duration > 0 && r.eval_duration > 0);
    assert.ok(r.total_duration >= r.eval_duration);
  });
  check('a stream', async () => {
    const chunks = await t.collect(await ask('capital of France?', {stream: true}));
    assert.ok(chunks.length > 4);
    assert.equal(chunks.map((c) => c.message.content).join(''), t.PARIS);
    assert.deepEqual(chunks.map((c) => c.done), chunks.map((_, i) => i === chunks.length - 1));
  });
  check('unicode', async () => {
    assert.equal((await ask('unicode')).message.content, t.UNICODE);
    assert.equal((await t.collect(await ask('unicode', {stream: true}))).map((c) => c.message.content).join(''), t.UNICODE);
  });
  check('an empty answer', async () => {
    const r = await ask('say nothing');
    assert.equal(r.message.content, '');
    assert.equal(r.done_reason, 'stop');
  });
  check('a system message', async () => {
    const r = await client.chat({model: 'pocket', messages: [{role: 'system', content: 'pirate'}, {role: 'user', content: 'hello'}]});
    assert.equal(r.message.content, 'Arr!');
  });
  check('thoughts', async () => {
    const r = await ask('six times seven', {think: true});
    assert.equal(r.message.content, 'It is 42.');
    assert.equal(r.message.thinking, t.THOUGHT);
  });
  check('thoughts in a stream', async () => {
    const chunks = await t.collect(await ask('six times seven', {think: true, stream: true}));
    assert.equal(chunks.map((c) => c.message.thinking ?? '').join(''), t.THOUGHT);
    assert.equal(chunks.map((c) => c.message.content).join(''), 'It is 42.');
  });
  check('a call of a tool', async () => {
    const r = await ask('weather?', {tools});
    assert.equal(r.message.tool_calls[0].function.name, 'get_weather');
    assert.deepEqual(r.message.tool_calls[0].function.arguments, {city: 'Paris', days: 2});
  });
  check('two calls and their results', async () => {
    const messages = [{role: 'user', content: 'weather in Paris and Rome'}];
    const a = await client.chat({model: 'pocket', messages, tools});
    assert.deepEqual(a.message.tool_calls.map((c) => c.function.arguments.city), ['Paris', 'Rome']);
    messages.push(a.message);
    for (const c of a.message.tool_calls) messages.push({role: 'tool', tool_name: c.function.name, content: 'rain'});
    assert.equal((await client.chat({model: 'pocket', messages, tools})).message.content, 'Sun in Paris, rain in Rome.');
  });
  check('calls in a stream', async () => {
    const chunks = await t.collect(await ask('write a file', {tools, stream: true}));
    const calls = chunks.flatMap((c) => c.message.tool_calls ?? []);
    assert.deepEqual(calls.map((c) => c.function.arguments), [{path: 'a.c', content: t.MULTILINE}]);
  });
  check('a schema as the format', async () => {
    const r = await plain.chat({model: 'pocket', format: t.choice, messages: [{role: 'user', content: 'define sea'}]});
    t.isChoice(JSON.parse(r.message.content));
  });
  check('options: num_predict, stop, seed', async () => {
    const cut = await ask('count', {options: {num_predict: 12}});
    assert.equal(cut.eval_count, 12);
    assert.equal(cut.done_reason, 'length');
    assert.equal((await ask('letters', {options: {stop: [' gamma']}})).message.content, 'alpha beta');
    const wild = async () => (await plain.generate({model: 'pocket', prompt: 'tell me', options: {seed: 3, temperature: 2, num_predict: 30}})).response;
    assert.equal(await wild(), await wild());
  });
  check('generate', async () => {
    const r = await client.generate({model: 'pocket', prompt: 'capital of France?'});
    assert.equal(r.response, t.PARIS);
    assert.equal(r.done, true);
  });
  check('generate with a system text', async () => {
    assert.equal((await client.generate({model: 'pocket', prompt: 'hello', system: 'pirate'})).response, 'Arr!');
  });
  check('generate in a stream', async () => {
    const chunks = await t.collect(await client.generate({model: 'pocket', prompt: 'letters', stream: true}));
    assert.equal(chunks.map((c) => c.response).join(''), 'alpha beta gamma delta');
  });
  check('generate, raw', async () => {
    assert.equal((await client.generate({model: 'pocket', prompt: 'letters', raw: true})).response, 'alpha beta gamma delta');
  });
  check('generate without a prompt loads only', async () => {
    const r = await client.generate({model: 'pocket', prompt: ''});
    assert.equal(r.response, '');
    assert.equal(r.done_reason, 'load');
  });
  check('the list of models', async () => {
    const {models} = await client.list();
    assert.deepEqual(models.map((m) => m.name), ['pocket']);
    assert.ok(models[0].size > 1e6);
    assert.equal(models[0].details.format, 'gguf');
  });
  check('the facts of a model', async () => {
    const m = await client.show({model: 'pocket'});
    assert.ok(m.capabilities.includes('completion'));
    assert.ok(m.capabilities.includes('tools'));
    assert.equal(m.details.format, 'gguf');
  });
  check('the version', async () => {
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+/);
  });
  check('what runs', async () => {
    const {models} = await client.ps();
    assert.deepEqual(models.map((m) => m.name), ['pocket']);
  });
  check('a wrong key', async () => {
    const e = await t.fails(make(server, 'no').chat({model: 'pocket', messages: [{role: 'user', content: 'hello'}]}));
    assert.equal(e.status_code, 401);
  });
  check('a wrong field', async () => {
    const e = await t.fails(ask('hello', {options: {temperature: 'hot'}}));
    assert.equal(e.status_code, 400);
    assert.match(e.message, /temperature/);
  });
  check('a prompt that is too long', async () => {
    const e = await t.fails(plain.chat({model: 'pocket', messages: [{role: 'user', content: 'word '.repeat(6000)}]}));
    assert.equal(e.status_code, 400);
    assert.match(e.message, /4096/);
  });
  check('an abort ends the work', async () => {
    const s = await ask('count', {stream: true});
    let n = 0;
    await t.fails((async () => {
      for await (const _ of s) if (++n === 10) s.abort();
    })());
    await server.idle(500);
  });
  check('a full server', async () => {
    const s = await busy.chat({model: 'pocket', stream: true, messages: [{role: 'user', content: 'count'}]});
    await s[Symbol.asyncIterator]().next();
    const e = await t.fails(busy.chat({model: 'pocket', messages: [{role: 'user', content: 'hello'}]}));
    assert.equal(e.status_code, 429);
    s.abort();
    await crowded.idle();
  });
});
