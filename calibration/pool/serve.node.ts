import { AeqError } from '../../schema/errors.ts';
import { plainError } from '../../schema/plain-error.ts';
import { expectShortLife } from './short-life.node.ts';
import type { FromWorker, PoolTalk, ToWorker } from './talk.ts';

/** What a worker does once it has started, one thing after the other. */
export interface Service<T extends PoolTalk> {
  readonly ready: T['ready'];
  run(request: T['request']): Promise<T['answer']>;
  /** Completes a request, such as by reading what it is about; begun as soon as it comes, while others run. */
  prepare?(request: T['request']): Promise<T['request']>;
  /** Hands over what was kept since the last time. */
  collect?(): Promise<T['part']>;
  tell(notice: T['notice']): void;
}

/** In a worker process: answers the pool until it goes away. */
export function servePool<T extends PoolTalk>(open: (start: T['start']) => Promise<Service<T>>): void {
  expectShortLife();
  let service: Service<T> | undefined;
  const answerTo = async (message: ToWorker<T>, prepared: T['request']): Promise<FromWorker<T> | undefined> => {
    if (message.kind === 'start') {
      service = await open(message.start);
      return { kind: 'ready', ready: service.ready };
    }
    if (!service) throw new AeqError('INTERNAL', 'the worker was not started');
    if (message.kind === 'run') return { kind: 'done', answer: await service.run(prepared) };
    if (message.kind === 'collect') return { kind: 'part', part: await service.collect?.() };
    service.tell(message.notice);
    return undefined;
  };
  const failed = (error: unknown): FromWorker<T> => ({ kind: 'failed', error: plainError(error) });
  const prepare = async (message: ToWorker<T>): Promise<T['request']> => {
    if (message.kind !== 'run') return undefined;
    return service?.prepare ? service.prepare(message.request) : message.request;
  };
  /** What is under way, and everything that came meanwhile behind it. */
  let last = Promise.resolve();
  process.on('message', (message: ToWorker<T>) => {
    const prepared = prepare(message);
    // Reported when its turn comes.
    prepared.catch(() => undefined);
    last = last.then(async () => {
      const answer = await prepared.then((request) => answerTo(message, request)).catch(failed);
      if (answer) process.send?.(answer);
    });
  });
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches the whole group: the parent decides, and still wants what is under way.
  process.on('SIGINT', () => undefined);
}
