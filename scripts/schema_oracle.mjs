#!/usr/bin/env node
// Structured output through the whole program: it answers within several hundred JSON schemas with a model that says
// anything, and ajv judges the answers.
//
//   mkdir oracle && npm install --prefix oracle ajv@8.20.0 ajv-formats@3.0.1
//   gannet synth model.gguf --arch qwen35 --like tiny --vocab 4096 --type F32
//   node scripts/schema_oracle.mjs build/release/gannet model.gguf oracle [OPTIONS]
//
//   --suite FOLDER   also the schemas of a folder of the JSON Schema Test Suite, as tests/draft2020-12; may be repeated
//   --schemas N      schemas made here, always the same ones [500]
//   --seeds N        answers per schema [2]
//   --tokens N       most tokens of an answer (-n) [600]
//   --speculation    every answer a second time, with drafts of n-grams forced on the program: the bytes must be the same
//   --every N        only each Nth schema [1]
//   --only N         only schema N; nothing that is printed is shortened
//
// Temperature 2, no token left out. With random weights a string would hardly end, so tokens of quotes, brackets and
// commas get a bias, another one for each seed. Failures, which make the exit code 1: an answer that ended by itself
// and is no JSON or not valid; other bytes with speculation; a run that fails, or takes over two minutes; a refusal
// that names no keyword, nor says that the grammar is too large; "no text at all" of a schema for which the suite has
// a valid value. Answers that -n cut are counted. ajv has numbers of 53 bits, so multiples and bounds are judged here,
// by the digits that were written.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string', multiple: true, default: [] }, schemas: { type: 'string', default: '500' },
    seeds: { type: 'string', default: '2' }, tokens: { type: 'string', default: '600' },
    speculation: { type: 'boolean', default: false }, every: { type: 'string', default: '1' }, only: { type: 'string' },
  },
});
const [program, model, folder] = positionals;
if (!folder) throw new Error('usage: schema_oracle.mjs GANNET MODEL FOLDER [OPTIONS]');
const require = createRequire(join(resolve(folder), 'x.js'));
const addFormats = require('ajv-formats');

// --- schemas -------------------------------------------------------------------------------------------------------

let state = 20261129;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const pick = (list) => list[random(list.length)];
const often = (percent) => random(100) < percent;

const names = ['id', 'name', 'title', 'tags', 'city', 'unit', 'count', 'items', 'type', 'größe', 'a b', 'x"y', 'k\\n', '日本', 'a/b', 'a~b',
  '', '$ref', 'é\u0301', '👍', 'created_at', 'description'];
const patterns = ['^[a-z]+$', '^\\d{3}-\\d{4}$', 'foo', '^(a|b)+$', '^[^"\\\\]{2,5}$', '\\.json$', '^[A-Z]{2}\\d*$', '^x.*y$', '^\\S+ \\S+$',
  '[é-ü]', '^"\\w"$', '^(?:https?://)?[\\w.-]+$', '^#[0-9a-fA-F]{6}$', '^\\+?[1-9]\\d{1,14}$', '^$', '^[\\u4e00-\\u9fff]{1,4}$',
  '^v\\d+\\.\\d+(\\.\\d+)?$', '^ok$|^a?$'];
const formats = ['date', 'time', 'date-time', 'uuid', 'email', 'ipv4', 'ipv6', 'uri', 'hostname', 'duration'];
const enums = [['a', 'b', 1, null, { x: [1, 2] }], ['celsius', 'fahrenheit'], ['a', 'ab', 'abc', 'é'], [0, -1, 2.5, 1e21], [[], {}, ''],
  ['"', '\\', '\n', '\u0001'], [true, 'true'], ['北京', '東京', '서울']];

function number() {
  const s = { type: pick(['integer', 'number']) };
  const whole = s.type === 'integer' ? 1 : 100;
  const kind = random(8);
  if (kind === 1) s.minimum = random(200) - 100;
  if (kind === 2) s.maximum = (s.minimum = random(100) - 50) + random(1000);
  if (kind === 3) s.exclusiveMinimum = (random(2000) - 1000) / whole;
  if (kind === 4) Object.assign(s, { minimum: 0, maximum: 1 });
  if (kind === 5) s.multipleOf = pick([1, 2, 3, 5, 7, 10, 25, 100, 0.01]);
  if (kind === 6) Object.assign(s, { exclusiveMinimum: -0.5, exclusiveMaximum: pick([0.25, 3, 17.125]) });
  if (kind === 7) s.maximum = (random(2000) - 1000) / whole;
  return s;
}

