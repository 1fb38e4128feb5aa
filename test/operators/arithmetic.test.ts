import { arithmeticCases } from './cases/arithmetic.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(arithmeticCases);
