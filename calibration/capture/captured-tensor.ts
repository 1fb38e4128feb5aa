import type { Kernels } from '../../kernels/index.ts';
import type { Session, TensorView } from '../runtime/runtime.ts';
import type { TensorReference } from './reference.ts';

/** The values of one tensor of the original model, where the interpreter wrote them. */
export interface CapturedTensor extends TensorReference {
  readonly view: TensorView;
  /** Kernels over the memory that `view` lies in. */
  readonly kernels: Kernels;
  /** Room in the same memory for tables and results of kernels. What is not given back stays as long as the session. */
  readonly room: Room;
}

/** See Session.allocate. The same object as long as what it lent stays. */
export type Room = Pick<Session, 'allocate' | 'free'>;
