import { describe, expect, it } from 'vitest';
import { spellOut } from '../../src/cli/arguments.ts';

const spelled = (line: string) => spellOut(line.split(' ')).join(' ');

describe('the order of the words does not matter', () => {
  it('gives every value of a list a flag of its own', () => {
    expect(spelled('quantize m.tflite --data a b c --static')).toBe(
      'quantize m.tflite --data a --data b --data c --static=int8',
    );
    expect(spelled('quantize m.tflite --data a --data b')).toBe('quantize m.tflite --data a --data b');
  });

  it('ends a list at a model', () => {
    expect(spelled('quantize --data a b model.tflite')).toBe('quantize --data a --data b model.tflite');
    expect(spelled('validate --data a f.tflite q.TFLITE')).toBe('validate --data a f.tflite q.TFLITE');
    expect(spelled('quantize --data a model.litertlm')).toBe('quantize --data a model.litertlm');
  });

  it('knows the type of --static from what follows it', () => {
    expect(spelled('quantize --static model.tflite')).toBe('quantize --static=int8 model.tflite');
    expect(spelled('quantize --static --force')).toBe('quantize --static=int8 --force');
    expect(spelled('quantize m.tflite --static')).toBe('quantize m.tflite --static=int8');
    expect(spelled('quantize --static int16 model.tflite')).toBe('quantize --static int16 model.tflite');
    // A type that there is not is still a type, so that the message names it.
    expect(spelled('quantize --static int4 model.tflite')).toBe('quantize --static int4 model.tflite');
  });

  it('leaves everything else as it is', () => {
    expect(spelled('quantize m.tflite -o q.tflite --range mse --dry-run')).toBe(
      'quantize m.tflite -o q.tflite --range mse --dry-run',
    );
    expect(spelled('x --data -- --data a b')).toBe('x --data -- --data a b');
    expect(spelled('x --mean -1 --data=a b')).toBe('x --mean -1 --data=a b');
    expect(spellOut(['calibrate', 'm.tflite', '--samples'])).toEqual(['calibrate', 'm.tflite', '--samples']);
  });
});
