import type { PlainError } from '../../schema/plain-error.ts';

/** What a pool and its workers say to each other: types of plain data, because instances of classes do not get across. */
export interface PoolTalk {
  /** What a worker is told when it starts, and what it answers once it can work. */
  readonly start: unknown;
  readonly ready: unknown;
  /** What it is asked then, and what it answers, one after the other. */
  readonly request: unknown;
  readonly answer: unknown;
  /** What a worker that keeps results hands over of them (see Keeping). */
  readonly part: unknown;
  /** What all of them are told without an answer. */
  readonly notice: unknown;
}

export type ToWorker<T extends PoolTalk> =
  | { readonly kind: 'start'; readonly start: T['start'] }
  | { readonly kind: 'run'; readonly request: T['request'] }
  | { readonly kind: 'collect' }
  | { readonly kind: 'tell'; readonly notice: T['notice'] };

export type FromWorker<T extends PoolTalk> =
  | { readonly kind: 'ready'; readonly ready: T['ready'] }
  | { readonly kind: 'done'; readonly answer: T['answer'] }
  | { readonly kind: 'part'; readonly part: T['part'] }
  | { readonly kind: 'failed'; readonly error: PlainError };
