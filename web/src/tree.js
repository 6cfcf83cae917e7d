// A conversation: a tree of messages with one picked child at each fork. Plain data, changed in place.
//
//   {id, title, created, updated, picked: id of the first message, nodes: {id: node}, first: [ids]}
//   node: {id, parent, children: [ids], picked, role, content, at, ...}
//   of answers also: reasoning, tool_calls, usage, timings, finish, error, model; of results of tools: tool_call_id, name

export const newId = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('');

export function newConversation() {
  const now = Date.now();
  return { id: newId(), title: '', created: now, updated: now, first: [], picked: null, nodes: {} };
}

const siblingsOf = (conversation, node) => (node.parent ? conversation.nodes[node.parent].children : conversation.first);

// Adds a message behind `parent` (null: at the start) and picks it.
export function addNode(conversation, parent, fields) {
  const node = { id: newId(), parent, children: [], picked: null, content: '', at: Date.now(), ...fields };
  conversation.nodes[node.id] = node;
  siblingsOf(conversation, node).push(node.id);
  pick(conversation, node);
  conversation.updated = node.at;
  return node;
}

export function pick(conversation, node) {
  (node.parent ? conversation.nodes[node.parent] : conversation).picked = node.id;
}

// The messages on show, first to last.
export function path(conversation) {
  const nodes = [];
  for (let id = conversation.picked; id; id = conversation.nodes[id].picked) nodes.push(conversation.nodes[id]);
  return nodes;
}

// The messages up to and with `node`.
export function pathTo(conversation, node) {
  const nodes = [];
  for (let at = node; at; at = at.parent && conversation.nodes[at.parent]) nodes.unshift(at);
  return nodes;
}

// {index, count} of a message among those that could stand in its place.
export function branchOf(conversation, node) {
  const siblings = siblingsOf(conversation, node);
  return { index: siblings.indexOf(node.id), count: siblings.length };
}

export function switchBranch(conversation, node, step) {
  const siblings = siblingsOf(conversation, node);
  const to = siblings[siblings.indexOf(node.id) + step];
  if (to) pick(conversation, conversation.nodes[to]);
}

// Removes a message and all that follows it.
export function removeNode(conversation, node) {
  const siblings = siblingsOf(conversation, node);
  const index = siblings.indexOf(node.id);
  siblings.splice(index, 1);
  const holder = node.parent ? conversation.nodes[node.parent] : conversation;
  if (holder.picked === node.id) holder.picked = siblings[Math.max(0, index - 1)] ?? null;
  const gone = [node.id];
  while (gone.length) {
    const id = gone.pop();
    gone.push(...conversation.nodes[id].children);
    delete conversation.nodes[id];
  }
}

export function titleOf(conversation) {
  if (conversation.title) return conversation.title;
  const first = Object.values(conversation.nodes).find((node) => node.role === 'user' && !node.parent);
  const text = (first?.content ?? '').replace(/\s+/g, ' ').trim();
  return text.length > 60 ? `${text.slice(0, 59)}…` : text || 'New conversation';
}

// What the API gets: the system prompt and the messages up to `node`, in OpenAI's shape.
export function messagesFor(conversation, node, system) {
  const messages = system?.trim() ? [{ role: 'system', content: system }] : [];
  for (const { role, content, reasoning, tool_calls, tool_call_id } of node ? pathTo(conversation, node) : []) {
    const message = { role, content };
    if (role === 'assistant' && reasoning) message.reasoning_content = reasoning;
    if (role === 'assistant' && tool_calls?.length)
      message.tool_calls = tool_calls.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments || '{}' } }));
    if (role === 'tool') message.tool_call_id = tool_call_id;
    messages.push(message);
  }
  return messages;
}
