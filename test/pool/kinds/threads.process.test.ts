import { afterAll } from 'vitest'
import { threads } from '../../../src/pool/kinds/threads.ts'
import type { PoolKind } from '../../../src/pool/pool-kind.ts'
import { compiledMembers } from '../../conformance/compiled-members.ts'
import { membersFromSources, type PoolSubject, poolConformance, subjectOf } from '../../conformance/pool.ts'

const compiled = await compiledMembers()
afterAll(() => compiled[Symbol.dispose]())

const aPoolOf = (kind: PoolKind): PoolSubject => ({ ...subjectOf(kind), atOnce: 2, members: 'threads' })
const compiledKind: PoolKind = { ...threads, open: (make) => make.inMembers(compiled.startThread) }

poolConformance({ ...aPoolOf(compiledKind), hostModule: compiled.hostModule })
membersFromSources(aPoolOf(threads))
