// The package @anthropic-ai/sdk.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

export default suite('@anthropic-ai/sdk', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking(), crowded = await t.crowded();
  for (const one of [server, model, crowded]) after(() => one.stop());
  const make = (s, more = {}) => new Anthropic({baseURL: s.url, apiKey: t.KEY, maxRetries: 0, ...more});
  const client = make(server), plain = make(model), busy = make(crowded);
  const body = (content, more = {}) => ({model: 'pocket', max_tokens: 400, messages: [{role: 'user', content}], ...more});
  const ask = (content, more) => client.messages.create(body(content, more));
  const tool = ({name, description, parameters}) => ({name, description, input_schema: parameters});
  const tools = [tool(t.weather), tool(t.writeFile)];
  const texts = (m) => m.content.filter((b) => b.type === 'text').map((b) => b.text).join('');

  check('a plain answer', async () => {
    const m = await ask('capital of France?');
    assert.equal(m.type, 'message');
    assert.equal(m.role, 'assistant');
    assert.match(m.id, /^msg_/);
    assert.equal(texts(m), t.PARIS);
    assert.equal(m.stop_reason, 'end_turn');
    assert.equal(m.stop_sequence, null);
  });
  check('usage', async () => {
    const {usage} = await ask('capital of France?');
    assert.ok(usage.input_tokens + usage.cache_read_input_tokens > 5);
    assert.ok(usage.output_tokens > 5);
  });
  check('a second turn finds the first cached', async () => {
    const messages = [{role: 'user', content: 'capital of France? ' + 'Please. '.repeat(60)}];
    const a = await client.messages.create(body('', {messages}));
    messages.push({role: 'assistant', content: a.content}, {role: 'user', content: 'what was it?'});
    const b = await client.messages.create(body('', {messages}));
    assert.equal(texts(b), 'You asked for the capital.');
    assert.ok(b.usage.cache_read_input_tokens > 60, JSON.stringify(b.usage));
  });
  check('a stream: its events', async () => {
    const events = await t.collect(await client.messages.create(body('capital of France?', {stream: true})));
    const types = events.map((e) => e.type).filter((x) => x !== 'ping');
    assert.equal(types[0], 'message_start');
    assert.equal(types[1], 'content_block_start');
    assert.deepEqual(types.slice(-3), ['content_block_stop', 'message_delta', 'message_stop']);
    assert.equal(events.filter((e) => e.delta?.type === 'text_delta').map((e) => e.delta.text).join(''), t.PARIS);
    assert.equal(events.at(-2).delta.stop_reason, 'end_turn');
    assert.ok(events.at(-2).usage.output_tokens > 5);
  });
  check('the helper .stream() gives the same message', async () => {
    const s = client.messages.stream(body('capital of France?'));
    let seen = '';
    s.on('text', (delta) => (seen += delta));
    const m = await s.finalMessage();
    assert.equal(texts(m), t.PARIS);
    assert.equal(seen, t.PARIS);
    assert.equal(m.stop_reason, 'end_turn');
  });
  check('unicode', async () => {
    assert.equal(texts(await ask('unicode')), t.UNICODE);
    assert.equal(await client.messages.stream(body('unicode')).finalText(), t.UNICODE);
  });
  check('an empty answer', async () => {
    const m = await ask('say nothing');
    assert.equal(texts(m), '');
    assert.equal(m.stop_reason, 'end_turn');
  });
  check('an empty answer in a stream', async () => {
    const m = await client.messages.stream(body('say nothing')).finalMessage();
    assert.equal(texts(m), '');
  });
  check('system, as a text and in blocks', async () => {
    assert.equal(texts(await ask('hello', {system: 'You are a pirate.'})), 'Arr!');
    assert.equal(texts(await ask('hello', {system: [{type: 'text', text: 'a'},
      {type: 'text', text: 'pirate', cache_control: {type: 'ephemeral'}}]})), 'Arr!');
    assert.equal(texts(await ask('hello')), 'Hello.');
  });
  check('content in blocks', async () => {
    assert.equal(texts(await ask([{type: 'text', text: 'capital of France?', cache_control: {type: 'ephemeral'}}])), t.PARIS);
  });
  check('thoughts are a block of their own', async () => {
    const m = await ask('six times seven', {thinking: {type: 'enabled', budget_tokens: 1024}, max_tokens: 2048});
    assert.deepEqual(m.content.map((b) => b.type), ['thinking', 'text']);
    assert.equal(m.content[0].thinking, t.THOUGHT);
    assert.equal(texts(m), 'It is 42.');
  });
  check('thoughts in a stream, with a signature', async () => {
    const events = await t.collect(await client.messages.create(body('six times seven',
      {stream: true, thinking: {type: 'enabled', budget_tokens: 1024}, max_tokens: 2048})));
    const deltas = events.filter((e) => e.type === 'content_block_delta');
    assert.equal(deltas.filter((e) => e.delta.type === 'thinking_delta').map((e) => e.delta.thinking).join(''), t.THOUGHT);
    assert.ok(deltas.some((e) => e.delta.type === 'signature_delta'));
    const starts = events.filter((e) => e.type === 'content_block_start').map((e) => e.index);
    assert.deepEqual(starts, [0, 1]);
  });
  check('thoughts go back', async () => {
    const first = body('six times seven');
    const m = await client.messages.create(first);
    const again = await client.messages.create(body('', {messages: [...first.messages,
      {role: 'assistant', content: m.content}, {role: 'user', content: 'hello'}]}));
    assert.equal(texts(again), 'Hello.');
  });
  check('a call of a tool', async () => {
    const m = await ask('weather?', {tools});
    assert.equal(m.stop_reason, 'tool_use');
    const use = m.content.find((b) => b.type === 'tool_use');
    assert.equal(use.name, 'get_weather');
    assert.deepEqual(use.input, {city: 'Paris', days: 2});
    assert.ok(use.id);
    assert.equal(texts(m).trim(), 'I look it up.');
  });
  check('two calls in one turn and their results', async () => {
    const messages = [{role: 'user', content: 'weather in Paris and Rome'}];
    const a = await client.messages.create(body('', {messages, tools}));
    const uses = a.content.filter((b) => b.type === 'tool_use');
    assert.deepEqual(uses.map((u) => u.input.city), ['Paris', 'Rome']);
    messages.push({role: 'assistant', content: a.content}, {role: 'user', content: uses.map((u) => (
      {type: 'tool_result', tool_use_id: u.id, content: [{type: 'text', text: 'rain'}]}))});
    const b = await client.messages.create(body('', {messages, tools}));
    assert.equal(texts(b), 'Sun in Paris, rain in Rome.');
    assert.ok(b.usage.cache_read_input_tokens > 100);
  });
  check('a result that is an error', async () => {
    const messages = [{role: 'user', content: 'weather?'},
      {role: 'assistant', content: [{type: 'tool_use', id: 't1', name: 'get_weather', input: {city: 'Paris', days: 2}}]},
      {role: 'user', content: [{type: 'tool_result', tool_use_id: 't1', is_error: true, content: 'sunny'}]}];
    assert.equal(texts(await client.messages.create(body('', {messages, tools}))), 'It is sunny in Paris.');
  });
  check('arguments in a stream', async () => {
    const s = client.messages.stream(body('write a file', {tools}));
    let json = '';
    s.on('inputJson', (delta) => (json += delta));
    const m = await s.finalMessage();
    assert.deepEqual(m.content.find((b) => b.type === 'tool_use').input, {path: 'a.c', content: t.MULTILINE});
    assert.deepEqual(JSON.parse(json), {path: 'a.c', content: t.MULTILINE});
    assert.equal(m.stop_reason, 'tool_use');
  });
  check('the tool runner carries a conversation through', async () => {
    const asked = [];
    const m = await client.beta.messages.toolRunner(body('weather?', {tools: [{
      type: 'custom', ...tool(t.weather), parse: (x) => x, run: async (input) => (asked.push(input), 'sunny')}]}));
    assert.equal(texts(m), 'It is sunny in Paris.');
    assert.deepEqual(asked, [{city: 'Paris', days: 2}]);
  });
  const choose = [tool(t.choiceTool)];
  const speak = (more) => plain.messages.create(body('define sea', {max_tokens: 80, ...more}));
  check('tool_choice any: the model itself must call', async () => {
    const m = await speak({tools: choose, tool_choice: {type: 'any', disable_parallel_tool_use: true}});
    assert.equal(m.stop_reason, 'tool_use');
    t.isChoice(m.content.find((b) => b.type === 'tool_use').input);
  });
  check('tool_choice with a name', async () => {
    const m = await speak({tools: [...choose, ...tools], tool_choice: {type: 'tool', name: 'choose', disable_parallel_tool_use: true}});
    assert.equal(m.content.find((b) => b.type === 'tool_use').name, 'choose');
  });
  check('tool_choice none', async () => {
    const m = await speak({tools: choose, tool_choice: {type: 'none'}});
    assert.ok(m.content.every((b) => b.type === 'text'));
  });
  check('a JSON schema, parsed', async () => {
    const m = await plain.messages.parse(body('define sea', {output_config: {format: {type: 'json_schema', schema: t.choice}}}));
    t.isChoice(m.parsed_output ?? JSON.parse(texts(m)));
  });
  check('max_tokens', async () => {
    const m = await ask('count', {max_tokens: 12});
    assert.equal(m.stop_reason, 'max_tokens');
    assert.equal(m.usage.output_tokens, 12);
  });
  check('stop_sequences', async () => {
    const m = await ask('letters', {stop_sequences: [' gamma']});
    assert.equal(texts(m), 'alpha beta');
    assert.equal(m.stop_reason, 'stop_sequence');
    assert.equal(m.stop_sequence, ' gamma');
  });
  check('a last message of the assistant is gone on with', async () => {
    const m = await plain.messages.create(body('', {max_tokens: 20, temperature: 0, messages: [
      {role: 'user', content: 'define sea'}, {role: 'assistant', content: '1. sea (noun): a division of'}]}));
    assert.match(texts(m), /^ ?an ocean/);
  });
  check('tokens are counted', async () => {
    const n = await client.messages.countTokens({model: 'pocket', tools, messages: [{role: 'user', content: 'weather?'}]});
    const {usage} = await ask('weather?', {tools});
    assert.equal(n.input_tokens, usage.input_tokens + usage.cache_read_input_tokens + (usage.cache_creation_input_tokens ?? 0));
  });
  check('models', async () => {
    const all = await t.collect(await client.models.list());
    assert.deepEqual(all.map((m) => m.id), ['pocket']);
    assert.equal((await client.models.retrieve('pocket')).id, 'pocket');
  });
  check('a key as a bearer token', async () => {
    const m = await make(server, {apiKey: null, authToken: t.KEY}).messages.create(body('hello'));
    assert.equal(texts(m), 'Hello.');
  });
  check('a wrong key', async () => {
    const e = await t.fails(make(server, {apiKey: 'no'}).messages.create(body('hello')));
    assert.ok(e instanceof Anthropic.AuthenticationError);
    assert.equal(e.error.type, 'error');
    assert.equal(e.error.error.type, 'authentication_error');
  });
  check('a wrong field', async () => {
    const e = await t.fails(ask('hello', {max_tokens: 'many'}));
    assert.ok(e instanceof Anthropic.BadRequestError);
    assert.equal(e.error.error.type, 'invalid_request_error');
    assert.match(e.message, /max_tokens/);
  });
  check('an unknown model name is taken', async () => {
    assert.equal(texts(await ask('hello', {model: 'claude-x'})), 'Hello.');
  });
  check('a model that is not there', async () => {
    assert.ok((await t.fails(client.models.retrieve('nope'))) instanceof Anthropic.NotFoundError);
  });
  check('a prompt that is too long', async () => {
    const e = await t.fails(plain.messages.create(body('word '.repeat(6000))));
    assert.ok(e instanceof Anthropic.BadRequestError);
    assert.match(e.message, /4096/);
  });
  check('a full server, and the client comes back by itself', async () => {
    const first = busy.messages.stream(body('count', {max_tokens: 9000}));
    await first.emitted('text');
    const e = await t.fails(busy.messages.create(body('hello')));
    assert.ok(e instanceof Anthropic.RateLimitError);
    assert.equal(e.error.error.type, 'rate_limit_error');
    assert.ok(Number(e.headers.get('retry-after')) >= 1);
    const later = make(crowded, {maxRetries: 5}).messages.create(body('hello'));
    setTimeout(() => first.abort(), 300);
    assert.equal(texts(await later), 'Hello.');
    await t.fails(first.done());
  }, 60);
  check('an abort ends the work', async () => {
    const s = client.messages.stream(body('count', {max_tokens: 9000}));
    await s.emitted('text');
    s.abort();
    await t.fails(s.done());
    await server.idle(500);
  });
  check('a timeout of the client ends the work', async () => {
    const e = await t.fails(client.messages.create(body('count', {max_tokens: 9000}), {timeout: 300}));
    assert.ok(e instanceof Anthropic.APIConnectionTimeoutError);
    await server.idle(500);
  });
  check('the header of requests comes back', async () => {
    const {response} = await client.messages.create(body('hello')).withResponse();
    assert.ok(response.headers.get('request-id') ?? response.headers.get('x-request-id'));
  });
});