function string() {
  const s = { type: 'string' };
  const kind = random(8);
  if (kind === 1) s.minLength = random(5);
  if (kind === 2) s.maxLength = random(30);
  if (kind === 3) s.maxLength = (s.minLength = random(4)) + random(10);
  if (kind === 4) s.pattern = pick(patterns);
  if (kind === 5) s.format = pick(formats);
  if (kind === 6) Object.assign(s, { pattern: pick(['^[a-z]+$', 'foo', '^[^ ]*$']), maxLength: 3 + random(10) });
  return s;
}

function object(depth) {
  const s = { type: 'object', properties: {} };
  for (let n = random(6); n > 0; --n) s.properties[pick(names)] = schema(depth + 1);
  s.required = Object.keys(s.properties).filter(() => often(60));
  const others = random(4);
  if (others < 2) s.additionalProperties = false;
  if (others === 2) s.additionalProperties = schema(depth + 2);
  if (often(15)) s.maxProperties = Math.max(s.required.length, 1 + random(4));
  if (often(12)) s.minProperties = Math.min(1 + s.required.length, Object.keys(s.properties).length);
  if (often(12)) s.patternProperties = { [pick(['^x_', '\\d$', '^[a-z]{3}$'])]: schema(depth + 2) };
  if (often(8)) s.propertyNames = pick([{ maxLength: 12 }, { minLength: 1 }, { pattern: '^[^_]' }]);
  if (often(10)) s.description = 'what it is';
  return s;
}

function array(depth) {
  const s = { type: 'array', items: schema(depth + 1) };
  if (often(20)) Object.assign(s, { prefixItems: [schema(depth + 1), schema(depth + 1)], items: pick([false, true, schema(depth + 2)]) });
  if (often(50)) s.minItems = random(3);
  if (often(50)) s.maxItems = (s.minItems ?? 0) + random(5);
  return s;
}

function schema(depth) {
  const kind = random(depth > 3 ? 5 : 15);
  if (kind < 2) return number();
  if (kind < 4) return string();
  if (kind === 4)
    return pick([() => ({ type: 'boolean' }), () => ({ type: 'null' }), () => ({ enum: pick(enums) }), () => ({ const: pick(pick(enums)) }),
      () => ({ type: ['string', 'null'] }), () => ({ type: ['integer', 'boolean', 'null'] }), () => ({ ...string(), nullable: true }), () => true])();
  if (kind < 9) return object(depth);
  if (kind < 11) return array(depth);
  if (kind === 11) return { anyOf: [schema(depth + 1), schema(depth + 1)] };
  if (kind === 12) {
    const more = pick([{}, { title: 'x' }, { type: ['object', 'string', 'array', 'integer'] }, object(depth + 2)]);
    return { allOf: [schema(depth + 1), more] };
  }
  if (kind === 13) return { anyOf: [schema(depth + 1), { type: 'null' }], description: 'maybe' };
  const branch = (name, key) => ({ type: 'object', properties: { kind: { const: name }, [key]: schema(depth + 1) }, required: ['kind'] });
  return { oneOf: [branch('a', 'v'), branch('b', 'w'), { type: 'null' }] };
}

// The root is an object more often than not, as clients have it; one in six is recursive.
function made() {
  const s = often(60) ? object(0) : schema(0);
  if (!often(17)) return s;
  const link = pick([{ anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] }, { type: 'array', items: { $ref: '#/$defs/node' }, maxItems: 2 },
    { type: 'object', additionalProperties: { $ref: '#/$defs/node' } }]);
  const required = ['value', ...(often(50) ? ['next'] : [])];
  const node = { type: 'object', properties: { value: s, next: link }, required, additionalProperties: false };
  const $ref = '#/$defs/node';
  return pick([{ $ref, $defs: { node } }, { type: 'array', items: { $ref }, minItems: 1, maxItems: 3, $defs: { node } }]);
}

function* ofSuite(where) {
  const draft = basename(resolve(where));
  for (const file of readdirSync(where, { recursive: true }).filter((f) => f.endsWith('.json')).sort())
    for (const group of JSON.parse(readFileSync(join(where, file), 'utf8')))
      yield { from: `${draft}/${file}: ${group.description}`, schema: group.schema, draft, satisfiable: group.tests.some((t) => t.valid) };
}

const cases = Array.from({ length: Number(options.schemas) }, (_, i) => ({ from: `made ${i}`, schema: made(), draft: 'draft2020-12' }));
for (const where of options.suite) cases.push(...ofSuite(where));

// --- the judge -----------------------------------------------------------------------------------------------------

