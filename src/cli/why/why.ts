import { TwqError } from '../../errors.ts'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { milliseconds } from '../flags/values.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'
import { type Evidence, seen } from './evidence.ts'
import { gather } from './gather.ts'
import { judge } from './judge.ts'
import { statementLines, unseenSources } from './report.ts'

/** The flags of `twq task why`. */
export interface WhyFlags extends GlobalOptions {
  readonly task?: string
  readonly queue?: string
}

const TIMEOUT = 3_000
const LONGEST = 1_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * `twq task why <id | name>`: says in sentences where a task is, or why it does not run, each certain or a candidate, with what was seen.
 * Takes no message from a task queue or a delay queue. 69 when the broker can't be asked.
 */
export async function taskWhy(what: string, flags: WhyFlags): Promise<number> {
  if (what === '' || what.length > LONGEST) {
    throw new TwqError('TWQ_USAGE', `an id or a name has 1 to ${LONGEST} characters, got ${what.length}`)
  }
  const timeout = flags.timeout === undefined ? TIMEOUT : milliseconds('--timeout', flags.timeout)
  const { config } = await loadConfig('task why', flags, knownResultBackends)
  const isId = UUID.test(what) || flags.task !== undefined
  const asked = { id: what, name: isId ? flags.task : what }
  const gathered = await gather(config, asked, { queue: flags.queue, timeout })
  const evidence = isId || hasTrace(gathered) ? asId(gathered, flags) : asName(gathered, what)
  const statements = judge(evidence)
  const unseen = unseenSources(evidence)
  if (wantsJson(flags)) {
    const { id, name } = evidence.asked
    print(`${maskPasswords(toJson({ id, task: name, statements, unseen }))}\n`)
  } else {
    print(statementLines(statements))
    for (const { source, why } of unseen) note(maskPasswords(`${source}: ${why}`), flags)
  }
  return evidence.broker.kind === 'unseen' ? EXIT.unavailable : EXIT.ok
}

/** Whether workers, the result or a queue of set-aside messages know a task of the id that was asked for. */
function hasTrace({ workers, result, aside }: Evidence): boolean {
  return (
    (seen(workers) ?? []).some(({ found, due, revoked }) => found !== undefined || due !== undefined || revoked) ||
    seen(result) !== undefined ||
    aside.some(({ look }) => (seen(look)?.found.length ?? 0) > 0)
  )
}

function asId(evidence: Evidence, { task, queue }: WhyFlags): Evidence {
  const { id } = evidence.asked
  const told = task !== undefined || queue !== undefined
  return { ...evidence, asked: { id, name: task }, ...(!told && { route: { kind: 'seen', value: undefined } }) }
}

function asName(evidence: Evidence, name: string): Evidence {
  const result = { kind: 'seen', value: undefined } as const
  return { ...evidence, asked: { id: undefined, name }, aside: [], result }
}
