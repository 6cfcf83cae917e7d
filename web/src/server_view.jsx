// A live picture of the server, asked for about once a second while it is open and seen.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, sleep } from './api.js';
import { IconButton } from './icons.jsx';
import { readMetrics, readSlots, summarise } from './server_stats.js';

const KEPT = 60; // looks that the curves show
const whole = (n) => Math.round(n).toLocaleString('en');

// Looks until `signal`; gives {metrics, slots, rates, missing} to `show`.
async function watch(signal, show) {
  const missing = { metrics: false, slots: false };
  const history = [];
  let before = null;
  const get = async (what, read) => {
    if (missing[what]) return null;
    try {
      return await read(await ask(what, { signal }));
    } catch (error) {
      if ([404, 405, 501].includes(error.status)) missing[what] = true;
      else throw error;
      return null;
    }
  };
  while (!signal.aborted) {
    try {
      if (!document.hidden) {
        const [text, slots] = await Promise.all([get('metrics', (r) => r.text()), get('slots', (r) => r.json())]);
        const now = { at: performance.now(), ...(text === null ? {} : summarise(readMetrics(text))) };
        if (before && now.written !== undefined) {
          const seconds = (now.at - before.at) / 1000;
          const rate = (key) => Math.max(0, (now[key] - before[key]) / seconds || 0);
          history.push({ written: rate('written'), read: rate('read') });
          if (history.length > KEPT) history.shift();
        }
        before = now;
        show({ now: text === null ? null : now, slots: slots === null ? null : readSlots(slots), history: [...history], missing: { ...missing }, problem: '' });
      }
    } catch (error) {
      if (error.name === 'AbortError') return;
      show((old) => ({ ...old, problem: error.message }));
    }
    await sleep(1000, signal).catch(() => {});
  }
}

function Curve({ values, label, kind }) {
  const most = Math.max(1, ...values);
  const x = (i) => ((i + KEPT - values.length) / (KEPT - 1)) * 200;
  const y = (value) => 38 - (value / most) * 36;
  const line = values.map((value, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  const now = values.at(-1) ?? 0;
  return (
    <figure class={`curve ${kind}`}>
      <figcaption><span>{label}</span><strong>{whole(now)}<small> tokens/s</small></strong></figcaption>
      <svg viewBox="0 0 200 40" preserveAspectRatio="none" aria-hidden="true">
        {line && <path class="area" d={`${line}L200 40L${x(0).toFixed(1)} 40Z`} />}
        {line && <path class="line" d={line} />}
      </svg>
    </figure>
  );
}

function Share({ label, part, all, words, kind }) {
  const share = all > 0 ? Math.min(part / all, 1) : 0;
  return (
    <div class={`share ${kind}`}>
      <div class="share-head"><span>{label}</span><strong>{all > 0 ? `${Math.round(share * 100)} %` : '–'}</strong></div>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${label}: ${Math.round(share * 100)} percent`}>
        <rect class="meter-all" width="100" height="6" />
        <rect class="meter-used" width={share * 100} height="6" />
      </svg>
      <p>{words}</p>
    </div>
  );
}

const STATE_NAMES = { free: 'free', reading: 'reading', writing: 'writing' };

function Slot({ slot }) {
  const { state, prompt, read, cached, written, n_ctx, used } = slot;
  const width = (n) => (n_ctx ? Math.min(100, (n / n_ctx) * 100) : 0);
  const parts = state === 'free' ? 0 : width(cached ?? 0);
  const words =
    state === 'reading' && prompt ? `${whole((cached ?? 0) + (read ?? 0))} of ${whole(prompt)} read`
    : state === 'writing' ? `${whole(written)} written`
    : '';
  return (
    <li class={`slot ${state}`}>
      <span class="slot-name"><span class="dot" aria-hidden="true" />{slot.id}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="meter-all" width="100" height="8" />
        {state !== 'free' && <rect class="slot-used" width={Math.max(1, width(used))} height="8" />}
        {parts > 0 && <rect class="slot-cached" width={parts} height="8" />}
      </svg>
      <span class="slot-words">{STATE_NAMES[state]}{words && `, ${words}`}</span>
    </li>
  );
}

export function ServerView({ close }) {
  const [seen, show] = useState({ now: null, slots: null, history: [], missing: {}, problem: '' });
  const head = useRef(null);
  useEffect(() => {
    const stop = new AbortController();
    watch(stop.signal, show);
    head.current?.focus();
    return () => stop.abort();
  }, []);
  const { now, slots, history, missing, problem } = seen;
  const reading = now?.reading ?? slots?.filter((slot) => slot.state === 'reading').length;
  const numbers = now && [
    ['running', now.running],
    ['reading', reading],
    ['waiting', now.waiting],
  ].filter(([, value]) => value !== undefined);
  return (
    <aside class="panel" aria-label="What the server does">
      <div class="panel-head">
        <h2 ref={head} tabIndex={-1}>What the server does</h2>
        <IconButton name="close" label="Close" onClick={close} />
      </div>
      {problem && <p class="hint" role="status">{problem}</p>}
      {now && (
        <>
          <dl class="numbers">
            {numbers.map(([name, value]) => (
              <div key={name}><dd>{whole(value)}</dd><dt>{name}</dt></div>
            ))}
          </dl>
          <Curve values={history.map((h) => h.written)} label="Writing" kind="written" />
          <Curve values={history.map((h) => h.read)} label="Reading" kind="read" />
          {now.cached !== undefined && (
            <Share kind="cached" label="Prompts from the cache" part={now.cached} all={now.cached + (now.read ?? 0)} words={`${whole(now.cached)} tokens were known, ${whole(now.read ?? 0)} were read`} />
          )}
          {now.drafted !== undefined && (
            <Share kind="drafted" label="Guesses that were right" part={now.accepted ?? 0} all={now.drafted} words={`${whole(now.accepted ?? 0)} of ${whole(now.drafted)} drafted tokens`} />
          )}
        </>
      )}
      {slots && (
        <>
          <h3>Slots</h3>
          <ul class="slots">{slots.map((slot) => <Slot key={slot.id} slot={slot} />)}</ul>
        </>
      )}
      {missing.metrics && missing.slots && <p class="hint">This server does not tell what it does.</p>}
    </aside>
  );
}
