import type { Command } from 'commander'
import type { GlobalOptions } from './global-options.ts'
import { momentOf } from './sweep-flags.ts'

/** The flags of commands about the messages that lie beside a task queue. */
export interface SetAsideFlags extends GlobalOptions {
  readonly queue?: string
  readonly task?: string
  readonly since?: string
  readonly olderThan?: string
  readonly limit?: string
  readonly rate?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** The words of one such command in its help. */
export interface SetAsideWords {
  /** `failures of`, a task. */
  readonly ofTask: string
  /** `what failed`, since then. */
  readonly since: string
  /** What they are, for `--dry-run`. */
  readonly things: string
  /** The filters that these messages alone have, as commander takes them. */
  readonly own: readonly (readonly [flags: string, description: string])[]
}

/** The flag of the task queue. */
export const QUEUE_FLAG = [
  '--queue <name>',
  'the task queue they came from (default: the first configured one)',
] as const

/** Adds the flags that choose among the messages; a list looks at no more than 1,000. */
export function addFilterFlags(command: Command, { ofTask, since, own }: SetAsideWords, isList: boolean): Command {
  command.option(...QUEUE_FLAG).option('--task <name>', `only ${ofTask} this task; 'emails.*' is a pattern`)
  for (const [flags, description] of own) command.option(flags, description)
  return command
    .option('--since <duration|date>', `only ${since} since then, like 2h`)
    .option('--older-than <duration|date>', `only ${since} before then, like 7d`)
    .option('--limit <n>', `look at no more than this many messages${isList ? ' (default: 1000)' : ''}`)
}

/** Adds the flags of a command that takes messages away; one that `asks` a person can be told not to. */
export function addSweepFlags(command: Command, { things }: SetAsideWords, asks: boolean): void {
  command.option('--dry-run', `only show which ${things} it would affect`)
  command.option('--rate <rate>', `how fast, like '50/s' (default: as fast as the broker takes it)`)
  if (asks) command.option('--yes', 'do not ask')
}

/** The times between which messages are meant, in milliseconds since the epoch. Throws `TWQ_USAGE`. */
export function timesOf({ since, olderThan }: SetAsideFlags, now: number) {
  return { since: momentOf('--since', since, now), before: momentOf('--older-than', olderThan, now) }
}
