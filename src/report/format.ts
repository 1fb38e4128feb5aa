/** What of a colour library the reports use; the identity for plain text. */
export interface Style {
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
}

const same = (text: string) => text;
/** No colours. */
export const PLAIN: Style = { red: same, green: same, yellow: same, bold: same, dim: same };

/** `185672` -> `181.3 KiB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `41.5`, `exact` where there is no error, `NaN` where there is no number. */
export function formatDb(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value === Number.POSITIVE_INFINITY) return 'exact';
  return Number.isFinite(value) ? value.toFixed(1) : String(value);
}

/** Three significant digits: `0.999`, `1.23e-5`. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

/** Cosines are near 1: five digits after the point. */
export const formatCosine = (value: number): string => (Number.isFinite(value) ? value.toFixed(5) : String(value));

/** `0.0123` -> `1.23 %`; what is not zero is never shown as zero. */
export function formatShare(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value !== 0 && Math.abs(value) < 0.00005) return '< 0.01 %';
  return `${(100 * value).toFixed(2).replace(/\.?0+$/, '')} %`;
}

/** A share to read, not to compare: `0.597` -> `59.7 %`, `0.0085` -> `0.85 %`. */
export function formatPercent(share: number): string {
  const percent = 100 * share;
  if (!Number.isFinite(percent)) return String(percent);
  if (percent !== 0 && Math.abs(percent) < 0.00995) return '< 0.01 %';
  const digits = Math.abs(percent) >= 99.95 ? 0 : Math.abs(percent) >= 10 ? 1 : 2;
  return `${Number(percent.toFixed(digits))} %`;
}

/** Six digits tell any value from a limit that a person writes. */
export const formatExact = (value: number | null): string =>
  value === null ? '–' : String(Number(value.toPrecision(6)));

/** Long names keep their end, which tells more than the scope before it. */
function shorten(name: string, length: number): string {
  return name.length <= length ? name : `…${name.slice(name.length - length + 1)}`;
}

const NONE: ReadonlySet<number> = new Set();

/**
 * A tensor name for people, at most `length` long. Converters join the names of everything they fuse with semicolons: the
 * first is the operation that comes last, and how many more there are is enough to recognise it.
 */
export function displayName(name: string, length = 60): string {
  const [first = '', ...more] = name.split(';').filter((part) => part !== '');
  if (more.length === 0) return shorten(name, length);
  const rest = ` +${more.length}`;
  return shorten(first, length - rest.length) + rest;
}

/** Rows of cells in columns as wide as their widest cell; columns in `right` are aligned to the right. */
export function columns(rows: readonly (readonly string[])[], right: ReadonlySet<number> = NONE): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, visibleLength(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const gap = ' '.repeat((widths[index] ?? 0) - visibleLength(cell));
        return right.has(index) ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd(),
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes start with the escape character
const COLOUR = /\u001b\[\d+m/g;
const visibleLength = (text: string) => text.replace(COLOUR, '').length;

/** `1 sample`, `2 samples`. */
export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
