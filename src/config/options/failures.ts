import { matchesGlob } from '../../runtime/text/glob.ts'
import { option } from './option.ts'
import { duration, memorySize, type Parser, wholeNumber } from './parsers.ts'

/** What `<queue>.failed` holds: how many messages, how many bytes, and for how long, in milliseconds; and which tasks it leaves out. */
export interface KeptFailures {
  readonly keep: number
  readonly bytes: number
  readonly for: number
  /** Globs of task names. */
  readonly drop: readonly string[]
}

/** As it is written in a file; what is left out has its default. */
export interface WrittenFailures {
  /** How many messages a queue of failures holds. Default 10,000. */
  readonly keep?: number
  /** How many bytes its messages may take. Default `'256MB'`. */
  readonly bytes?: number | string
  /** How long a message is kept. Default `'7d'`. */
  readonly for?: number | string
  /** Names of tasks that are not kept; `'emails.*'` is a pattern. */
  readonly drop?: readonly string[]
}

const EXPECTED =
  "'drop', or an object like { keep: 10_000, bytes: '256MB', for: '7d', drop: ['emails.*'] }, in a variable as JSON"

const MOST_MESSAGES = 2 ** 31 - 1
// RabbitMQ holds an expiration to 32 bits of milliseconds.
const LONGEST = 49 * 86_400_000

const count = wholeNumber(1, MOST_MESSAGES, 'a positive whole number')
const size = memorySize()
const period = duration(1_000)

/** What a queue of failures holds that has to be there although none are kept: the default. */
export function limitsOf(failures: KeptFailures | 'drop'): Pick<KeptFailures, 'keep' | 'bytes'> {
  return failures === 'drop' ? { keep: 10_000, bytes: 256 * 1024 * 1024 } : failures
}

/** True where the messages of a task of this name are kept when it fails. */
export function keepsFailuresOf(task: string, failures: KeptFailures | 'drop'): boolean {
  return failures !== 'drop' && !failures.drop.some((pattern) => matchesGlob(task, pattern))
}

function failures(): Parser<KeptFailures | 'drop', WrittenFailures | 'drop'> {
  const fromValue = (value: unknown): KeptFailures | 'drop' | undefined => {
    if (value === 'drop') return value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const { keep = 10_000, bytes = '256MB', for: lifetime = '7d', drop = [], ...others } = value as Fields
    if (Object.keys(others).length > 0) return undefined
    const read = { keep: count.fromValue(keep), bytes: size.fromValue(bytes), for: period.fromValue(lifetime) }
    if (read.keep === undefined || read.bytes === undefined || read.for === undefined || read.for > LONGEST) {
      return undefined
    }
    if (!Array.isArray(drop) || !drop.every((name) => typeof name === 'string' && name !== '')) return undefined
    return Object.freeze({ ...(read as Omit<KeptFailures, 'drop'>), drop: Object.freeze([...drop]) })
  }
  return {
    expected: EXPECTED,
    fromValue,
    fromText(text) {
      if (text === 'drop') return text
      try {
        return fromValue(JSON.parse(text))
      } catch {
        return undefined
      }
    },
  }
}

type Fields = { readonly [name: string]: unknown }

/** Tasks that ended in FAILURE. */
export const failureOptions = {
  /**
   * How many messages of tasks that failed for good `<queue>.failed` keeps, how many bytes and for how long; `twq failed` lists
   * them and runs them again. Or `'drop'`.
   */
  failures: option({
    default: { keep: 10_000, bytes: '256MB', for: '7d' },
    env: 'TWQ_FAILURES',
    parser: failures(),
    doc: 'limits of `<queue>.failed`, which keeps the messages of tasks that failed for good (docs/failed-tasks.md); `drop` keeps none',
  }),
}
