import { Crew } from '../../src/pool/crew.ts'
import { startProcess } from '../../src/pool/processes.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { poolConformance } from '../conformance/pool.ts'

poolConformance({
  kind: 'processes',
  atOnce: 2,
  members: 'processes',
  open: (setting) => new Crew({ ...setting, kind: 'processes', startMember: startProcess, clock: systemClock }),
})
