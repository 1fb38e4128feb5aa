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

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `185672` -> `181.3 KiB`. */
export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `83200` ms -> `1 min 23 s`, `8320` ms -> `8.3 s`, `83` ms -> `83 ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Columns padded to their widest cell; numbers (by `align`) to the right. */
export function formatTable(rows: readonly (readonly string[])[], align: readonly ('left' | 'right')[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => {
        const gap = ' '.repeat((widths[i] ?? 0) - visibleLength(cell));
        return align[i] === 'right' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes start with the escape character
const COLOUR = /\u001b\[\d+m/g;

const visibleLength = (text: string) => text.replace(COLOUR, '').length;
