// Conversations to files and back.
import { newId, path, titleOf } from './tree.js';

const ROLES = ['user', 'assistant', 'tool'];
const FORMAT = 'gannet-conversations';

export const toJson = (conversations) => JSON.stringify({ format: FORMAT, version: 1, conversations }, null, 1);

const text = (value) => (typeof value === 'string' ? value : '');
const number = (value) => (Number.isFinite(value) ? value : undefined);
const numbers = (value) => {
  if (!value || typeof value !== 'object') return undefined;
  const found = Object.entries(value).filter(([, n]) => Number.isFinite(n));
  return found.length ? Object.fromEntries(found) : undefined;
};

// A file is not to be trusted: what is taken over is named here, ids are made anew, and forks must form a tree.
function readConversation(from) {
  if (!from || typeof from !== 'object' || !from.nodes || typeof from.nodes !== 'object') throw new Error('a conversation without messages');
  const fresh = new Map();
  const nodes = {};
  const result = { id: newId(), title: text(from.title).slice(0, 200), created: number(from.created) ?? Date.now(), updated: number(from.updated) ?? Date.now(), first: [], picked: null, nodes };
  const open = [[null, from.first, from.picked]];
  while (open.length) {
    const [parent, ids, picked] = open.pop();
    const holder = parent ? nodes[parent] : result;
    for (const id of Array.isArray(ids) ? ids : []) {
      const old = Object.hasOwn(from.nodes, id) ? from.nodes[id] : null;
      if (!old || fresh.has(id) || !ROLES.includes(old.role)) throw new Error('a message that is missing, twice there, or of an unknown role');
      const node = { id: newId(), parent, children: [], picked: null, role: old.role, content: text(old.content), at: number(old.at) ?? Date.now() };
      for (const key of ['reasoning', 'finish', 'error', 'model', 'tool_call_id', 'name']) if (text(old[key])) node[key] = old[key];
      for (const key of ['usage', 'timings']) if (numbers(old[key])) node[key] = numbers(old[key]);
      if (Array.isArray(old.tool_calls)) node.tool_calls = old.tool_calls.map((call) => ({ id: text(call?.id), name: text(call?.name), arguments: text(call?.arguments) }));
      nodes[node.id] = node;
      fresh.set(id, node.id);
      (parent ? holder.children : holder.first).push(node.id);
      if (id === picked) holder.picked = node.id;
      open.push([node.id, old.children, old.picked]);
    }
    const listed = parent ? holder.children : holder.first;
    if (!holder.picked && listed.length) holder.picked = listed.at(-1);
  }
  if (!result.first.length) throw new Error('a conversation without messages');
  return result;
}

// Throws an Error that says what is wrong with the file.
export function fromJson(source) {
  let data;
  try {
    data = JSON.parse(source);
  } catch {
    throw new Error('This is not a JSON file.');
  }
  if (data?.format !== FORMAT || !Array.isArray(data.conversations)) throw new Error('This is not an export of Gannet’s page.');
  try {
    return data.conversations.map(readConversation);
  } catch (error) {
    throw new Error(`The file holds ${error.message}.`);
  }
}

const NAMES = { user: 'You', assistant: 'Gannet', tool: 'Result' };
// Longer than any run of backticks inside.
const fenceFor = (body) => '`'.repeat(Math.max(2, ...(body.match(/`+/g) ?? []).map((run) => run.length)) + 1);

// The branch on show.
export function toMarkdown(conversation) {
  const parts = [`# ${titleOf(conversation)}`];
  for (const node of path(conversation)) {
    parts.push(`## ${NAMES[node.role]}${node.name ? ` of ${node.name}` : ''}`);
    if (node.reasoning) parts.push(`<details><summary>Thoughts</summary>\n\n${node.reasoning.trim()}\n\n</details>`);
    if (node.content) parts.push(node.content.trim());
    for (const call of node.tool_calls ?? []) {
      const fence = fenceFor(call.arguments);
      parts.push(`Calls \`${call.name}\`:\n\n${fence}json\n${call.arguments}\n${fence}`);
    }
  }
  return `${parts.join('\n\n')}\n`;
}

export function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const fileName = (title) => title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'conversation';
