import { createStyle, formatDuration } from './style.ts';

/** Progress on stderr: a line that renews itself on a terminal, plain lines in a log, JSON lines for programs. */
export interface Progress {
  /** Starts a step; `total` is unknown for a stream. */
  start(step: string, total?: number): Step;
}

export interface Step {
  /** `done` of the total so far. */
  update(done: number, detail?: string): void;
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

export function createProgress(mode: ProgressMode, output: Output): Progress {
  if (mode === 'none') return { start: () => ({ update: () => {}, end: () => {} }) };
  if (mode === 'json') return { start: (step, total) => jsonStep(output, step, total) };
  const live = mode === 'auto' && output.isTTY === true && !process.env.CI;
  return { start: (step, total) => (live ? liveStep(output, step, total) : plainStep(output, step, total)) };
}

function jsonStep(output: Output, step: string, total: number | undefined): Step {
  const emit = (event: object) => output.write(`${JSON.stringify({ step, ...event })}\n`);
  emit({ event: 'start', total });
  return {
    update: (done, detail) => emit({ event: 'update', done, total, detail }),
    end: (detail) => emit({ event: 'end', detail }),
  };
}

function plainStep(output: Output, step: string, total: number | undefined): Step {
  const started = Date.now();
  let said = started;
  return {
    update: (done, detail) => {
      const now = Date.now();
      if (now - said < LOG_MS) return;
      said = now;
      output.write(`${step}: ${amount(done, total)}${detail ? ` ${detail}` : ''}\n`);
    },
    end: (detail) => output.write(`${step}: ${detail ?? 'done'} (${formatDuration(Date.now() - started)})\n`),
  };
}

function liveStep(output: Output, step: string, total: number | undefined): Step {
  const style = createStyle(output);
  const started = Date.now();
  let renewed = 0;
  const line = (text: string) =>
    output.write(`\r\u001b[2K${text.slice(0, Math.max(20, (output.columns ?? 100) + 20))}`);
  line(`${style.cyan('>')} ${step}`);
  return {
    update: (done, detail) => {
      const now = Date.now();
      if (now - renewed < RENEW_MS) return;
      renewed = now;
      line(
        `${style.cyan('>')} ${step} ${amount(done, total)}${remaining(done, total, now - started)}${detail ? ` ${detail}` : ''}`,
      );
    },
    end: (detail) =>
      line(
        `${style.green('✓')} ${step}${detail ? `: ${detail}` : ''} ${style.dim(formatDuration(Date.now() - started))}\n`,
      ),
  };
}

const amount = (done: number, total: number | undefined) => (total === undefined ? String(done) : `${done}/${total}`);

function remaining(done: number, total: number | undefined, elapsed: number): string {
  if (total === undefined || done === 0 || elapsed < 2000) return '';
  return `, ${formatDuration((elapsed / done) * (total - done))} left`;
}
