// Line icons, drawn here. They say nothing to readers of the screen: their buttons have labels.
const PATHS = {
  menu: 'M4 6h16M4 12h16M4 18h16',
  plus: 'M12 5v14M5 12h14',
  send: 'M12 19V6M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  edit: 'M5 19l1-4L16 5l3 3L9 18z',
  redo: 'M19 12a7 7 0 1 1-2-5M19 4v4h-4',
  trash: 'M5 7h14M10 7V5h4v2M7 7l1 13h8l1-13',
  left: 'M14 6l-6 6 6 6',
  right: 'M10 6l6 6-6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  close: 'M6 6l12 12M18 6L6 18',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M18.4 5.6L17 7M7 17l-1.4 1.4',
  moon: 'M19 14.5A8 8 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z',
  gear: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  pulse: 'M3 12h4l3-7 4 14 3-7h4',
  save: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  tool: 'M14 6a4 4 0 0 1 5-1l-3 3 1 1 3-3a4 4 0 0 1-5 5l-8 8-2-2 8-8a4 4 0 0 1 1-3z',
  warn: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  check: 'M5 12l5 5 9-10',
};

export function Icon({ name }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

// A button that shows an icon only: its label is what it is called.
export function IconButton({ name, label, keys, class: more = '', ...rest }) {
  return (
    <button type="button" class={`icon-button ${more}`} aria-label={label} title={keys ? `${label} (${keys})` : label} {...rest}>
      <Icon name={name} />
    </button>
  );
}
