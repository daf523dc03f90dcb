import type { Config } from '../../config/config.ts'
import { Intake, type IntakeParts } from './intake.ts'
import { StartGate, type StartGateParts } from './start-gate.ts'

type Made = 'node' | 'acks' | 'unknownTask' | 'maxBodySize' | 'maxStarts' | 'startGate'

/** The parts that the intake and the start gate are made of. */
export type OpenIntakeParts = Omit<IntakeParts & StartGateParts, Made> & { readonly config: Config }

/** The intake, which takes each delivery, and the start gate, which starts requests that are due. */
export function openIntake(parts: OpenIntakeParts): { readonly intake: Intake; readonly startGate: StartGate } {
  const { nodeName: node, acks, unknownTask, maxBodySize, maxStarts } = parts.config
  const startGate = new StartGate({ ...parts, maxStarts })
  const intake = new Intake({ ...parts, node, acks, unknownTask, maxBodySize, startGate })
  return { intake, startGate }
}
