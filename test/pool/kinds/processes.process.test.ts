import { afterAll } from 'vitest'
import { processes } from '../../../src/pool/kinds/processes.ts'
import type { PoolKind } from '../../../src/pool/pool-kind.ts'
import { compiledMembers } from '../../conformance/compiled-members.ts'
import { membersFromSources, type PoolSubject, poolConformance, subjectOf } from '../../conformance/pool.ts'

const compiled = await compiledMembers()
afterAll(() => compiled[Symbol.dispose]())

const aPoolOf = (kind: PoolKind): PoolSubject => ({ ...subjectOf(kind), atOnce: 2, members: 'processes' })
const compiledKind: PoolKind = { ...processes, open: (make) => make.inMembers(compiled.startProcess) }

poolConformance({ ...aPoolOf(compiledKind), hostModule: compiled.hostModule })
membersFromSources(aPoolOf(processes))
