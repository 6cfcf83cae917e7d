// The package @openai/agents, over chat completions and responses.
import assert from 'node:assert/strict';
import {Agent, OpenAIProvider, Runner, setTracingDisabled, tool} from '@openai/agents';
import OpenAI from 'openai';
import {z} from 'zod';
import {suite} from '../runner.mjs';
import * as t from '../talk.mjs';

setTracingDisabled(true);

export default suite('@openai/agents', async ({check, after}) => {
  const server = await t.thinking(), model = await t.speaking();
  for (const one of [server, model]) after(() => one.stop());
  const runner = (s, useResponses, apiKey = t.KEY) => new Runner({tracingDisabled: true, modelProvider: new OpenAIProvider({
    openAIClient: new OpenAI({baseURL: `${s.url}/v1`, apiKey, maxRetries: 0}), useResponses})});
  for (const [name, responses] of [['chat', false], ['responses', true]]) {
    const run = (agent, input, more) => runner(server, responses).run(agent, input, more);
    const weather = (seen = []) => tool({name: 'get_weather', description: 'weather',
      parameters: z.object({city: z.string(), days: z.number().int()}),
      execute: async (input) => (seen.push(input), input.city === 'Rome' ? 'rain' : 'sunny')});
    const agent = (more = {}) => new Agent({name: 'helper', instructions: 'You help.', model: 'pocket', ...more});
    const check2 = (what, f) => check(`${name}: ${what}`, f);

    check2('a plain run', async () => {
      const r = await run(agent(), 'capital of France?');
      assert.equal(r.finalOutput, t.PARIS);
      assert.ok(r.rawResponses[0].usage.inputTokens > 5);
    });
    check2('a streamed run', async () => {
      const r = await run(agent(), 'capital of France?', {stream: true});
      const text = (await t.collect(r.toTextStream())).join('');
      await r.completed;
      assert.equal(text, t.PARIS);
      assert.equal(r.finalOutput, t.PARIS);
    });
    check2('instructions', async () => {
      assert.equal((await run(agent({instructions: 'You are a pirate.'}), 'hello')).finalOutput, 'Arr!');
    });
    check2('a tool', async () => {
      const seen = [];
      const r = await run(agent({tools: [weather(seen)]}), 'weather?');
      assert.equal(r.finalOutput, 'It is sunny in Paris.');
      assert.deepEqual(seen, [{city: 'Paris', days: 2}]);
    });
    check2('two tools in one turn, streamed', async () => {
      const seen = [];
      const r = await run(agent({tools: [weather(seen)]}), 'weather in Paris and Rome', {stream: true});
      await t.collect(r.toStream());
      await r.completed;
      assert.equal(r.finalOutput, 'Sun in Paris, rain in Rome.');
      assert.deepEqual(seen.map((s) => s.city).sort(), ['Paris', 'Rome']);
    });
    check2('thoughts do not get into the answer', async () => {
      assert.equal((await run(agent(), 'six times seven')).finalOutput, 'It is 42.');
    });
    check2('the history of a run goes on', async () => {
      const a = await run(agent({tools: [weather()]}), 'weather?');
      const b = await run(agent({tools: [weather()]}), [...a.history, {role: 'user', content: 'what was it?'}]);
      assert.equal(b.finalOutput, 'You asked for the capital.');
      assert.ok(b.rawResponses[0].usage.inputTokensDetails.length > 0);
    });
    check2('an output type', async () => {
      const r = await runner(model, responses).run(agent({outputType:
        z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()})}), 'define sea');
      t.isChoice(r.finalOutput);
    });
    check2('a tool that must be called', async () => {
      const seen = [];
      const choose = tool({name: 'choose', description: 'chooses', parameters:
        z.object({colour: z.enum(['red', 'green', 'blue']), sure: z.boolean()}),
        execute: async (input) => (seen.push(input), 'chosen')});
      const r = await runner(model, responses).run(agent({tools: [choose], toolUseBehavior: 'stop_on_first_tool',
        modelSettings: {toolChoice: 'required', parallelToolCalls: false}}), 'define sea');
      assert.equal(r.finalOutput, 'chosen');
      t.isChoice(seen[0]);
    });
    check2('a handoff to another agent', async () => {
      const r = await run(agent({handoffs: [agent({name: 'other', instructions: 'You are a pirate.'})]}), 'hand over, hello');
      assert.equal(r.finalOutput, 'Arr!');
      assert.equal(r.lastAgent.name, 'other');
    });
    check2('a wrong key', async () => {
      const e = await t.fails(runner(server, responses, 'no').run(agent(), 'hello'));
      assert.match(String(e), /401/);
    });
    check2('an abort ends the work', async () => {
      const controller = new AbortController();
      const r = await run(agent(), 'count', {stream: true, signal: controller.signal});
      let n = 0;
      try {
        for await (const _ of r.toStream()) if (++n === 10) controller.abort();
        await r.completed;
      } catch {}
      await server.idle(500);
    });
  }
});
