import type { Config } from '../../config/config.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import { Moves } from '../request/in-flight.ts'
import type { Followers } from '../settle/follow-ups.ts'
import { Refusals } from '../settle/refusals.ts'
import { Intake, type IntakeParts } from './intake.ts'
import { Starts, type StartsParts } from './start-gate.ts'

type Made = 'node' | 'acks' | 'unknownTask' | 'maxBodySize' | 'maxStarts' | 'moves' | 'refusals' | 'starts'

/** What taking messages in is made from. */
export type OpenIntakeParts = Omit<IntakeParts & StartsParts, Made> & {
  readonly config: Config
  readonly quarantine: Quarantine
  readonly results: ResultBackend
  readonly followers: Followers
}

/** What takes each delivery, and what starts those that are due. */
export function openIntake(parts: OpenIntakeParts): { readonly intake: Intake; readonly starts: Starts } {
  const { config } = parts
  const { nodeName: node, acks, unknownTask, maxBodySize, maxStarts } = config
  const moves = new Moves()
  const refusals = new Refusals(parts)
  const starts = new Starts({ ...parts, maxStarts, moves, refusals })
  const intake = new Intake({ ...parts, node, acks, unknownTask, maxBodySize, moves, refusals, starts })
  return { intake, starts }
}
