import type { Config } from '../../config/config.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import { InFlight } from '../request/in-flight.ts'
import type { FollowUps } from '../settle/follow-ups.ts'
import { Refusals } from '../settle/refusals.ts'
import { Intake, type IntakeParts } from './intake.ts'
import { StartGate, type StartGateParts } from './start-gate.ts'

type Made = 'node' | 'acks' | 'unknownTask' | 'maxBodySize' | 'maxStarts' | 'inFlight' | 'refusals' | 'startGate'

/** The parts that the intake and the start gate are made of. */
export type OpenIntakeParts = Omit<IntakeParts & StartGateParts, Made> & {
  readonly config: Config
  readonly quarantine: Quarantine
  readonly results: ResultBackend
  readonly followUps: FollowUps
}

/** The intake, which takes each delivery, and the start gate, which starts requests that are due. */
export function openIntake(parts: OpenIntakeParts): { readonly intake: Intake; readonly startGate: StartGate } {
  const { config } = parts
  const { nodeName: node, acks, unknownTask, maxBodySize, maxStarts } = config
  const inFlight = new InFlight()
  const refusals = new Refusals(parts)
  const startGate = new StartGate({ ...parts, maxStarts, inFlight, refusals })
  const intake = new Intake({ ...parts, node, acks, unknownTask, maxBodySize, inFlight, refusals, startGate })
  return { intake, startGate }
}
