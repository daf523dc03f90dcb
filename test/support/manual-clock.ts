export { ManualClock } from '../../src/runtime/time/manual-clock.ts'
