// The package openai: chat completions.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {zodFunction, zodResponseFormat} from 'openai/helpers/zod';
import {z} from 'zod';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

const fn = (declaration) => ({type: 'function', function: declaration});
const user = (content) => ({role: 'user', content});

export default suite('openai, chat', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking(), crowded = await t.crowded();
  for (const one of [server, model, crowded]) after(() => one.stop());
  const make = (s, more = {}) => new OpenAI({baseURL: `${s.url}/v1`, apiKey: t.KEY, maxRetries: 0, ...more});
  const client = make(server), plain = make(model), busy = make(crowded);
  const ask = (content, more = {}) =>
    client.chat.completions.create({model: 'pocket', messages: [user(content)], ...more});
  const stream = async (content, more = {}) => t.collect(await ask(content, {stream: true, ...more}));
  const join = (chunks, field = 'content') =>
    chunks.map((c) => c.choices[0]?.delta?.[field] ?? '').join('');

  check('a plain answer', async () => {
    const a = await ask('capital of France?');
    assert.equal(a.object, 'chat.completion');
    assert.match(a.id, /^chatcmpl-/);
    assert.equal(a.model, 'pocket');
    assert.equal(a.choices.length, 1);
    assert.equal(a.choices[0].message.role, 'assistant');
    assert.equal(a.choices[0].message.content, t.PARIS);
    assert.equal(a.choices[0].finish_reason, 'stop');
  });
  check('usage adds up', async () => {
    const {usage} = await ask('capital of France?');
    assert.ok(usage.prompt_tokens > 5 && usage.completion_tokens > 5);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  });
  check('a second turn finds the first cached', async () => {
    const first = [user('capital of France? ' + 'Please. '.repeat(60))];
    const a = await client.chat.completions.create({model: 'pocket', messages: first});
    const b = await client.chat.completions.create({
      model: 'pocket',
      messages: [...first, a.choices[0].message, user('and what was it?')],
    });
    assert.equal(b.choices[0].message.content, 'You asked for the capital.');
    assert.ok(b.usage.prompt_tokens_details.cached_tokens > a.usage.prompt_tokens - 30, JSON.stringify(b.usage));
    assert.ok(b.usage.prompt_tokens_details.cached_tokens < b.usage.prompt_tokens);
  });
  check('deltas of a stream are the whole answer', async () => {
    const chunks = await stream('capital of France?');
    assert.ok(chunks.length > 4);
    assert.equal(join(chunks), t.PARIS);
  });
  check('chunks of a stream have one id, the role first, the reason last', async () => {
    const chunks = await stream('capital of France?');
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
    assert.ok(chunks.every((c) => c.object === 'chat.completion.chunk' && c.model === 'pocket'));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.deepEqual(chunks.map((c) => c.choices[0].finish_reason).filter(Boolean), ['stop']);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  });
  check('usage in a stream only when asked for', async () => {
    assert.ok((await stream('capital of France?')).every((c) => !c.usage));
    const chunks = await stream('capital of France?', {stream_options: {include_usage: true}});
    assert.equal(chunks.at(-1).choices.length, 0);
    assert.ok(chunks.at(-1).usage.completion_tokens > 5);
    assert.equal(chunks.filter((c) => c.usage).length, 1);
  });
  check('the helper .stream() joins what came', async () => {
    const s = client.chat.completions.stream({
      model: 'pocket', messages: [user('capital of France?')], stream_options: {include_usage: true}});
    let seen = '';
    s.on('content', (delta) => (seen += delta));
    assert.equal(await s.finalContent(), t.PARIS);
    assert.equal(seen, t.PARIS);
    assert.ok((await s.totalUsage()).total_tokens > 10);
  });
  check('unicode, whole', async () => {
    assert.equal((await ask('unicode')).choices[0].message.content, t.UNICODE);
  });
  check('unicode, in a stream without broken characters', async () => {
    const chunks = await stream('unicode');
    assert.equal(join(chunks), t.UNICODE);
    assert.ok(chunks.every((c) => !(c.choices[0]?.delta?.content ?? '').includes('\ufffd')));
  });
  check('an empty answer', async () => {
    const a = await ask('say nothing');
    assert.equal(a.choices[0].message.content, '');
    assert.equal(a.choices[0].finish_reason, 'stop');
  });
  check('an empty message of a user', async () => {
    const a = await ask('', {max_tokens: 3, reasoning_effort: 'none'});
    assert.equal(a.choices[0].finish_reason, 'length');
  });
  check('a system message counts', async () => {
    for (const role of ['system', 'developer']) {
      const messages = [{role, content: 'You are a pirate.'}, user('hello')];
      const a = await client.chat.completions.create({model: 'pocket', messages});
      assert.equal(a.choices[0].message.content, 'Arr!');
    }
    assert.equal((await ask('hello')).choices[0].message.content, 'Hello.');
  });
  check('a late system message is no fault', async () => {
    const messages = [user('x'), {role: 'assistant', content: 'y'}, {role: 'system', content: 'pirate'}, user('hello')];
    const a = await client.chat.completions.create({model: 'pocket', messages});
    assert.equal(a.choices[0].message.content, 'Arr!');
  });
  check('content in parts', async () => {
    const content = [{type: 'text', text: 'Please:'}, {type: 'text', text: 'capital of France?'}];
    assert.equal((await ask(content)).choices[0].message.content, t.PARIS);
  });
  check('an image is refused', async () => {
    const e = await t.fails(ask([{type: 'image_url', image_url: {url: 'data:image/png;base64,AA=='}}]));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });

  check('thoughts are no content', async () => {
    const a = await ask('six times seven');
    assert.equal(a.choices[0].message.content, 'It is 42.');
    assert.equal(a.choices[0].message.reasoning_content, t.THOUGHT);
    assert.ok(a.usage.completion_tokens_details.reasoning_tokens > 5);
    assert.ok(a.usage.completion_tokens_details.reasoning_tokens < a.usage.completion_tokens);
  });
  check('thoughts in a stream come first, apart', async () => {
    const chunks = await stream('six times seven');
    assert.equal(join(chunks, 'reasoning_content'), t.THOUGHT);
    assert.equal(join(chunks), 'It is 42.');
    const kinds = chunks.map((c) => c.choices[0].delta).map((d) => (d.reasoning_content ? 'r' : d.content ? 'c' : ''));
    assert.match(kinds.join(''), /^r+c+$/);
  });
  check('thoughts can be sent back', async () => {
    const messages = [user('six times seven'),
      {role: 'assistant', content: 'It is 42.', reasoning_content: t.THOUGHT}, user('hello')];
    const a = await client.chat.completions.create({model: 'pocket', messages});
    assert.equal(a.choices[0].message.content, 'Hello.');
  });

  const tools = [fn(t.weather), fn(t.writeFile)];
  check('a call of a tool', async () => {
    const a = await ask('weather?', {tools});
    const {message, finish_reason} = a.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.tool_calls.length, 1);
    assert.equal(message.tool_calls[0].type, 'function');
    assert.ok(message.tool_calls[0].id);
    assert.equal(message.tool_calls[0].function.name, 'get_weather');
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), {city: 'Paris', days: 2});
    assert.equal(message.content.trim(), 'I look it up.');
  });
  check('two calls in one turn', async () => {
    const {message} = (await ask('weather in Paris and Rome', {tools})).choices[0];
    assert.deepEqual(message.tool_calls.map((c) => JSON.parse(c.function.arguments).city), ['Paris', 'Rome']);
    assert.notEqual(message.tool_calls[0].id, message.tool_calls[1].id);
  });
  check('calls in a stream', async () => {
    const chunks = await stream('weather in Paris and Rome', {tools});
    const calls = [];
    for (const d of chunks.flatMap((c) => c.choices[0]?.delta?.tool_calls ?? [])) {
      calls[d.index] ??= {name: '', args: '', ids: []};
      if (d.id) calls[d.index].ids.push(d.id);
      calls[d.index].name += d.function?.name ?? '';
      calls[d.index].args += d.function?.arguments ?? '';
    }
    assert.deepEqual(calls.map((c) => [c.name, JSON.parse(c.args)]),
      [['get_weather', {city: 'Paris', days: 2}], ['get_weather', {city: 'Rome', days: 1}]]);
    assert.ok(calls.every((c) => new Set(c.ids).size === 1));
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
    assert.ok(!join(chunks).includes('tool_call'));
  });
  check('arguments of many lines and signs', async () => {
    const {message} = (await ask('write a file', {tools})).choices[0];
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), {path: 'a.c', content: t.MULTILINE});
  });
  check('the same by JSON calls', async () => {
    const a = await plain.chat.completions.create({model: 'pocket', messages: [user('write a file')], tools});
    assert.deepEqual(JSON.parse(a.choices[0].message.tool_calls[0].function.arguments),
      {path: 'a.c', content: t.MULTILINE});
  });
  check('a thought before a call', async () => {
    const {message} = (await ask('think and call', {tools})).choices[0];
    assert.equal(message.reasoning_content, 'I need the weather.');
    assert.equal(message.tool_calls[0].function.name, 'get_weather');
  });
  check('results of tools go back', async () => {
    const messages = [user('weather in Paris and Rome')];
    const a = await client.chat.completions.create({model: 'pocket', messages, tools});
    messages.push(a.choices[0].message);
    for (const call of a.choices[0].message.tool_calls)
      messages.push({role: 'tool', tool_call_id: call.id, content: 'rain'});
    const b = await client.chat.completions.create({model: 'pocket', messages, tools});
    assert.equal(b.choices[0].message.content, 'Sun in Paris, rain in Rome.');
    assert.ok(b.usage.prompt_tokens_details.cached_tokens > 100);
  });
  check('runTools() carries a conversation through', async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model: 'pocket',
      messages: [user('weather?')],
      tools: [{type: 'function', function: {...t.weather, parse: JSON.parse,
        function: (args) => (asked.push(args), 'sunny')}}],
    });
    assert.equal(await runner.finalContent(), 'It is sunny in Paris.');
    assert.deepEqual(asked, [{city: 'Paris', days: 2}]);
  });
  check('runTools() in a stream', async () => {
    const runner = client.chat.completions.runTools({
      model: 'pocket', stream: true,
      messages: [user('weather?')],
      tools: [{type: 'function', function: {...t.weather, parse: JSON.parse, function: () => 'sunny'}}],
    });
    assert.equal(await runner.finalContent(), 'It is sunny in Paris.');
  });
  const speak = (content, more) => plain.chat.completions.create({model: 'pocket', messages: [user(content)], seed: 3, ...more});
  check('tool_choice none: text only', async () => {
    const {message, finish_reason} = (await speak('define sea', {tools, tool_choice: 'none', max_tokens: 60})).choices[0];
    assert.ok(!message.tool_calls);
    assert.notEqual(finish_reason, 'tool_calls');
  });
  const one = [fn({...t.choiceTool}), fn(t.weather)];
  check('tool_choice required: the model itself must call', async () => {
    const {message, finish_reason} = (await speak('define sea',
      {tools: [fn(t.choiceTool)], tool_choice: 'required', parallel_tool_calls: false})).choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.tool_calls.length, 1);
    t.isChoice(JSON.parse(message.tool_calls[0].function.arguments));
  });
  check('tool_choice with a name: that one', async () => {
    const {message} = (await speak('define sea', {tools: one, parallel_tool_calls: false,
      tool_choice: {type: 'function', function: {name: 'choose'}}})).choices[0];
    assert.equal(message.tool_calls[0].function.name, 'choose');
    t.isChoice(JSON.parse(message.tool_calls[0].function.arguments));
  });
  check('tool_choice with an unknown name is refused', async () => {
    const e = await t.fails(speak('x', {tools: one, tool_choice: {type: 'function', function: {name: 'nope'}}}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.match(e.message, /nope/);
  });
  check('zodFunction() gives parsed arguments', async () => {
    const a = await client.chat.completions.parse({
      model: 'pocket', messages: [user('weather?')],
      tools: [zodFunction({name: 'get_weather', parameters: z.object({city: z.string(), days: z.number().int()})})],
    });
    assert.deepEqual(a.choices[0].message.tool_calls[0].function.parsed_arguments, {city: 'Paris', days: 2});
  });

  check('a JSON schema binds the model', async () => {
    for (const seed of [1, 2, 3]) {
      const a = await speak('define sea', {seed, temperature: 1.5,
        response_format: {type: 'json_schema', json_schema: {name: 'choice', strict: true, schema: t.choice}}});
      t.isChoice(JSON.parse(a.choices[0].message.content));
      assert.equal(a.choices[0].finish_reason, 'stop');
    }
  });
  check('parse() with zod', async () => {
    const a = await plain.chat.completions.parse({
      model: 'pocket', seed: 1, messages: [user('define sea')],
      response_format: zodResponseFormat(z.object({colour: z.enum(['red', 'green']), sure: z.boolean()}), 'choice'),
    });
    assert.ok(['red', 'green'].includes(a.choices[0].message.parsed.colour));
    assert.equal(typeof a.choices[0].message.parsed.sure, 'boolean');
  });
  check('a JSON schema in a stream', async () => {
    const s = plain.chat.completions.stream({
      model: 'pocket', seed: 4, messages: [user('define sea')],
      response_format: zodResponseFormat(z.object({colour: z.enum(['red', 'green']), sure: z.boolean()}), 'choice'),
    });
    const a = await s.finalChatCompletion();
    assert.equal(typeof a.choices[0].message.parsed.sure, 'boolean');
  });
  check('json_object', async () => {
    const a = await speak('define sea', {response_format: {type: 'json_object'}, max_tokens: 3000, seed: 1});
    if (a.choices[0].finish_reason === 'stop') assert.equal(typeof JSON.parse(a.choices[0].message.content), 'object');
    assert.match(a.choices[0].message.content, /^\s*\{/);
  });
  check('a schema that cannot be kept is refused', async () => {
    const e = await t.fails(speak('x', {response_format: {type: 'json_schema',
      json_schema: {name: 'x', schema: {type: 'nonsense'}}}}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.match(e.message, /response_format/);
  });

  check('a wrong key', async () => {
    const e = await t.fails(make(server, {apiKey: 'sk-wrong'}).chat.completions.create(
      {model: 'pocket', messages: [user('hello')]}));
    assert.ok(e instanceof OpenAI.AuthenticationError);
    assert.equal(e.status, 401);
  });
  check('a wrong field is named', async () => {
    const e = await t.fails(ask('hello', {temperature: 'hot'}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.equal(e.type, 'invalid_request_error');
    assert.match(e.message, /temperature/);
  });
  check('no messages', async () => {
    const e = await t.fails(client.chat.completions.create({model: 'pocket', messages: []}));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });
  check('an unknown role', async () => {
    const e = await t.fails(client.chat.completions.create({model: 'pocket', messages: [{role: 'king', content: 'x'}]}));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });
  check('arguments in the history that are no JSON', async () => {
    const e = await t.fails(client.chat.completions.create({model: 'pocket', tools, messages: [user('x'),
      {role: 'assistant', tool_calls: [{id: '1', type: 'function', function: {name: 'get_weather', arguments: '{x'}}]},
      {role: 'tool', tool_call_id: '1', content: 'y'}]}));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });
  check('a wrong path', async () => {
    const e = await t.fails(client.post('/nowhere', {body: {}}));
    assert.ok(e instanceof OpenAI.NotFoundError);
    assert.equal(e.status, 404);
  });
  check('a prompt that is too long', async () => {
    const e = await t.fails(plain.chat.completions.create({model: 'pocket', messages: [user('word '.repeat(6000))]}));
    assert.ok(e instanceof OpenAI.BadRequestError);
    assert.equal(e.type, 'exceed_context_size_error');
    assert.equal(e.error.n_ctx, 4096);
    assert.ok(e.error.n_prompt_tokens > 6000);
  });
  check('an error in front of a stream has its status', async () => {
    const e = await t.fails(plain.chat.completions.create(
      {model: 'pocket', stream: true, messages: [user('word '.repeat(6000))]}));
    assert.ok(e instanceof OpenAI.BadRequestError);
  });
  check('a full server says when to come back', async () => {
    const first = busy.chat.completions.stream({model: 'pocket', messages: [user('count')]});
    await first.emitted('content');
    const e = await t.fails(busy.chat.completions.create({model: 'pocket', messages: [user('hello')]}));
    assert.ok(e instanceof OpenAI.RateLimitError);
    assert.equal(e.status, 429);
    assert.ok(Number(e.headers.get('retry-after')) >= 1);
    first.abort();
    await t.fails(first.done());
    await crowded.idle();
  });
  check('the client itself comes back then', async () => {
    const first = busy.chat.completions.stream({model: 'pocket', messages: [user('count')]});
    await first.emitted('content');
    let tries = 0;
    const patient = make(crowded, {maxRetries: 5, fetch: (...args) => (++tries, fetch(...args))});
    const later = patient.chat.completions.create({model: 'pocket', messages: [user('hello')]});
    setTimeout(() => first.abort(), 400);
    assert.equal((await later).choices[0].message.content, 'Hello.');
    assert.ok(tries > 1);
    await t.fails(first.done());
  }, 60);

  check('an abort in the middle of a stream ends the work', async () => {
    const s = await ask('count', {stream: true});
    let n = 0;
    for await (const _ of s) if (++n === 20) break;
    const ms = await server.idle(500);
    assert.ok(ms < 500);
  });
  check('an abort by a signal', async () => {
    const controller = new AbortController();
    const asked = client.chat.completions.create({model: 'pocket', messages: [user('count')]}, {signal: controller.signal});
    setTimeout(() => controller.abort(), 300);
    assert.ok((await t.fails(asked)) instanceof OpenAI.APIUserAbortError);
    await server.idle(500);
  });
  check('a timeout of the client ends the work', async () => {
    const e = await t.fails(client.chat.completions.create({model: 'pocket', messages: [user('count')]}, {timeout: 300}));
    assert.ok(e instanceof OpenAI.APIConnectionTimeoutError);
    await server.idle(500);
  });

  check('stop strings', async () => {
    const a = await ask('letters', {stop: [' gamma']});
    assert.equal(a.choices[0].message.content, 'alpha beta');
    assert.equal(a.choices[0].finish_reason, 'stop');
    assert.equal(join(await stream('letters', {stop: 'gamma'})), 'alpha beta ');
  });
  check('max_tokens', async () => {
    for (const field of ['max_tokens', 'max_completion_tokens']) {
      const a = await ask('count', {[field]: 12});
      assert.equal(a.choices[0].finish_reason, 'length');
      assert.equal(a.usage.completion_tokens, 12);
    }
  });
  check('log-probabilities', async () => {
    const a = await speak('define sea', {logprobs: true, top_logprobs: 3, max_tokens: 8, temperature: 0});
    const {content} = a.choices[0].logprobs;
    assert.equal(content.length, a.usage.completion_tokens);
    assert.equal(content.map((c) => c.token).join(''), a.choices[0].message.content);
    for (const c of content) {
      assert.ok(c.logprob <= 0 && c.logprob > -20);
      assert.equal(c.top_logprobs.length, 3);
      assert.equal(c.top_logprobs[0].token, c.token);
      assert.equal(Buffer.from(c.bytes).toString(), c.token);
    }
  });
  check('log-probabilities in a stream', async () => {
    const chunks = await t.collect(await speak('define sea', {stream: true, logprobs: true, max_tokens: 8}));
    const all = chunks.flatMap((c) => c.choices[0]?.logprobs?.content ?? []);
    assert.equal(all.length, 8);
    assert.equal(all.map((c) => c.token).join(''), join(chunks));
  });
  check('without being asked there are none', async () => {
    assert.ok(!(await ask('letters')).choices[0].logprobs);
  });
  check('the same seed, the same text', async () => {
    const text = async (seed) => (await speak('tell me', {seed, ...t.wild, max_tokens: 40})).choices[0].message.content;
    const [a, b, c] = [await text(7), await text(7), await text(8)];
    assert.equal(a, b);
    assert.notEqual(a, c);
  });
  check('several answers', async () => {
    const a = await speak('tell me', {n: 3, ...t.wild, max_tokens: 30});
    assert.deepEqual(a.choices.map((c) => c.index).sort(), [0, 1, 2]);
    assert.ok(new Set(a.choices.map((c) => c.message.content)).size > 1);
    assert.ok(a.usage.completion_tokens > 30);
  });
  check('several answers in a stream', async () => {
    const chunks = await t.collect(await speak('define river', {n: 2, max_tokens: 10, stream: true}));
    for (const index of [0, 1]) {
      const own = chunks.filter((c) => c.choices[0]?.index === index);
      assert.ok(own.some((c) => c.choices[0].delta.content));
      assert.equal(own.filter((c) => c.choices[0].finish_reason).length, 1);
    }
  });
  check('logit_bias bans and forces', async () => {
    const {tokens} = await plain.post('/tokenize', {body: {content: ' sea'}, baseURL: model.url}).catch(async () =>
      (await fetch(`${model.url}/tokenize`, {method: 'POST', body: JSON.stringify({content: ' sea'})})).json());
    const a = await speak('define sea', {logit_bias: {[tokens[0]]: 100}, max_tokens: 4, temperature: 0});
    const b = await speak('define sea', {logit_bias: {[tokens[0]]: -100}, max_tokens: 30, temperature: 0});
    assert.ok(a.choices[0].message.content.startsWith(' sea'), JSON.stringify(a.choices[0].message.content));
    assert.ok(!b.choices[0].message.content.includes(' sea'));
  });
  check('eight at once get their own answers', async () => {
    const asked = ['capital of France', 'letters', 'unicode', 'hello', 'capital of France', 'letters', 'unicode', 'hello'];
    const said = await Promise.all(asked.map((q) => ask(q)));
    const expected = [t.PARIS, 'alpha beta gamma delta', t.UNICODE, 'Hello.'];
    said.forEach((a, i) => assert.equal(a.choices[0].message.content, expected[i % 4]));
  });
  check('any name of a model is taken', async () => {
    const a = await client.chat.completions.create({model: 'gpt-x', messages: [user('hello')]});
    assert.equal(a.choices[0].message.content, 'Hello.');
  });
  check('fields that mean nothing here are no fault', async () => {
    const a = await ask('hello', {store: true, metadata: {a: 'b'}, user: 'me', service_tier: 'auto', unheard_of: 1});
    assert.equal(a.choices[0].message.content, 'Hello.');
  });
});
