import picocolors from 'picocolors';

/** Colours, or the text itself where the stream is no terminal or NO_COLOR is set. */
export type Style = Pick<
  ReturnType<typeof picocolors.createColors>,
  'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'
>;

export function createStyle(stream: { isTTY?: boolean }): Style {
  const forced = process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== '0';
  const enabled = !process.env.NO_COLOR && (forced || (stream.isTTY === true && process.env.TERM !== 'dumb'));
  return picocolors.createColors(enabled);
}

/** `83200` ms -> `1 min 23 s`, `8320` ms -> `8.3 s`, `83` ms -> `83 ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const CONTROL = /\u001b(?!\[\d+m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;

/** Names in files may hold anything: characters that a terminal would obey are spelled out, except for colours. */
export const printable = (text: string): string =>
  text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
