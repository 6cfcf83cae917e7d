// Talking to the server that the page came from.
import { apiKey } from './settings.js';

export class ApiError extends Error {
  constructor(message, status, retryAfter) {
    super(message);
    this.status = status; // 0: the server was not reached
    this.retryAfter = retryAfter; // seconds, or null
  }
  // Whether the same request may well succeed later.
  get passes() {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const here = new URL('.', location.href);

async function failure(response) {
  let message = '';
  try {
    const body = await response.json();
    message = body?.error?.message ?? (typeof body?.error === 'string' ? body.error : '');
  } catch {
    // not JSON: the status says enough
  }
  const after = Number.parseFloat(response.headers.get('Retry-After'));
  return new ApiError(message || `The server answered with status ${response.status}.`, response.status, Number.isFinite(after) ? after : null);
}

// A response with a status of success; throws ApiError, or AbortError when `signal` says so.
export async function ask(path, { body, signal } = {}) {
  const headers = {};
  if (apiKey.get()) headers.Authorization = `Bearer ${apiKey.get()}`;
  if (body) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(new URL(path, here), {
      method: body ? 'POST' : 'GET',
      headers,
      body: body && JSON.stringify(body),
      signal,
      cache: 'no-store',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The server cannot be reached.', 0, null);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

// The data of a stream of server-sent events, parsed. Ends at [DONE]; throws ApiError when the stream breaks off or
// carries an error.
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      let piece;
      try {
        piece = await reader.read();
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new ApiError('The connection broke off.', 0, null);
      }
      if (piece.done) throw new ApiError('The server ended the answer too early.', 0, null);
      rest += piece.value;
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const data = line.slice(5).trim();
        if (data === '[DONE]') return;
        const json = JSON.parse(data);
        if (json.error) throw new ApiError(json.error.message ?? String(json.error), json.error.code ?? 500, null);
        yield json;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException('stopped', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