// Digits as [n, k]: n / 10^k.
function decimal(text) {
  const [, sign, whole, part = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const k = part.length - Number(power);
  const n = BigInt(sign + whole + part);
  return k < 0 ? [n * 10n ** BigInt(-k), 0] : [n, k];
}

function judge({ schema, draft }) {
  const Ajv = require({ 'draft2020-12': 'ajv/dist/2020', 'draft2019-09': 'ajv/dist/2019' }[draft] ?? 'ajv');
  const ajv = new Ajv({ strict: false, logger: false, ownProperties: true });
  addFormats(ajv);
  let digits;  // the answer with its numbers as strings; undefined while ajv reads the schema
  const compares = {
    multipleOf: (x, y) => x % y === 0n, minimum: (x, y) => x >= y, maximum: (x, y) => x <= y,
    exclusiveMinimum: (x, y) => x > y, exclusiveMaximum: (x, y) => x < y,
  };
  for (const [keyword, holds] of Object.entries(compares)) {
    ajv.removeKeyword(keyword);
    ajv.addKeyword({ keyword, type: 'number', schemaType: 'number', validate: (limit, value, _, { instancePath }) => {
      const keys = instancePath.split('/').slice(1).map((k) => k.replaceAll('~1', '/').replaceAll('~0', '~'));
      const written = digits === undefined ? String(value) : keys.reduce((v, k) => v[k], digits);
      const [[x, i], [y, j]] = [written, String(limit)].map(decimal);
      const k = Math.max(i, j);
      return holds(x * 10n ** BigInt(k - i), y * 10n ** BigInt(k - j));
    } });
  }
  const valid = ajv.compile(schema);
  return (text) => {
    let value;
    try {
      value = JSON.parse(text);
    } catch (e) {
      return `not JSON: ${e.message}`;
    }
    digits = JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (m) => (m[0] === '"' ? m : `"${m}"`)));
    return valid(value) ? null : `not valid: ${ajv.errorsText(valid.errors)}`;
  };
}

// --- the program ---------------------------------------------------------------------------------------------------

const run = (args) => spawnSync(program, args, { encoding: 'buffer', timeout: 120_000, maxBuffer: 1 << 28 });
const size = Number(/tokenizer\.ggml\.tokens\s+string\[(\d+)\]/.exec(run(['inspect', '-m', model]).stdout)?.[1]);
if (!size) throw new Error(`${model}: no vocabulary`);

function token(text) {
  const ids = run(['tokenize', '--ids', '-m', model, text]).stdout.toString().trim().split(' ');
  return ids.length === 1 ? [Number(ids[0])] : [];
}
const quotes = ['"', '",', '":', '"}', '"]', '","', '":"', '":{"', '":["', '"},', '"],', '"}}', '"}]', '"\n'].flatMap(token);
const closers = ['}', ']', '}}', ']}', '}]', '},', '],', '}\n', ']\n'].flatMap(token);
const goingOn = [',', ',"', '\\', '\\"', '\\u', '{', '{"', '["', '[{"', '[{', ':', ': '].flatMap(token);
const bias = (share, ids) => {
  const b = 2 * Math.log(share * size);
  return b > 0 ? ids.flatMap((id) => ['-l', `${id}+${b.toFixed(1)}`]) : [];
};
const biases = [
  [...bias(0.1, quotes), ...bias(0.02, closers)],
  [...bias(0.05, quotes), ...bias(0.01, goingOn)],
  [...bias(0.2, quotes), ...bias(0.05, [...closers, ...goingOn])],
  bias(0.02, quotes),
];
const sources = ['ngram-suffix', 'ngram-simple', 'ngram-map-k', 'ngram-mod', 'ngram-cache', 'ngram-map-k4v'];
const context = Number(options.tokens) + 512;
const spread = (index) => Math.imul(index, 0x9e3779b1) >>> 16;  // so that --every N leaves none of them out

function answer(c, text, seed, speculation) {
  const done = run(['run', '-m', model, '-j', text, '--temp', '2', '--top-k', '0', '--top-p', '1', '--min-p', '0', '-s', String(seed),
    '-n', options.tokens, '-c', String(context), '-t', '1', '-rea', 'off', '--timings', ...biases[(spread(c.index) + seed) % biases.length], ...speculation, 'x']);
  const stderr = done.stderr.toString();
  const [, tokens] = /answer (\d+) tokens/.exec(stderr) ?? [];
  const [, drafted = '0', right = '0'] = /verified (\d+) drafted tokens, right (\d+)/.exec(stderr) ?? [];
  return { status: done.error?.code ?? done.status, stdout: done.stdout, stderr, tokens: Number(tokens), drafted: Number(drafted), right: Number(right) };
}

// --- all of them ---------------------------------------------------------------------------------------------------

const keywords = new Set((
  'type enum const $ref $defs definitions $schema $id $anchor $dynamicRef $recursiveRef $vocabulary nullable allOf anyOf oneOf not ' +
  'if then else properties required additionalProperties patternProperties propertyNames minProperties maxProperties dependencies ' +
  'dependentRequired dependentSchemas unevaluatedProperties items prefixItems additionalItems contains minContains maxContains ' +
  'minItems maxItems uniqueItems unevaluatedItems minLength maxLength pattern format minimum maximum exclusiveMinimum ' +
  'exclusiveMaximum multipleOf contentEncoding contentMediaType contentSchema').split(' '));
