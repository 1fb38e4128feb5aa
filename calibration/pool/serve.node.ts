import { AeqError } from '../../schema/errors.ts';
import { plainError } from '../../schema/plain-error.ts';
import type { FromWorker, PoolTalk, ToWorker } from './talk.ts';

/** What a worker does once it has started. */
export interface Service<T extends PoolTalk> {
  readonly ready: T['ready'];
  run(request: T['request']): Promise<T['answer']>;
  tell(notice: T['notice']): void;
}

/** In a worker process: answers the pool until it goes away. */
export function servePool<T extends PoolTalk>(open: (start: T['start']) => Promise<Service<T>>): void {
  let service: Service<T> | undefined;
  const answerTo = async (message: ToWorker<T>): Promise<FromWorker<T> | undefined> => {
    if (message.kind === 'start') {
      service = await open(message.start);
      return { kind: 'ready', ready: service.ready };
    }
    if (!service) throw new AeqError('INTERNAL', 'the worker was not started');
    if (message.kind === 'run') return { kind: 'done', answer: await service.run(message.request) };
    service.tell(message.notice);
    return undefined;
  };
  process.on('message', async (message: ToWorker<T>) => {
    const answer = await answerTo(message).catch(
      (error: unknown): FromWorker<T> => ({ kind: 'failed', error: plainError(error) }),
    );
    if (answer) process.send?.(answer);
  });
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches the whole group: the parent decides, and still wants what is under way.
  process.on('SIGINT', () => undefined);
}
