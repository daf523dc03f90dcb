import { solo } from '../../../src/pool/kinds/solo.ts'
import { poolConformance, subjectOf } from '../../conformance/pool.ts'

poolConformance({ ...subjectOf(solo), atOnce: 1, members: 'none' })
