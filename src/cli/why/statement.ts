/**
 * One thing that explains where a task is, or why it does not run. `certain`: a source says so. `candidate`: it may be so, and no
 * source can tell without taking messages from a queue.
 */
export interface Statement {
  /** For programs: `runs`, `waits-for-slot`, `no-consumer`. */
  readonly kind: string
  readonly certainty: 'certain' | 'candidate'
  readonly sentence: string
  /** What was seen that says so. */
  readonly evidence: readonly string[]
  /** The command that helps, or shows more. */
  readonly command: string | undefined
}

/** A statement that a source makes. */
export function certain(kind: string, sentence: string, evidence: readonly string[], command?: string): Statement {
  return { kind, certainty: 'certain', sentence, evidence, command }
}

/** A statement about what may be. */
export function candidate(kind: string, sentence: string, evidence: readonly string[], command?: string): Statement {
  return { kind, certainty: 'candidate', sentence, evidence, command }
}
