// Coding agents, headless: each is asked for a file, gets calls from the script, and tells what came of them.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {record} from '../recorder.mjs';
import {suite} from '../runner.mjs';
import {hermes, serve, tagged} from '../server.mjs';

const bin = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
const TEXT = 'Hello from Gannet & <friends>!';
const TASK = `Create the file hello.txt with the text "${TEXT}", then read it with the shell.`;
const END = 'The file says what it should.';
const CONTEXT = 131072;
const TURNS = 50;
const commandOf = ([, args]) => ('cmd' in args ? 'cmd' : 'command');

// Runs a program: `ended` becomes {code, out, err}.
function start(words, {cwd, env, seconds}) {
  const child = spawn(join(bin, words[0]), words.slice(1), {cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true});
  const kill = () => process.kill(-child.pid, 'SIGKILL');
  const ended = new Promise((resolve) => {
    let out = '', err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    const timer = setTimeout(kill, seconds * 1000);
    child.on('close', (code) => (clearTimeout(timer), resolve({code, out, err})));
  });
  return {kill, ended};
}

// What the model does: it writes, looks, and says so. Whatever else an agent asks (titles) gets a word.
const rules = ({write, shell}, call) => [
  {user: 'hello.txt', tool: write[0], round: 0, text: 'I write it.\n\n' + call(...write)},
  {user: 'hello.txt', tool: shell[0], round: 1, text: call(...shell)},
  {user: 'hello.txt', round: 2, result: TEXT, text: END},
  {user: 'hello.txt', round: 2, text: 'Something else came back.'},
  ...Array.from({length: TURNS}, (_, i) => ({user: 'many commands', tool: shell[0], round: i,
    text: call(shell[0], {...shell[1], [commandOf(shell)]: `echo this is turn ${i}`})})),
  {user: 'many commands', round: TURNS, result: `this is turn ${TURNS - 1}`, text: END},
  {user: 'a story', text: Array.from({length: 3000}, (_, i) => `word ${i}`).join(' ')},
  {text: 'Words'},
].map((rule) => (call === tagged && rule.user ? {...rule, thought: 'A moment.'} : rule));

const json = (file, value) => {
  mkdirSync(dirname(file), {recursive: true});
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 1));
};