const short = (text, n = 400) => (text.length > n && options.only === undefined ? `${text.slice(0, n)}... (${text.length})` : text);
const n = { taken: 0, refused: 0, answers: 0, valid: 0, cut: 0, unjudged: 0, withAnswer: 0, tokens: 0, same: 0, drafted: 0, right: 0, failures: 0 };
const refusals = new Map(), unjudged = new Map();
const begin = Date.now();

function fail(c, what, ...more) {
  ++n.failures;
  console.log(`FAILURE: ${c.from} (--only ${c.index}): ${what}\n  schema: ${short(JSON.stringify(c.schema))}${more.map((m) => `\n  ${m}`).join('')}`);
}

function refused(c, message) {
  ++n.refused;
  const [, pointer, why] = /JSON schema, (#\S*): (.*)/.exec(message) ?? [];
  const nothing = message.includes('matches no text at all');
  const keyword = pointer?.split('/').findLast((part) => keywords.has(part));
  const large = /grammar is too large|more than \d+|too many/.test(message);
  const kind = nothing ? 'no text at all' : large ? 'too large' : `${keyword}: ${why?.replace(/"[^"]*"/, '"..."')}`;
  refusals.set(kind, (refusals.get(kind) ?? 0) + 1);
  if (nothing && c.satisfiable) fail(c, 'said to have no text at all');
  if (!nothing && !large && !keyword) fail(c, `the refusal names no keyword: ${message}`);
}

function check(c) {
  const text = JSON.stringify(c.schema);
  let judged;
  try {
    judged = judge(c);
  } catch (e) {
    const why = e.message.replace(/(reference|ref|id) \S+/g, '$1 ...');
    unjudged.set(why, (unjudged.get(why) ?? 0) + 1);
  }
  let whole = 0;
  for (let seed = 0; seed < Number(options.seeds); ++seed) {
    const plain = answer(c, text, seed, ['--spec', 'off']);
    if (plain.status === 2) return refused(c, plain.stderr.trim());
    if (seed === 0) ++n.taken;
    ++n.answers;
    if (plain.status !== 0 || Number.isNaN(plain.tokens)) {
      fail(c, `seed ${seed}: exit code ${plain.status}`, plain.stderr.trim(), short(plain.stdout.toString()));
      continue;
    }
    n.tokens += plain.tokens;
    const said = plain.stdout.toString();
    const wrong = plain.tokens < Number(options.tokens) && judged ? judged(said) : null;
    if (plain.tokens >= Number(options.tokens)) ++n.cut;
    else if (!judged) ++n.unjudged;
    else if (wrong) fail(c, `seed ${seed}: ${wrong}`, short(said, 2000));
    else ++n.valid, ++whole;
    if (!options.speculation) continue;
    const source = sources[(spread(c.index) + seed) % sources.length];
    const other = answer(c, text, seed, ['--spec-type', source, '--spec-force', '--spec-ngram-size-n', '1', '--spec-ngram-size-m', '8']);
    n.drafted += other.drafted;
    n.right += other.right;
    if (other.status === 0 && other.stdout.equals(plain.stdout)) ++n.same;
    else {
      const what = `seed ${seed}: another answer with ${source}, exit code ${other.status}`;
      fail(c, what, other.stderr.trim(), short(said, 2000), short(other.stdout.toString(), 2000));
    }
  }
  if (whole > 0) ++n.withAnswer;
}

cases.forEach((c, index) => {
  if (options.only !== undefined ? index !== Number(options.only) : index % Number(options.every) !== 0) return;
  check({ ...c, index });
});

console.log(`vocabulary of ${size} tokens; ${n.taken + n.refused} schemas: ${n.taken} taken, ${n.refused} refused`);
console.log(`${n.answers} answers, ${n.tokens} tokens, ${((Date.now() - begin) / 1000).toFixed(0)} s: ${n.valid} valid, ${n.cut} cut by -n, ` +
  `${n.unjudged} of schemas that ajv does not take; ${n.withAnswer} schemas with a valid answer`);
if (options.speculation) console.log(`with speculation the same bytes: ${n.same}; ${n.drafted} tokens drafted, ${n.right} right`);
for (const [kind, count] of [...refusals].sort((a, b) => b[1] - a[1])) console.log(`  ${String(count).padStart(4)} refused: ${kind}`);
for (const [why, count] of unjudged) console.log(`  ${String(count).padStart(4)} not taken by ajv: ${short(why, 200)}`);
if (options.speculation && options.only === undefined && n.right === 0) fail({ from: 'all', index: -1 }, 'no drafted token was right');
console.log(`${n.failures} failures`);
process.exitCode = n.failures > 0 ? 1 : 0;
