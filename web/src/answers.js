// Answers that are being written: from the request to the last event, with waiting for servers that load, are full or
// gone.
import { ApiError, ask, events, sleep } from './api.js';
import { cell, emitter } from './cells.js';
import * as chats from './chats.js';
import { lookAgain } from './server.js';
import { requestFields, settings } from './settings.js';
import { addNode, messagesFor } from './tree.js';

// id of the message -> {phase, note, progress, growth, stop()}. phase: 'sending', 'waiting', 'reading', 'thinking',
// 'writing'. `growth` tells of more text, at most once per frame.
export const running = cell(new Map());
// For readers of the screen: starts and ends only.
export const said = cell('');

function notify(answer, fields) {
  Object.assign(answer, fields);
  running.touch();
}

function grow(answer) {
  if (answer.frame) return;
  answer.frame = requestAnimationFrame(() => {
    answer.frame = 0;
    answer.growth.emit();
  });
}

function takeCalls(node, calls) {
  node.tool_calls ??= [];
  for (const call of calls) {
    const index = call.index ?? node.tool_calls.length;
    const target = (node.tool_calls[index] ??= { id: '', name: '', arguments: '' });
    if (call.id) target.id = call.id;
    if (call.function?.name) target.name = call.function.name;
    target.arguments += call.function?.arguments ?? '';
  }
}

function take(node, answer, event) {
  if (event.model) node.model = event.model;
  if (event.usage) node.usage = event.usage;
  if (event.timings) node.timings = event.timings;
  if (event.prompt_progress) notify(answer, { phase: 'reading', progress: event.prompt_progress });
  const choice = event.choices?.[0];
  if (!choice) return;
  if (choice.finish_reason) node.finish = choice.finish_reason;
  const { reasoning_content: thought, content, tool_calls: calls } = choice.delta ?? {};
  if (!thought && !content && !calls) return;
  answer.firstAt ??= performance.now();
  if (thought) node.reasoning = (node.reasoning ?? '') + thought;
  if (content) node.content += content;
  if (calls) takeCalls(node, calls);
  const phase = thought && !content ? 'thinking' : 'writing';
  if (phase === 'writing' && answer.phase === 'thinking') node.thought_ms = performance.now() - answer.firstAt;
  if (answer.phase !== phase || calls) notify(answer, { phase, note: '', progress: null });
  grow(answer);
}

async function attempt(node, answer, body) {
  answer.startedAt = performance.now();
  const response = await ask('v1/chat/completions', { body, signal: answer.abort.signal });
  notify(answer, { phase: answer.phase === 'reading' ? 'reading' : 'sending', note: '' });
  for await (const event of events(response)) take(node, answer, event);
}

const WAITS = {
  503: 'The model is loading. Your message is sent as soon as it is ready.',
  429: 'The server is busy. Your message is sent again in a moment.',
};

async function run(conversation, node, answer, body) {
  for (let tries = 0; ; ++tries) {
    try {
      return await attempt(node, answer, body);
    } catch (error) {
      // What has begun is not begun again: the user sees what came, and may ask anew.
      if (!(error instanceof ApiError) || !error.passes || answer.firstAt) throw error;
      lookAgain();
      notify(answer, { phase: 'waiting', progress: null, note: WAITS[error.status] ?? 'The server cannot be reached. Your message is sent as soon as it is back.' });
      const seconds = Math.min(error.retryAfter ?? Math.min(1 + tries, 5), 60);
      await sleep(seconds * 1000, answer.abort.signal);
    }
  }
}

// Writes an answer behind `parent`, or continues... nothing else: a new message each time.
export async function answerTo(conversation, parent) {
  let fields;
  try {
    fields = requestFields();
  } catch (error) {
    addNode(conversation, parent.id, { role: 'assistant', error: `${error.message} They are in the settings.` });
    chats.changed(conversation);
    return;
  }
  const node = addNode(conversation, parent.id, { role: 'assistant' });
  const answer = { phase: 'sending', note: '', progress: null, growth: emitter(), abort: new AbortController(), conversation };
  answer.stop = () => answer.abort.abort();
  running.get().set(node.id, answer);
  const body = {
    ...fields,
    messages: messagesFor(conversation, parent, settings.get().system),
    stream: true,
    stream_options: { include_usage: true },
    return_progress: true,
  };
  chats.changed(conversation);
  running.touch();
  said.set('The answer has begun.');
  const keep = setInterval(() => chats.changed(conversation, { soon: true }), 5000);
  try {
    await run(conversation, node, answer, body);
    said.set(node.tool_calls?.length ? 'The model asks for a tool.' : 'The answer is complete.');
  } catch (error) {
    if (error.name === 'AbortError') {
      node.finish = 'stopped';
      said.set('The answer was stopped.');
    } else {
      node.error = error.message;
      if (error.status === 0) lookAgain();
      said.set(`The answer failed: ${error.message}`);
    }
  } finally {
    clearInterval(keep);
    cancelAnimationFrame(answer.frame);
    if (answer.firstAt) node.first_ms = Math.round(answer.firstAt - answer.startedAt);
    running.get().delete(node.id);
    conversation.updated = Date.now();
    running.touch();
    chats.changed(conversation);
  }
}

export function runningIn(conversation) {
  return [...running.get().values()].filter((answer) => answer.conversation === conversation);
}

export function stopAll(conversation) {
  for (const answer of runningIn(conversation)) answer.stop();
}

// What the user does in a conversation.
export function send(conversation, content) {
  let last = null;
  for (let id = conversation.picked; id; id = conversation.nodes[id].picked) last = conversation.nodes[id];
  return answerTo(conversation, addNode(conversation, last?.id ?? null, { role: 'user', content }));
}

export function regenerate(conversation, node) {
  return answerTo(conversation, conversation.nodes[node.parent]);
}

// The changed message stands beside the old one.
export function edit(conversation, node, content) {
  if (node.role === 'user') return answerTo(conversation, addNode(conversation, node.parent, { role: 'user', content }));
  const { reasoning, tool_calls, model } = node;
  addNode(conversation, node.parent, { role: node.role, content, reasoning, tool_calls, model, edited: true });
  chats.changed(conversation);
}

// `results`: a text for each call of `node`, in order.
export function giveResults(conversation, node, results) {
  let last = node;
  node.tool_calls.forEach((call, i) => {
    last = addNode(conversation, last.id, { role: 'tool', content: results[i], tool_call_id: call.id, name: call.name });
  });
  return answerTo(conversation, last);
}
