import { afterAll } from 'vitest'
import { Crew } from '../../src/pool/crew.ts'
import type { StartMember } from '../../src/pool/member-link.ts'
import { startThread } from '../../src/pool/threads.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { compiledMembers } from '../conformance/compiled-members.ts'
import { membersFromSources, type PoolSubject, poolConformance } from '../conformance/pool.ts'

const compiled = await compiledMembers()
afterAll(() => compiled[Symbol.dispose]())

const aPoolOf = (startMember: StartMember): PoolSubject => ({
  kind: 'threads',
  atOnce: 2,
  members: 'threads',
  open: (setting) => new Crew({ ...setting, kind: 'threads', startMember, clock: systemClock }),
})

poolConformance({ ...aPoolOf(compiled.startThread), hostModule: compiled.hostModule })
membersFromSources(aPoolOf(startThread))
