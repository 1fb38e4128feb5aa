import { functionCases } from './cases/functions.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(functionCases);
