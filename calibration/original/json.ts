import { findJsonFault } from '../../schema/documents/json-position.ts';
import { AeqError } from '../../schema/errors.ts';

/** Strings (passed over), and the bare words that Python's writer puts where JSON has nothing. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/gs;

/**
 * Parses JSON in which NaN, Infinity and -Infinity may stand bare; they come out as strings of that name.
 * @throws AeqError CALIBRATION_INVALID when it is not JSON.
 */
export function parsePythonJson(text: string, file?: string): unknown {
  const strict = /NaN|Infinity/.test(text)
    ? text.replace(TOKENS, (token) => (token.startsWith('"') ? token : `"${token}"`))
    : text;
  try {
    return JSON.parse(strict);
  } catch (error) {
    const fault = findJsonFault(strict);
    const why = fault ? ` at line ${fault.line}: ${fault.problem}` : '';
    throw new AeqError('CALIBRATION_INVALID', `${file ?? 'the input'} is not JSON${why}`, {
      where: file === undefined ? {} : { file },
      hint: 'give a calibration file of aeq or of the original',
      cause: error,
    });
  }
}

/** A double as Python prints it: always with a point or an exponent, the exponent from 1e16 on and below 1e-4. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const plain = plainDecimal(mantissa, exponent);
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** Digits with the point put where the exponent says. */
function plainDecimal(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-');
  const digits = mantissa.replace(/[-.]/g, '');
  const sign = negative ? '-' : '';
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return `${sign}${digits.padEnd(exponent + 1, '0')}`;
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** A string as Python's writer escapes it: everything outside printable ASCII as \uXXXX. */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (letter) => {
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
