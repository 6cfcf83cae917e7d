// What the user has set. Empty fields leave the matter to the server. The API key lives as long as the tab.
import { cell } from './cells.js';
import { readSmall, writeSmall } from './storage.js';

const DEFAULTS = { theme: 'auto', system: '', model: '', thinking: '', temperature: '', top_p: '', top_k: '', min_p: '', max_tokens: '', seed: '', tools: '' };

// name, label, least, most, step: fields that are numbers.
export const NUMBERS = [
  ['temperature', 'Temperature', 0, 5, 0.05, 'Higher is more varied, 0 always takes the likeliest word'],
  ['top_p', 'Top p', 0, 1, 0.01, 'Only the likeliest tokens that together reach this share'],
  ['top_k', 'Top k', 0, 100000, 1, 'Only the k likeliest tokens; 0: all'],
  ['min_p', 'Min p', 0, 1, 0.01, 'Only tokens at least so likely, as a part of the likeliest'],
  ['max_tokens', 'Most tokens of an answer', 1, 10000000, 1, 'The answer is cut there'],
  ['seed', 'Seed', 0, 4294967295, 1, 'The same seed gives the same answer'],
];

export const settings = cell({ ...DEFAULTS, ...readSmall('localStorage', 'gannet.settings', {}) });
export const apiKey = cell(readSmall('sessionStorage', 'gannet.key', ''));

export function change(fields) {
  settings.set({ ...settings.get(), ...fields });
  writeSmall('localStorage', 'gannet.settings', settings.get());
}

export function setKey(key) {
  apiKey.set(key);
  writeSmall('sessionStorage', 'gannet.key', key);
}

export const reset = () => change({ ...DEFAULTS, theme: settings.get().theme });

// The tools of the settings; throws an Error that says what is wrong.
export function readTools(source) {
  if (!source.trim()) return [];
  let tools;
  try {
    tools = JSON.parse(source);
  } catch (error) {
    throw new Error(`The tools are not JSON: ${error.message}`);
  }
  if (!Array.isArray(tools)) tools = [tools];
  return tools.map((tool) => {
    const fn = tool?.function ?? tool;
    if (typeof fn?.name !== 'string') throw new Error('Each tool needs a name.');
    return { type: 'function', function: fn };
  });
}

// The fields of a request.
export function requestFields() {
  const all = settings.get();
  const fields = {};
  for (const [name] of NUMBERS) {
    const value = String(all[name]).trim();
    if (value !== '' && Number.isFinite(Number(value))) fields[name] = Number(value);
  }
  if (all.model) fields.model = all.model;
  if (all.thinking) fields.chat_template_kwargs = { enable_thinking: all.thinking === 'on' };
  const tools = readTools(all.tools);
  if (tools.length) fields.tools = tools;
  return fields;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
export const isDark = () => (settings.get().theme === 'auto' ? dark.matches : settings.get().theme === 'dark');

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
}
export function followTheme() {
  applyTheme();
  settings.on(applyTheme);
  dark.addEventListener('change', () => {
    applyTheme();
    settings.touch();
  });
}
