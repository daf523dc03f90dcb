import { Crew } from '../../src/pool/crew.ts'
import { startThread } from '../../src/pool/threads.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { poolConformance } from '../conformance/pool.ts'

poolConformance({
  kind: 'threads',
  atOnce: 2,
  members: 'threads',
  open: (setting) => new Crew({ ...setting, kind: 'threads', startMember: startThread, clock: systemClock }),
})
