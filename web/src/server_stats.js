// Reads what the server says of itself: /metrics and /slots, in the names of llama.cpp, Gannet and vLLM.

// Prometheus text to {name: sum over all labels}, names without their prefix ("llamacpp:", "gannet_").
export function readMetrics(text) {
  const found = {};
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\s+([-+\d.eE]+|NaN|[-+]?Inf)/.exec(line);
    if (!match) continue;
    const value = Number(match[2]);
    if (!Number.isFinite(value)) continue;
    const name = match[1].replace(/^(llamacpp:|gannet[_:]|vllm:)/, '');
    const key = `${match[1].slice(0, match[1].length - name.length)}|${name}`;
    found[key] = (found[key] ?? 0) + value;
  }
  const result = {};
  // The same number comes under several prefixes: the first in this order counts.
  for (const prefix of ['vllm:', 'gannet_', 'gannet:', 'llamacpp:', ''])
    for (const [key, value] of Object.entries(found)) if (key.startsWith(`${prefix}|`)) result[key.slice(prefix.length + 1)] = value;
  return result;
}

const first = (metrics, ...names) => metrics[names.find((name) => name in metrics)];

// {running, reading, waiting, written, read, cached, drafted, accepted}: counters and gauges, undefined when not said.
export function summarise(metrics) {
  return {
    running: first(metrics, 'requests_processing', 'num_requests_running'),
    reading: first(metrics, 'requests_reading'),
    waiting: first(metrics, 'requests_deferred', 'num_requests_waiting'),
    written: first(metrics, 'tokens_predicted_total', 'generation_tokens_total'),
    read: first(metrics, 'prompt_tokens_total'),
    cached: first(metrics, 'prompt_tokens_cached_total', 'prefix_cache_hits_total', 'prefix_cache_hits'),
    drafted: first(metrics, 'spec_decode_num_draft_tokens_total', 'draft_tokens_total'),
    accepted: first(metrics, 'spec_decode_num_accepted_tokens_total', 'draft_tokens_accepted_total'),
    memory: first(metrics, 'kv_cache_usage_perc', 'kv_cache_usage_ratio'),
  };
}

const int = (value) => (Number.isFinite(value) ? value : undefined);

// llama.cpp's shape to what is drawn.
export function readSlots(list) {
  return (Array.isArray(list) ? list : []).map((slot, i) => {
    const next = Array.isArray(slot.next_token) ? slot.next_token[0] : slot.next_token;
    const written = int(next?.n_decoded) ?? int(slot.n_decoded) ?? 0;
    const prompt = int(slot.n_prompt_tokens);
    const done = int(slot.n_prompt_tokens_processed);
    const busy = Boolean(slot.is_processing ?? slot.state);
    return {
      id: slot.id ?? i,
      n_ctx: int(slot.n_ctx) ?? 0,
      state: !busy ? 'free' : written > 0 ? 'writing' : 'reading',
      written,
      prompt,
      cached: int(slot.n_prompt_tokens_cache),
      read: done,
      used: int(slot.n_past) ?? (prompt ?? 0) + written,
    };
  });
}
