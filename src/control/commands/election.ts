import { requireArguments } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'

/**
 * Celery's gossip votes with it. We take no part: an election with one candidate ends a Python worker, and one that is
 * acknowledged by halves hangs there (wire specification 7.4, 10).
 */
export const election: ControlCommand = {
  name: 'election',
  kind: 'control',
  handle(_worker, args) {
    requireArguments('election', args, ['id', 'topic'])
    return null
  },
}
