import { createStyle, formatDuration, printable } from './style.ts';

/** Progress on stderr: a line that renews itself on a terminal, plain lines in a log, JSON lines for programs. */
export interface Progress {
  /** Starts a step; `detail` says what is known beforehand. */
  start(step: string, detail?: string): Step;
  /** Takes a line that renews itself off the terminal, so that other text can follow. */
  clear(): void;
}

export interface Step {
  /** `done` of `total` so far; the total of a stream is unknown. */
  update(done: number, total?: number, detail?: string): void;
  /** Ends the step with a short account. */
  end(detail?: string): void;
}

export type ProgressMode = 'auto' | 'plain' | 'json' | 'none';

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** A terminal line is renewed at most this often, in milliseconds; a log line this often. */
const RENEW_MS = 80;
const LOG_MS = 5_000;

const SILENT: Step = { update: () => {}, end: () => {} };

export function createProgress(mode: ProgressMode, output: Output): Progress {
  const clear = (): void => {};
  if (mode === 'none') return { start: () => SILENT, clear };
  if (mode === 'json') return { start: (step, detail) => jsonStep(output, step, detail), clear };
  const live = mode === 'auto' && output.isTTY === true && !process.env.CI;
  return live ? liveProgress(output) : { start: (step, detail) => plainStep(output, step, detail), clear };
}

function jsonStep(output: Output, step: string, known?: string): Step {
  const emit = (event: object) => output.write(`${JSON.stringify({ step, ...event })}\n`);
  emit({ event: 'start', detail: known });
  return {
    update: (done, total, detail) => emit({ event: 'update', done, total, detail }),
    end: (detail) => emit({ event: 'end', detail }),
  };
}

function plainStep(output: Output, step: string, known?: string): Step {
  if (known !== undefined) output.write(`${step}: ${known}\n`);
  const started = Date.now();
  let said = started;
  return {
    update: (done, total, detail) => {
      const now = Date.now();
      if (now - said < LOG_MS) return;
      said = now;
      output.write(printable(`${step}: ${amount(done, total, now - started)}${detail ? ` ${detail}` : ''}\n`));
    },
    end: (detail) => output.write(`${step}: ${detail ?? 'done'} (${formatDuration(Date.now() - started)})\n`),
  };
}

function liveProgress(output: Output): Progress {
  const style = createStyle(output);
  let shown = false;
  const clear = (): void => {
    if (shown) output.write('\r\u001b[2K');
    shown = false;
  };
  // A line longer than the terminal would wrap and could not be taken back.
  const show = (mark: string, text: string): void => {
    clear();
    output.write(`${mark} ${printable(text).slice(0, (output.columns ?? 80) - 3)}`);
    shown = true;
  };
  const start = (step: string, known?: string): Step => {
    const started = Date.now();
    let renewed = 0;
    show(style.cyan('>'), known === undefined ? step : `${step}: ${known}`);
    return {
      update: (done, total, detail) => {
        const now = Date.now();
        if (now - renewed < RENEW_MS) return;
        renewed = now;
        show(style.cyan('>'), `${step} ${amount(done, total, now - started)}${detail ? ` ${detail}` : ''}`);
      },
      end: (detail) => {
        clear();
        const time = style.dim(formatDuration(Date.now() - started));
        output.write(`${style.green('✓')} ${step}${detail ? `: ${detail}` : ''} ${time}\n`);
      },
    };
  };
  return { start, clear };
}

/** `12`, `12 of 100`, `12 of 100, 40 s left`. */
function amount(done: number, total: number | undefined, elapsed: number): string {
  if (total === undefined) return String(done);
  const left = done === 0 || elapsed < 2000 ? '' : `, ${formatDuration((elapsed / done) * (total - done))} left`;
  return `${done} of ${total}${left}`;
}
