export { ManualClock } from '../../src/runtime/manual-clock.ts'
