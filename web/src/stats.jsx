// How an answer came about: speed, tokens, what was cached, what drafting brought.
const whole = (n) => Math.round(n).toLocaleString('en');
const speed = (n) => (n >= 100 ? whole(n) : n.toFixed(1));
const time = (ms) => (ms >= 10_000 ? `${(ms / 1000).toFixed(0)} s` : ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${whole(ms)} ms`);

export function factsOf({ usage, timings, first_ms, model }) {
  const facts = [];
  const read = timings?.prompt_n ?? (usage ? usage.prompt_tokens - (usage.prompt_tokens_details?.cached_tokens ?? 0) : 0);
  const cached = timings?.cache_n ?? usage?.prompt_tokens_details?.cached_tokens ?? 0;
  if (model) facts.push(['Model', model]);
  if (timings?.predicted_per_second) facts.push(['Writing', `${speed(timings.predicted_per_second)} tokens/s`]);
  if (timings?.prompt_per_second) facts.push(['Reading', `${speed(timings.prompt_per_second)} tokens/s`]);
  if (first_ms) facts.push(['First word after', time(first_ms)]);
  if (usage) {
    facts.push(['Prompt', `${whole(usage.prompt_tokens)} tokens`]);
    facts.push(['of these cached', `${whole(cached)}`]);
    facts.push(['and read', `${whole(read)}`]);
    if (usage.prompt_tokens_details?.uncached_reason) facts.push(['Why not all', usage.prompt_tokens_details.uncached_reason]);
    facts.push(['Answer', `${whole(usage.completion_tokens)} tokens`]);
    if (usage.completion_tokens_details?.reasoning_tokens) facts.push(['of these thoughts', whole(usage.completion_tokens_details.reasoning_tokens)]);
  }
  if (timings?.draft_n) facts.push(['Drafted', `${whole(timings.draft_n)}, ${whole(timings.draft_n_accepted)} right (${Math.round((100 * timings.draft_n_accepted) / timings.draft_n)} %)`]);
  return facts;
}

export function Stats({ node }) {
  const { usage, timings } = node;
  if (!usage && !timings) return null;
  const short = [];
  if (timings?.predicted_per_second) short.push(`${speed(timings.predicted_per_second)} tokens/s`);
  if (usage) short.push(`${whole(usage.completion_tokens)} tokens`);
  const cached = timings?.cache_n ?? usage?.prompt_tokens_details?.cached_tokens;
  if (cached !== undefined && usage) short.push(`${whole(cached)} of ${whole(usage.prompt_tokens)} cached`);
  return (
    <details class="stats">
      <summary>{short.join(' · ')}</summary>
      <dl>
        {factsOf(node).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
