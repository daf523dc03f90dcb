import { asyncKind } from '../../../src/pool/kinds/async.ts'
import { poolConformance, subjectOf } from '../../conformance/pool.ts'

poolConformance({ ...subjectOf(asyncKind), atOnce: 20, members: 'none' })