const agents = {
  pi: {
    ways: ['openai-completions', 'openai-responses', 'anthropic-messages'],
    write: () => ['write', {path: 'hello.txt', content: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt'}],
    set({home, url, way, task}) {
      json(join(home, '.pi/agent/models.json'), {providers: {gannet: {
        baseUrl: way === 'anthropic-messages' ? url : `${url}/v1`, api: way, apiKey: 'none',
        models: [{id: 'pocket', name: 'pocket', reasoning: true, input: ['text'], contextWindow: CONTEXT, maxTokens: 4096,
          cost: {input: 0, output: 0, cacheRead: 0, cacheWrite: 0}}]}}});
      return {words: ['pi', '-p', '--provider', 'gannet', '--model', 'pocket', '--offline', task]};
    },
  },
  codex: {
    write: ({work}) => ['exec_command', {cmd: `printf '%s' '${TEXT}' > hello.txt`, workdir: work}],
    shell: ({work}) => ['exec_command', {cmd: 'cat hello.txt', workdir: work}],
    set({home, url, task}) {
      json(join(home, '.codex/config.toml'), `model = "pocket"\nmodel_provider = "gannet"\nmodel_context_window = ${CONTEXT}\n` +
        `[model_providers.gannet]\nname = "gannet"\nbase_url = "${url}/v1"\nwire_api = "responses"\n`);
      return {words: ['codex', 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', task]};
    },
  },
  opencode: {
    write: ({work}) => ['write', {filePath: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({home, url, task}) {
      json(join(home, '.config/opencode/opencode.json'), {autoupdate: false, share: 'disabled', permission: 'allow', provider: {gannet: {
        npm: '@ai-sdk/openai-compatible', name: 'gannet', options: {baseURL: `${url}/v1`, apiKey: 'none'},
        models: {pocket: {name: 'pocket', reasoning: true, tool_call: true, limit: {context: CONTEXT, output: 4096}}}}}});
      return {words: ['opencode', 'run', '-m', 'gannet/pocket', task],
        env: {OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1'}};
    },
  },
  qwen: {
    write: ({work}) => ['write_file', {file_path: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['run_shell_command', {command: 'cat hello.txt', is_background: false}],
    set({home, url, task}) {
      json(join(home, '.qwen/settings.json'), {security: {auth: {selectedType: 'openai'}}, privacy: {usageStatisticsEnabled: false},
        general: {disableAutoUpdate: true, enableAutoUpdate: false}, telemetry: {enabled: false}});
      return {words: ['qwen', '--yolo', task],
        env: {OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'none', OPENAI_MODEL: 'pocket'}};
    },
  },
  copilot: {
    ways: ['completions', 'responses', 'anthropic'],
    retells: 'responses',  // it sends thoughts back as texts, too, so that its history is not what was said
    write: ({work}) => ['create', {path: join(work, 'hello.txt'), file_text: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({url, way, task}) {
      return {words: ['copilot', '-p', task, '--allow-all-tools', '--no-color', '--no-auto-update', '--disable-client-telemetry'],
        env: {COPILOT_PROVIDER_TYPE: way === 'anthropic' ? way : 'openai', COPILOT_PROVIDER_WIRE_API: way === 'responses' ? way : 'completions',
          COPILOT_PROVIDER_BASE_URL: way === 'anthropic' ? url : `${url}/v1`, COPILOT_PROVIDER_API_KEY: 'none', COPILOT_MODEL: 'pocket',
          COPILOT_PROVIDER_MAX_PROMPT_TOKENS: '100000', COPILOT_PROVIDER_MAX_OUTPUT_TOKENS: '4096', COPILOT_OFFLINE: 'true'}};
    },
  },
  claude: {
    write: ({work}) => ['Write', {file_path: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['Bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({url, task}) {
      return {words: ['claude', '-p', task, '--model', 'pocket', '--allowedTools', 'Write', 'Bash', 'Read'],
        env: {ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'none', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1', ANTHROPIC_SMALL_FAST_MODEL: 'pocket'}};
    },
  },
};

// Runs one agent on a task with a server of its own; `judge` looks at what came.
async function judged({agent, way, template, task, recorded}, judge) {
  const folder = mkdtempSync(join(tmpdir(), 'gannet-agent-'));
  const home = join(folder, 'home'), work = join(folder, 'work');
  mkdirSync(home);
  mkdirSync(work);
  let recorder;
  const said = {write: agent.write({work}), shell: agent.shell({work})};
  const server = await serve({rules: rules(said, template === 'tagged' ? tagged : hermes), template, args: ['-c', String(CONTEXT)]});
  try {
    if (recorded) recorder = await record(server.url);
    const {words, env = {}} = agent.set({home, work, url: recorder?.url ?? server.url, way, task});
    const program = start(words, {cwd: work, seconds: 240,
      env: {PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`, HOME: home, TMPDIR: folder, TERM: 'dumb', NO_COLOR: '1', ...env}});
    await judge({server, program, work, turns: recorder?.turns});
    await program.ended;
  } finally {
    recorder?.stop();
    await server.stop();
    rmSync(folder, {recursive: true, force: true});
  }
}

export default suite('agents', async ({check}) => {
  for (const [name, agent] of Object.entries(agents)) {
    for (const way of agent.ways ?? [''])
      for (const template of ['tagged', 'hermes'])
        check(`${name} ${way}${way && ', '}${template} calls: writes a file, reads it, says so`, () =>
          judged({agent, way, template, task: TASK}, async ({server, program, work}) => {
            const start = performance.now();
            const {code, out, err} = await program.ended;
            const all = `exit ${code}\n${out}\n${err}\n${server.said()}`.slice(-4000);
            assert.equal(code, 0, all);
            let written;
            try {
              written = readFileSync(join(work, 'hello.txt'), 'utf8');
            } catch {
              assert.fail(`no file: ${all}`);
            }
            assert.equal(written.trimEnd(), TEXT);
            assert.ok(out.includes(END), all);
            // Three turns or more, of which the later ones read only what is new.
            const read = await server.metric('prompt_tokens_total'), cached = await server.metric('prompt_tokens_cached_total');
            assert.ok(cached > 1.4 * read, `${read} tokens were read, only ${cached} were cached`);
            console.log(`        ${name} ${way}: ${Math.round((performance.now() - start) / 1000)} s, ${read} tokens read, ${cached} cached`);
            await server.idle();
          }), 300);
    for (const way of agent.ways ?? [''])
      check(`${name} ${way}${way && ', '}${TURNS} turns of calls: each reads what is new`, () =>
        judged({agent, way, template: 'tagged', task: 'Run many commands.', recorded: true}, async ({program, turns}) => {
          const {code, out, err} = await program.ended;
          assert.ok(code === 0 && out.includes(END), `exit ${code}\n${out}\n${err}`.slice(-4000));
          // Without the small questions that some ask besides.
          const total = (turn) => turn.read + turn.cached;
          const large = 0.8 * Math.max(...turns.slice(0, 3).map(total));
          const talk = turns.filter((turn) => total(turn) >= large);
          assert.ok(talk.length > TURNS, `${talk.length} turns`);
          let most = 0;
          for (let i = 1; i < talk.length; ++i) {
            const said = agent.retells === way ? 0 : talk[i - 1].said;
            const fresh = total(talk[i]) - total(talk[i - 1]) - said;
            most = Math.max(most, talk[i].read - fresh);
            assert.ok(talk[i].read <= fresh + 64, `turn ${i}: ${JSON.stringify(talk.slice(i - 1, i + 1))}`);
          }
          console.log(`        ${name} ${way}: ${talk.length} turns up to ${total(talk.at(-1))} tokens, at most ${most} read again`);
        }), 300);
    check(`${name}: killed in the middle of an answer, its request ends`, () =>
      judged({agent, way: agent.ways?.[0], template: 'tagged', task: 'Tell me a story.'}, async ({server, program}) => {
        const before = 40;
        while ((await server.metric('tokens_predicted_total')) < before) await new Promise((r) => setTimeout(r, 50));
        program.kill();
        await program.ended;
        await server.idle(500);
      }), 120);
  }
});
