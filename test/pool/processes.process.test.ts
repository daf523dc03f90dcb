import { afterAll } from 'vitest'
import { Crew } from '../../src/pool/crew.ts'
import type { StartMember } from '../../src/pool/member-link.ts'
import { startProcess } from '../../src/pool/processes.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { compiledMembers } from '../conformance/compiled-members.ts'
import { membersFromSources, type PoolSubject, poolConformance } from '../conformance/pool.ts'

const compiled = await compiledMembers()
afterAll(() => compiled[Symbol.dispose]())

const aPoolOf = (startMember: StartMember): PoolSubject => ({
  kind: 'processes',
  atOnce: 2,
  members: 'processes',
  open: (setting) => new Crew({ ...setting, kind: 'processes', startMember, clock: systemClock }),
})

poolConformance({ ...aPoolOf(compiled.startProcess), hostModule: compiled.hostModule })
membersFromSources(aPoolOf(startProcess))
