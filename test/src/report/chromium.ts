import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A Chromium on this machine (or the one that AEQ_CHROMIUM names); undefined where there is none. */
export const chromium: string | undefined = [
  process.env.AEQ_CHROMIUM,
  'chromium',
  'chromium-browser',
  'google-chrome',
].find((name) => name !== undefined && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
}

/** A page in a headless browser, driven over the debugging pipe. */
export class Page {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events: Message[] = [];
  #session: string | undefined;
  #last = 0;

  private constructor(process: ChildProcess, profile: string) {
    this.#process = process;
    this.#profile = profile;
    let text = '';
    (process.stdio[4] as Readable).setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const messages = text.split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#receive(JSON.parse(message) as Message);
    });
  }

  static async open(browser: string): Promise<Page> {
    const profile = mkdtempSync(join(tmpdir(), 'aeq-chromium-'));
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-pipe',
      `--user-data-dir=${profile}`,
    ];
    const process = spawn(browser, [...flags, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const page = new Page(process, profile);
    const { targetInfos } = (await page.#send('Target.getTargets')) as {
      targetInfos: { type: string; targetId: string }[];
    };
    const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    const { sessionId } = (await page.#send('Target.attachToTarget', { targetId, flatten: true })) as {
      sessionId: string;
    };
    page.#session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.#send(`${domain}.enable`);
    return page;
  }

  async show(url: string, view: { width: number; height: number; dark?: boolean; print?: boolean }): Promise<void> {
    const { width, height, dark = false, print = false } = view;
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.#send('Emulation.setEmulatedMedia', { media: print ? 'print' : 'screen', features });
    await this.#send('Page.navigate', { url });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if ((await this.evaluate('document.readyState')) === 'complete') return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`${url} does not finish loading`);
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if ('exceptionDetails' in answer) throw new Error(JSON.stringify(answer.exceptionDetails));
    return (answer.result as { value?: unknown }).value;
  }

  /** Presses a key on what has the focus. */
  async press(key: 'Enter' | 'Tab'): Promise<void> {
    const code = { Enter: 13, Tab: 9 }[key];
    const common = { key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' ? { text: '\r' } : {}) };
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...common });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** What was logged or thrown, as text. */
  complaints(): string[] {
    const methods = ['Log.entryAdded', 'Runtime.exceptionThrown', 'Runtime.consoleAPICalled'];
    return this.#events
      .filter(({ method = '' }) => methods.includes(method))
      .map(({ params }) => JSON.stringify(params));
  }

  /** Addresses that the page has asked for. */
  requests(): string[] {
    return this.#events
      .filter(({ method }) => method === 'Network.requestWillBeSent')
      .map(({ params }) => String((params?.request as { url: string } | undefined)?.url));
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive(message: Message): void {
    if (message.id === undefined) this.#events.push(message);
    else this.#answers.get(message.id)?.(message);
  }

  #send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    const message = { id, method, params, ...(this.#session === undefined ? {} : { sessionId: this.#session }) };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return answer.then(({ result = {} }) => result);
  }
}
