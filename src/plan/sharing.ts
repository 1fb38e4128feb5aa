import type { Model } from '../../schema/model.ts';
import type { Conduct } from './conduct.ts';
import { firstKind, type TensorWishes, type Wish, type WishKind } from './wish.ts';

/** A tensor of a model by subgraph and index, with what is wished for it. */
export interface SharedTensor {
  readonly subgraph: number;
  readonly tensor: number;
  readonly wishes: TensorWishes;
}

/** Kinds after which the stored bytes are as before. */
const LEAVES_BYTES: ReadonlySet<WishKind> = new Set(['quantize', 'keep', 'rotate', 'rotate-by-product', 'multiply']);
/** Kinds that store codes. */
const STORES_CODES: ReadonlySet<WishKind> = new Set(['store', 'dequantize']);

/**
 * Readers of one constant may want it stored differently, and several tensors may share one buffer. Where they cannot
 * all be served from one copy, the wishes are preceded by copies of the tensor or of the buffer.
 */
export function repairSharing(model: Model, wishes: readonly (readonly TensorWishes[])[], conduct: Conduct): void {
  for (const tensors of tensorsByBuffer(model, wishes).values()) {
    const conflicting = new Set(tensors.filter(({ wishes: own }) => !agree(own.consumers, conduct)));
    if (conduct.repairsSharingCoarsely) repairCoarsely(tensors, conflicting, conduct);
    else repairFinely(tensors, conflicting, conduct);
    for (const { wishes: own } of conflicting) precede(own, 'copy-tensor');
  }
}

/** Tensors on each buffer but the empty one, in file order. */
function tensorsByBuffer(model: Model, wishes: readonly (readonly TensorWishes[])[]): Map<number, SharedTensor[]> {
  const result = new Map<number, SharedTensor[]>();
  model.subgraphs.forEach((subgraph, s) => {
    subgraph.tensors.forEach(({ buffer }, t) => {
      const own = wishes[s]?.[t];
      if (buffer === 0 || !own) return;
      const list = result.get(buffer) ?? [];
      list.push({ subgraph: s, tensor: t, wishes: own });
      result.set(buffer, list);
    });
  });
  return result;
}

const isUsed = ({ wishes }: SharedTensor) => wishes.consumers.length > 0 || wishes.producer !== undefined;

/** As the original: every tensor is compared with the first only, and all but the last get a copy. */
function repairCoarsely(tensors: readonly SharedTensor[], conflicting: Set<SharedTensor>, conduct: Conduct): void {
  const [first, ...others] = tensors;
  if (!first) return;
  const differs = (other: SharedTensor) => conflicting.has(other) || !tensorsAgree(first, other, conduct);
  if (!conflicting.has(first) && !others.some(differs)) return;
  for (const { wishes } of tensors.slice(0, -1)) precede(wishes, 'copy-buffer');
}

/** Tensors that agree stay together; the last group keeps the buffer, each tensor of another gets a copy of its own. */
function repairFinely(tensors: readonly SharedTensor[], conflicting: Set<SharedTensor>, conduct: Conduct): void {
  const used = tensors.filter((entry) => isUsed(entry) && !conflicting.has(entry));
  const last = used.at(-1);
  for (const entry of used) {
    if (last && !tensorsAgree(last, entry, conduct)) precede(entry.wishes, 'copy-buffer');
  }
  // The last readers of a conflicting tensor keep the original, and with it the buffer, unless others are on it.
  const keepsBuffer = last ? undefined : [...conflicting].at(-1);
  for (const entry of conflicting) if (entry !== keepsBuffer) precede(entry.wishes, 'copy-buffer');
}

function tensorsAgree(a: SharedTensor, b: SharedTensor, conduct: Conduct): boolean {
  const { producer: writerA, consumers: readersA } = a.wishes;
  const { producer: writerB, consumers: readersB } = b.wishes;
  const [readerA] = readersA;
  const [readerB] = readersB;
  if (!isUsed(a) || !isUsed(b)) return true;
  if (!writerA !== !writerB || !readerA !== !readerB) return false;
  return compatible(writerA, writerB, conduct) && compatible(readerA, readerB, conduct);
}

function agree(consumers: readonly Wish[], conduct: Conduct): boolean {
  const [first, ...others] = consumers;
  return others.every((other) => compatible(first, other, conduct));
}

function compatible(a: Wish | undefined, b: Wish | undefined, conduct: Conduct): boolean {
  if (!a || !b) return !a && !b;
  const sameNumbers = conduct.sameParameters(a.parameters, b.parameters);
  if (sameNumbers && a.kinds.join() === b.kinds.join()) return true;
  if (LEAVES_BYTES.has(firstKind(a)) && LEAVES_BYTES.has(firstKind(b))) return true;
  return STORES_CODES.has(firstKind(a)) && STORES_CODES.has(firstKind(b)) && sameNumbers;
}

function precede(wishes: TensorWishes, kind: WishKind): void {
  wishes.consumers.forEach((wish, i) => {
    wishes.consumers[i] = { ...wish, kinds: [kind, ...wish.kinds] };
  });
}
