import { TwqError } from '../../errors.ts'

/** A flag of `celery worker` that means nothing here, or is written otherwise; the help does not show it. */
interface CeleryFlag {
  /** As commander takes it. */
  readonly usage: string
  /** The name that commander keeps its value under. */
  readonly attribute: string
  readonly answer: Note | Refusal
}

/** The flag is accepted and ignored; `said` is the note about it. */
interface Note {
  readonly kind: 'note'
  readonly said: string
  /** The values it takes in Celery, where those are words. */
  readonly words?: readonly string[]
}

/** The flag is refused: ignoring it would change what the worker does. */
interface Refusal {
  readonly kind: 'refusal'
  readonly said: string
  readonly hint: string
}

const note = (said: string, words?: readonly string[]): Note => ({ kind: 'note', said, ...(words && { words }) })
const refusal = (said: string, hint: string): Refusal => ({ kind: 'refusal', said, hint })

const BEAT = refusal(
  'a worker holds no beat',
  "Run Celery's beside it: celery -b amqp://… beat; it sends to any worker.",
)
const USER = refusal(
  'a worker keeps the user and group that start it',
  'Let systemd (User=, Group=), Docker (--user) or your orchestrator choose them.',
)

/** Flags of Celery 5.2 to 5.6; flags that are not listed mean the same as in Celery. */
export const celeryFlags: readonly CeleryFlag[] = [
  {
    usage: '-D, --detach',
    attribute: 'detach',
    answer: refusal(
      'a worker does not put itself into the background',
      'Let systemd (Type=exec), Docker or your orchestrator start it, or the shell: twq worker start -f worker.log &',
    ),
  },
  { usage: '-B, --beat', attribute: 'beat', answer: BEAT },
  { usage: '-s, --schedule-filename <path>', attribute: 'scheduleFilename', answer: BEAT },
  { usage: '--schedule <path>', attribute: 'schedule', answer: BEAT },
  { usage: '--scheduler <class>', attribute: 'scheduler', answer: BEAT },
  {
    usage: '-O, --optimization <profile>',
    attribute: 'optimization',
    answer: note('a task goes to a slot that is free, always, as with -O fair', ['default', 'fair']),
  },
  {
    usage: '--without-gossip',
    attribute: 'withoutGossip',
    answer: note('workers here take no part in gossip'),
  },
  {
    usage: '--without-mingle',
    attribute: 'withoutMingle',
    answer: note('a worker asks the others what was revoked, for a second at most'),
  },
  {
    usage: '--disable-prefetch',
    attribute: 'disablePrefetch',
    answer: note(
      'a worker holds a message for each slot and 25 ms of work, and with prefetchMultiplier: 1 no more than it runs',
    ),
  },
  { usage: '--skip-checks', attribute: 'skipChecks', answer: note("they are Django's checks, and none are made") },
  { usage: '--uid <user>', attribute: 'uid', answer: USER },
  { usage: '--gid <group>', attribute: 'gid', answer: USER },
  {
    usage: '--umask <mask>',
    attribute: 'umask',
    answer: refusal('a worker keeps the umask that it is started with', 'Set it before: umask 027; twq worker start'),
  },
  {
    usage: '--executable <path>',
    attribute: 'executable',
    answer: refusal(
      "--executable is the Python of Celery's child processes",
      'Start twq with the Node that is to run it: /path/to/node node_modules/.bin/twq worker start',
    ),
  },
  {
    usage: '--loader <class>',
    attribute: 'loader',
    answer: refusal(
      '--loader is the class by which Celery finds its tasks',
      "Name the task modules in worker.config.ts: tasks: ['./tasks/*.ts']",
    ),
  },
]

/** Notes on the given flags of Celery; throws `TWQ_USAGE` for one that must not be ignored. */
export function heedCeleryFlags(given: Readonly<Record<string, unknown>>): readonly string[] {
  return celeryFlags.flatMap(({ usage, attribute, answer }) => {
    const value = given[attribute]
    if (value === undefined || value === false) return []
    if (answer.kind === 'refusal') throw new TwqError('TWQ_USAGE', answer.said, { hint: answer.hint })
    const flag = /^-\w(?=,)/.exec(usage)?.[0] ?? usage
    if (answer.words?.includes(String(value)) === false) {
      const words = answer.words.map((word) => `'${word}'`).join(' or ')
      throw new TwqError('TWQ_USAGE', `${flag} must be ${words}, got "${String(value)}"`)
    }
    return [`${answer.words === undefined ? flag : `${flag} ${String(value)}`} has no effect: ${answer.said}`]
  })
}
