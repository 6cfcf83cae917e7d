// What is known of the server: whether it is there, its models, the size of its context.
import { ask, sleep } from './api.js';
import { cell } from './cells.js';
import { apiKey, settings } from './settings.js';

// state: 'asking', 'ready', 'loading' (503), 'gone', 'locked' (it wants a key)
export const server = cell({ state: 'asking', models: [], n_ctx: 0, note: '' });

const set = (fields) => server.set({ ...server.get(), ...fields });

async function learn() {
  const [models, props] = await Promise.allSettled([ask('v1/models').then((r) => r.json()), ask('props').then((r) => r.json())]);
  if (models.status === 'rejected') throw models.reason;
  const list = (models.value?.data ?? []).map((model) => ({
    id: String(model.id),
    n_ctx: Number(model.meta?.n_ctx ?? model.max_model_len ?? 0),
    thoughts: model.capabilities?.includes?.('thinking'),
  }));
  const n_ctx = Number(props.value?.default_generation_settings?.n_ctx ?? 0);
  set({ state: 'ready', models: list, n_ctx, note: '' });
}

// One look; gives the seconds until the next.
async function look() {
  try {
    await ask('health');
    if (server.get().state !== 'ready') await learn();
    return 15;
  } catch (error) {
    if (error.status === 503 || error.status === 429) set({ state: 'loading', note: error.message });
    else if (error.status === 401 || error.status === 403) set({ state: 'locked', note: error.message });
    else if (error.status === 0 || error.status >= 500) set({ state: 'gone', note: error.message });
    else set({ state: 'ready', note: error.message });
    return Math.min(error.retryAfter ?? (server.get().state === 'locked' ? 15 : 2), 30);
  }
}

let wake = () => {};
// Looks now instead of later.
export const lookAgain = () => wake();

export async function watchServer() {
  apiKey.on(() => {
    set({ state: 'asking' });
    wake();
  });
  addEventListener('online', () => wake());
  document.addEventListener('visibilitychange', () => document.hidden || wake());
  for (;;) {
    const seconds = await look();
    const stop = new AbortController();
    wake = () => stop.abort();
    await sleep(seconds * 1000, stop.signal).catch(() => {});
  }
}

// The model that is asked, and how long its texts may be.
export function currentModel() {
  const { models, n_ctx } = server.get();
  const model = models.find((m) => m.id === settings.get().model) ?? models[0];
  return { id: model?.id ?? '', n_ctx: (models.length > 1 && model?.n_ctx) || n_ctx || model?.n_ctx || 0 };
}
