import { createAsyncPool } from '../../src/pool/async.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { poolConformance } from '../conformance/pool.ts'

poolConformance({
  kind: 'solo',
  atOnce: 1,
  members: 'none',
  open: (setting) => createAsyncPool({ ...setting, kind: 'solo', clock: systemClock }),
})
