import { comparisonCases } from './cases/comparison.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(comparisonCases);
