// Starts the server for checks: `serve()` runs gannet_scripted_server with rules and options on a free port.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

export const program = process.env.GANNET_SCRIPTED_SERVER;

// What a call looks like in the text of a model. Values of the tagged form are text as it is, or JSON.
export const tagged = (name, args) =>
  `<tool_call>\n<function=${name}>\n` +
  Object.entries(args)
    .map(([k, v]) => `<parameter=${k}>\n${typeof v === 'string' ? v : JSON.stringify(v)}\n</parameter>\n`)
    .join('') +
  '</function>\n</tool_call>';
export const hermes = (name, args) => `<tool_call>\n${JSON.stringify({name, arguments: args})}\n</tool_call>`;

export async function serve({rules = [], args = [], template} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gannet-clients-'));
  const script = join(folder, 'rules.json');
  writeFileSync(script, JSON.stringify(rules));
  const all = ['--script', script, '--port', '0', '--alias', 'pocket', ...args];
  if (template) all.push('--chat-template', template);
  const child = spawn(program, all, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {PATH: process.env.PATH, HOME: folder, GANNET_PROFILES: ''},
  });
  let said = '';
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', (data) => {
      said += data;
      const found = said.match(/served at (http:\S+)\n/);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error(`the server ended: ${said}`)));
  });
  const headers = () => {
    const key = args[args.indexOf('--api-key') + 1];
    return args.includes('--api-key') ? {Authorization: `Bearer ${key}`} : {};
  };
  // A value of /metrics by its name without the prefix.
  const metric = async (name) => {
    const text = await (await fetch(`${url}/metrics`, {headers: headers()})).text();
    return Number(text.match(new RegExp(`^llamacpp:${name} (\\S+)`, 'm'))[1]);
  };
  return {
    url,
    metric,
    said: () => said,
    // Milliseconds until nothing runs or waits any more; fails after `most`.
    async idle(most = 1000) {
      const start = performance.now();
      for (;;) {
        const busy = (await metric('requests_processing')) + (await metric('requests_deferred'));
        const ms = performance.now() - start;
        if (busy === 0) return ms;
        if (ms > most) throw new Error(`${busy} requests still run after ${Math.round(ms)} ms`);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      rmSync(folder, {recursive: true});
      if (code !== 0) throw new Error(`the server ended with ${code}: ${said}`);
    },
  };
}
