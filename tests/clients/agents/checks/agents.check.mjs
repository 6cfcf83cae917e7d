// Coding agents, headless: each is asked for a file, gets calls from the script, and tells what came of them.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {suite} from '../runner.mjs';
import {serve, tagged} from '../server.mjs';

const bin = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
const TEXT = 'Hello from Gannet & <friends>!';
const TASK = `Create the file hello.txt with the text "${TEXT}", then read it with the shell.`;
const END = 'The file says what it should.';
const CONTEXT = 131072;

// Runs a program to its end: {code, out, err}.
function run(words, {cwd, env, seconds}) {
  return new Promise((resolve) => {
    const child = spawn(join(bin, words[0]), words.slice(1), {cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true});
    let out = '', err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), seconds * 1000);
    child.on('close', (code) => (clearTimeout(timer), resolve({code, out, err})));
  });
}

// What the model does: it writes, looks, and says so. Whatever else an agent asks (titles) gets a word.
const rules = ({write, shell}) => [
  {user: 'hello.txt', tool: write[0], round: 0, thought: 'First the file.', text: 'I write it.\n\n' + tagged(...write)},
  {user: 'hello.txt', tool: shell[0], round: 1, thought: 'Now I look.', text: tagged(...shell)},
  {user: 'hello.txt', round: 2, result: TEXT, text: END},
  {user: 'hello.txt', round: 2, text: 'Something else came back.'},
  {text: 'Words'},
];

const json = (file, value) => {
  mkdirSync(dirname(file), {recursive: true});
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 1));
};

const agents = {
  pi: {
    write: () => ['write', {path: 'hello.txt', content: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt'}],
    set({home, url}) {
      json(join(home, '.pi/agent/models.json'), {providers: {gannet: {
        baseUrl: `${url}/v1`, api: 'openai-completions', apiKey: 'none',
        models: [{id: 'pocket', name: 'pocket', reasoning: true, input: ['text'], contextWindow: CONTEXT, maxTokens: 4096,
          cost: {input: 0, output: 0, cacheRead: 0, cacheWrite: 0}}]}}});
      return {words: ['pi', '-p', '--provider', 'gannet', '--model', 'pocket', '--offline', TASK]};
    },
  },
  codex: {
    write: ({work}) => ['exec_command', {cmd: `printf '%s' '${TEXT}' > hello.txt`, workdir: work}],
    shell: ({work}) => ['exec_command', {cmd: 'cat hello.txt', workdir: work}],
    set({home, url}) {
      json(join(home, '.codex/config.toml'), `model = "pocket"\nmodel_provider = "gannet"\nmodel_context_window = ${CONTEXT}\n` +
        `[model_providers.gannet]\nname = "gannet"\nbase_url = "${url}/v1"\nwire_api = "responses"\n`);
      return {words: ['codex', 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', TASK]};
    },
  },
  opencode: {
    write: ({work}) => ['write', {filePath: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({home, url}) {
      json(join(home, '.config/opencode/opencode.json'), {autoupdate: false, share: 'disabled', permission: 'allow', provider: {gannet: {
        npm: '@ai-sdk/openai-compatible', name: 'gannet', options: {baseURL: `${url}/v1`, apiKey: 'none'},
        models: {pocket: {name: 'pocket', reasoning: true, tool_call: true, limit: {context: CONTEXT, output: 4096}}}}}});
      return {words: ['opencode', 'run', '-m', 'gannet/pocket', TASK],
        env: {OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1'}};
    },
  },
  qwen: {
    write: ({work}) => ['write_file', {file_path: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['run_shell_command', {command: 'cat hello.txt', is_background: false}],
    set({home, url}) {
      json(join(home, '.qwen/settings.json'), {security: {auth: {selectedType: 'openai'}}, privacy: {usageStatisticsEnabled: false},
        general: {disableAutoUpdate: true, enableAutoUpdate: false}, telemetry: {enabled: false}});
      return {words: ['qwen', '--yolo', TASK],
        env: {OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'none', OPENAI_MODEL: 'pocket'}};
    },
  },
  copilot: {
    write: ({work}) => ['create', {path: join(work, 'hello.txt'), file_text: TEXT}],
    shell: () => ['bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({url}) {
      return {words: ['copilot', '-p', TASK, '--allow-all-tools', '--no-color', '--no-auto-update', '--disable-client-telemetry'],
        env: {COPILOT_PROVIDER_BASE_URL: `${url}/v1`, COPILOT_PROVIDER_API_KEY: 'none', COPILOT_MODEL: 'pocket',
          COPILOT_PROVIDER_MAX_PROMPT_TOKENS: '100000', COPILOT_PROVIDER_MAX_OUTPUT_TOKENS: '4096', COPILOT_OFFLINE: 'true'}};
    },
  },
  claude: {
    write: ({work}) => ['Write', {file_path: join(work, 'hello.txt'), content: TEXT}],
    shell: () => ['Bash', {command: 'cat hello.txt', description: 'Shows the file'}],
    set({url}) {
      return {words: ['claude', '-p', TASK, '--model', 'pocket', '--allowedTools', 'Write', 'Bash', 'Read'],
        env: {ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'none', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1', ANTHROPIC_SMALL_FAST_MODEL: 'pocket'}};
    },
  },
};

export default suite('agents', async ({check}) => {
  for (const [name, agent] of Object.entries(agents)) {
    check(name, async () => {
      const folder = mkdtempSync(join(process.env.GANNET_AGENTS_FOLDER ?? tmpdir(), `gannet-${name}-`));
      const home = join(folder, 'home'), work = join(folder, 'work');
      mkdirSync(home);
      mkdirSync(work);
      const server = await serve({rules: rules({write: agent.write({work}), shell: agent.shell({work})}), template: 'tagged',
        args: ['-c', String(CONTEXT)]});
      try {
        const {words, env = {}} = agent.set({home, work, url: process.env.GANNET_PROXY ?? server.url});
        if (process.env.GANNET_PROXY) writeFileSync('/tmp/ag/target', server.url);
        const start = performance.now();
        const {code, out, err} = await run(words, {cwd: work, seconds: 240,
          env: {PATH: `${bin}:${process.env.PATH}`, HOME: home, TMPDIR: folder, TERM: 'dumb', NO_COLOR: '1', ...env}});
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
        console.log(`        ${name}: ${Math.round((performance.now() - start) / 1000)} s, ` +
          `${await server.metric('prompt_tokens_total')} tokens read`);
        await server.idle();
      } finally {
        await server.stop();
        rmSync(folder, {recursive: true, force: true});
      }
    }, 300);
  }
});
