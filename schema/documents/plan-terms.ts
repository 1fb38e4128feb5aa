/** Value of `format` in a plan file. */
export const PLAN_FORMAT = 'aeq-plan';
/** Value of `version` in the files this program writes and reads. */
export const PLAN_VERSION = 1;
