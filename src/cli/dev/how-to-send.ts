import { redactUrl } from '../../runtime/text/redact-url.ts'
import { toJson } from '../terminal/output.ts'
import { shellWord } from '../terminal/shell-word.ts'
import type { TaskSummary } from '../worker/parent-link.ts'

/** The facts that a sender to this worker needs. */
export interface SendFacts {
  readonly url: string
  /** Whether other commands in this folder find the broker by themselves. */
  readonly found: boolean
  readonly queue: string
  readonly tasks: readonly TaskSummary[]
}

// The queue of Python's Celery and of our client where none is named.
const DEFAULT_QUEUE = 'celery'

/** How to send a task, from the shell, from TypeScript and from Python, ready to be pasted. */
export function howToSend({ url, found, queue, tasks }: SendFacts): string {
  const { name, args } = example(tasks)
  const [task, broker, list] = [quoted(name), quoted(shownUrl(url)), toJson(args, { compact: true })]
  const elsewhere = queue === DEFAULT_QUEUE ? undefined : quoted(queue)
  return [
    'Send a task from the shell:',
    `  npx twq task send ${shellWord(name)} '${list}' --wait${found ? '' : ` --broker ${shownUrl(url)}`}`,
    'from TypeScript:',
    `  import { createClient } from 'twq'`,
    `  const client = createClient({ broker: ${broker}${elsewhere ? `, queue: ${elsewhere}` : ''} })`,
    `  console.log(await (await client.send(${task}, ${list})).result())`,
    'from Python:',
    '  from celery import Celery',
    `  app = Celery(broker=${broker}, backend='rpc://')`,
    `  print(app.send_task(${task}, args=${list}${elsewhere ? `, queue=${elsewhere}` : ''}).get(timeout=10))`,
    '',
  ].join('\n')
}

/** A URL as it may be shown: without its password, unless it is the one that everybody knows. */
export function shownUrl(url: string): string {
  return /^\w+:\/\/guest:guest@[^@]*$/.test(url) ? url : redactUrl(url)
}

/** A task that there is, with arguments of the right number. */
function example(tasks: readonly TaskSummary[]): {
  readonly name: string
  readonly args: readonly (string | number)[]
} {
  const add = tasks.find(({ name, positional }) => name === 'add' && positional.length === 2)
  if (add !== undefined) return { name: 'add', args: [2, 3] }
  const [first = { name: 'add', positional: [] }] = tasks
  return { name: first.name, args: first.positional.filter((name) => !/\?$|^\.\.\./.test(name)) }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
