import { weightedCases } from './cases/weighted.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(weightedCases);
