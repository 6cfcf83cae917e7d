// The package @langchain/openai, over chat completions and responses.
import assert from 'node:assert/strict';
import {AIMessage, HumanMessage, SystemMessage, ToolMessage} from '@langchain/core/messages';
import {tool} from '@langchain/core/tools';
import {ChatOpenAI, OpenAI} from '@langchain/openai';
import {z} from 'zod';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

export default suite('@langchain/openai', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking(), crowded = await t.crowded();
  for (const one of [server, model, crowded]) after(() => one.stop());
  for (const [name, useResponsesApi] of [['chat', false], ['responses', true]]) {
    const chat = (s, more = {}) => new ChatOpenAI({model: 'pocket', apiKey: t.KEY, maxRetries: 0, useResponsesApi,
      configuration: {baseURL: `${s.url}/v1`}, ...more});
    const check2 = (what, f, seconds) => check(`${name}: ${what}`, f, seconds);
    const weather = tool(async () => 'sunny', {name: 'get_weather', description: 'w',
      schema: z.object({city: z.string(), days: z.number().int()})});
    const shape = z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()});
    const choose = tool(async () => '', {name: 'choose', description: 'chooses', schema: shape});

    check2('a plain answer and its usage', async () => {
      const m = await chat(server).invoke('capital of France?');
      assert.equal(m.text, t.PARIS);
      assert.ok(m.usage_metadata.input_tokens > 5 && m.usage_metadata.output_tokens > 5);
    });
    check2('a stream', async () => {
      const chunks = await t.collect(await chat(server).stream('capital of France?'));
      assert.equal(chunks.map((c) => c.text).join(''), t.PARIS);
      const whole = chunks.reduce((a, b) => a.concat(b));
      assert.ok(whole.usage_metadata.output_tokens > 5, JSON.stringify(whole.usage_metadata));
    });
    check2('unicode', async () => {
      assert.equal((await chat(server).invoke('unicode')).text, t.UNICODE);
    });
    check2('messages of all kinds', async () => {
      const m = await chat(server).invoke([new SystemMessage('You are a pirate.'), new HumanMessage('hi'),
        new AIMessage('Yes?'), new HumanMessage('hello')]);
      assert.equal(m.text, 'Arr!');
    });
    check2('a tool and its result', async () => {
      const bound = chat(server).bindTools([weather]);
      const first = new HumanMessage('weather?');
      const m = await bound.invoke([first]);
      assert.equal(m.tool_calls.length, 1);
      assert.deepEqual(m.tool_calls[0].args, {city: 'Paris', days: 2});
      const result = await weather.invoke(m.tool_calls[0]);
      assert.ok(result instanceof ToolMessage);
      assert.equal((await bound.invoke([first, m, result])).text, 'It is sunny in Paris.');
    });
    check2('two tools in a stream', async () => {
      const chunks = await t.collect(await chat(server).bindTools([weather]).stream('weather in Paris and Rome'));
      const whole = chunks.reduce((a, b) => a.concat(b));
      assert.deepEqual(whole.tool_calls.map((c) => c.args.city), ['Paris', 'Rome']);
    });
    check2('tool_choice', async () => {
      const m = await chat(model).bindTools([choose, weather], {tool_choice: 'choose', parallel_tool_calls: false}).invoke('define sea');
      t.isChoice(m.tool_calls[0].args);
    });
    check2('structured output by a schema', async () => {
      t.isChoice(await chat(model).withStructuredOutput(shape, {method: 'jsonSchema'}).invoke('define sea'));
    });
    check2('structured output by a call', async () => {
      t.isChoice(await chat(model).withStructuredOutput(shape, {method: 'functionCalling'}).invoke('define sea'));
    });
    check2('a batch', async () => {
      const all = await chat(server).batch(['capital of France?', 'letters', 'hello']);
      assert.deepEqual(all.map((m) => m.text), [t.PARIS, 'alpha beta gamma delta', 'Hello.']);
    });
    check2('a wrong key', async () => {
      const e = await t.fails(chat(server, {apiKey: 'no'}).invoke('hello'));
      assert.equal(e.status, 401);
    });
    check2('a prompt that is too long', async () => {
      const e = await t.fails(chat(model).invoke('word '.repeat(6000)));
      assert.equal(e.status ?? 400, 400);
      assert.match(String(e.message), /4096/);
    });
    check2('an abort ends the work', async () => {
      const controller = new AbortController();
      let n = 0;
      await t.fails((async () => {
        for await (const _ of await chat(server).stream('count', {signal: controller.signal})) if (++n === 10) controller.abort();
      })());
      await server.idle(500);
    });
    check2('a full server: the client comes back', async () => {
      const controller = new AbortController();
      const first = await chat(crowded).stream('count', {signal: controller.signal});
      await first[Symbol.asyncIterator]().next();
      setTimeout(() => controller.abort(), 300);
      assert.equal((await chat(crowded, {maxRetries: 5}).invoke('hello')).text, 'Hello.');
    }, 60);
  }
  check('chat: stop, log-probabilities, seeds', async () => {
    const chat = (s, more) => new ChatOpenAI({model: 'pocket', apiKey: t.KEY, configuration: {baseURL: `${s.url}/v1`}, ...more});
    assert.equal((await chat(server).invoke('letters', {stop: [' gamma']})).text, 'alpha beta');
    const m = await chat(model, {logprobs: true, topLogprobs: 2, maxTokens: 5}).invoke('define sea');
    assert.equal(m.response_metadata.logprobs.content.length, 5);
    const wild = async () => (await chat(model, {temperature: 2, maxTokens: 30, modelKwargs: {seed: 4}}).invoke('tell me')).text;
    assert.equal(await wild(), await wild());
  });
  check('completions', async () => {
    const llm = new OpenAI({model: 'pocket', apiKey: t.KEY, maxRetries: 0, configuration: {baseURL: `${server.url}/v1`}});
    assert.equal(await llm.invoke('letters:'), 'alpha beta gamma delta');
    assert.equal((await t.collect(await llm.stream('letters:'))).join(''), 'alpha beta gamma delta');
  });
});
