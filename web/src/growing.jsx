// A text drawn as Markdown. It draws itself while its message grows; components around it are left alone.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { GrowingText } from './markdown.js';

// `read` gives the text; `growth` tells of more of it, null when it is complete.
export function Markdown({ read, growth, class: more = '' }) {
  const box = useRef(null);
  const drawn = useRef(null);
  useLayoutEffect(() => {
    drawn.current = new GrowingText(box.current);
  }, []);
  const text = read();
  useLayoutEffect(() => {
    drawn.current.show(text, !growth);
  }, [text, growth]);
  useEffect(() => {
    if (!growth) return undefined;
    let timer = 0;
    let rest = 0; // milliseconds until it may draw again: slow drawing must not take all the time
    const draw = () => {
      timer = 0;
      const began = performance.now();
      drawn.current.show(read(), false);
      rest = (performance.now() - began) * 2;
    };
    const stop = growth.on(() => {
      if (timer) return;
      if (rest < 16) draw();
      else timer = setTimeout(draw, rest);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [growth]);
  return <div class={`markdown ${more}`} ref={box} />;
}
