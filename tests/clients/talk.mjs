// What the scripted server says in the checks of all SDKs, and what they ask for.
import assert from 'node:assert/strict';
import {hermes, serve, tagged} from './server.mjs';

export const KEY = 'sk-right';
export const PARIS = 'The capital of France is Paris.';
export const THOUGHT = 'Six times seven. That is 42.';
export const UNICODE = 'Grüße aus Köln, 日本語, Ελλάδα, 🌍 and 👩‍👩‍👧!';
export const LONG = Array.from({length: 4000}, (_, i) => i + 1).join(' ');
export const MULTILINE = 'line one\n\n\tif (a < b && c > d) { return "</x>"; }\n';

export const rules = (call) => [
  {user: 'capital of France', text: PARIS},
  {user: 'six times seven', thought: THOUGHT, text: 'It is 42.'},
  {user: 'unicode', text: UNICODE},
  {user: 'say nothing', text: ''},
  {user: 'count', text: LONG},
  {user: 'letters', text: 'alpha beta gamma delta'},
  {user: 'hand over', round: 0, tool: 'transfer_to_other', text: call('transfer_to_other', {})},
  {user: 'hello', system: 'pirate', text: 'Arr!'},
  {user: 'hello', text: 'Hello.'},
  {user: 'what was it', text: 'You asked for the capital.'},
  {user: 'weather in Paris and Rome', round: 0, tool: 'get_weather',
   text: call('get_weather', {city: 'Paris', days: 2}) + '\n' + call('get_weather', {city: 'Rome', days: 1})},
  {user: 'weather in Paris and Rome', round: 1, result: 'rain', text: 'Sun in Paris, rain in Rome.'},
  {user: 'weather', round: 0, tool: 'get_weather',
   text: 'I look it up.\n\n' + call('get_weather', {city: 'Paris', days: 2})},
  {user: 'weather', round: 1, result: 'sunny', text: 'It is sunny in Paris.'},
  {user: 'write a file', round: 0, tool: 'write_file',
   text: call('write_file', {path: 'a.c', content: MULTILINE})},
  {user: 'think and call', round: 0, tool: 'get_weather', thought: 'I need the weather.',
   text: call('get_weather', {city: 'Oslo', days: 1})},
];

export const weather = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: 'object',
    properties: {city: {type: 'string'}, days: {type: 'integer'}},
    required: ['city', 'days'],
    additionalProperties: false,
  },
};
export const writeFile = {
  name: 'write_file',
  description: 'Writes a file',
  parameters: {
    type: 'object',
    properties: {path: {type: 'string'}, content: {type: 'string'}},
    required: ['path', 'content'],
  },
};
// Short whatever a small model says.
export const choice = {
  type: 'object',
  properties: {colour: {enum: ['red', 'green', 'blue']}, sure: {type: 'boolean'}},
  required: ['colour', 'sure'],
  additionalProperties: false,
};

export const choiceTool = {name: 'choose', description: 'Chooses', parameters: choice};
// Sampling by which a small model never says the same twice.
export const wild = {temperature: 2, top_p: 1, top_k: 0, min_p: 0};
export function isChoice(value) {
  assert.deepEqual(Object.keys(value).sort(), ['colour', 'sure']);
  assert.ok(choice.properties.colour.enum.includes(value.colour));
  assert.equal(typeof value.sure, 'boolean');
}

// The servers that suites share in shape: thoughts and tagged calls behind a key; the model itself, within
// grammars, with calls in JSON; one that has room for nobody.
export const thinking = () =>
  serve({rules: rules(tagged), template: 'tagged', args: ['-c', '16384', '--api-key', KEY]});
export const speaking = () => serve({rules: rules(hermes), template: 'hermes', args: ['-c', '4096']});
export const crowded = () =>
  serve({rules: rules(hermes), template: 'hermes', args: ['-c', '16384', '--parallel', '1', '--queue', '0']});

// Texts of a stream of chunks, one by one.
export async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

export async function fails(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}
