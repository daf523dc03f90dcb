import { type IncomingMessage, request } from 'node:http'
import { hostname } from 'node:os'
import { messageOf, TwqError } from '../../errors.ts'
import type { Probe } from '../../metrics/health.ts'
import { existingSockets, socketFolders } from '../../metrics/local-sockets.ts'
import { expandNodeName } from '../../protocol/remote/node-name.ts'
import { parseAddress } from '../../runtime/address.ts'
import { printable } from '../../runtime/text/printable.ts'
import { timeLimit } from '../../runtime/time/time-limit.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { milliseconds } from '../flags/values.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { print, toJson, wantsJson } from '../terminal/output.ts'

/** The flags of `twq worker health`. */
export interface WorkerHealthFlags extends GlobalOptions {
  readonly ready?: boolean
  readonly live?: boolean
  readonly started?: boolean
  readonly node?: string
  readonly socket?: string
  readonly address?: string
}

const PATHS: Readonly<Record<Probe, string>> = { ready: '/readyz', live: '/livez', started: '/startupz' }
const TIMEOUT = 1_000
// A worker answers with one line; another program may send anything.
const LONGEST_ANSWER = 65_536

/** Where a worker may listen. */
type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** The answer to a question, or none. */
type Answer =
  | { readonly kind: 'answered'; readonly passes: boolean; readonly health: Health }
  | { readonly kind: 'silent'; readonly health: Health }
  | { readonly kind: 'none' }

/** One worker as it is shown. */
interface Health {
  readonly node?: string
  readonly pid?: number
  readonly failing: readonly { readonly check: string; readonly why: string }[]
}

/**
 * `twq worker health`: asks a worker of this machine how it is, without configuration, tasks or a broker. 0 when the
 * answer is yes, 1 when it is no or does not come, 69 when there is no worker.
 */
export async function workerHealth(flags: WorkerHealthFlags): Promise<number> {
  const probe: Probe = flags.live ? 'live' : flags.started ? 'started' : 'ready'
  const timeout = flags.timeout === undefined ? TIMEOUT : milliseconds('--timeout', flags.timeout)
  const asked = await Promise.all(targets(flags).map((target) => ask(target, PATHS[probe], probe, timeout)))
  const answers = asked.filter((answer) => answer.kind !== 'none')
  if (answers.length === 0) throw noAnswer(flags)
  refuseToGuess(answers)

  // During a deploy two workers may have the same name: all have to pass.
  const passes = answers.every((answer) => answer.kind === 'answered' && answer.passes)
  const workers = answers.map(({ health }) => health)
  if (wantsJson(flags)) print(`${toJson({ [probe]: passes, workers })}\n`)
  else if (!flags.quiet) for (const answer of answers) print(describe(probe, answer))
  return passes ? EXIT.ok : EXIT.failed
}

function targets({ address, socket, node }: WorkerHealthFlags): Target[] {
  if (address !== undefined) {
    const parsed = parseAddress(address)
    if (parsed !== undefined) return [parsed]
    throw new TwqError('TWQ_USAGE', `--address must be an address like '127.0.0.1:9808', got "${address}"`)
  }
  if (socket !== undefined) return [{ socketPath: socket }]
  const pattern = node ?? process.env.TWQ_NODE_NAME
  const name = pattern ? expandNodeName(pattern, hostname()) : undefined
  return socketFolders().flatMap((folder) => existingSockets(folder, name).map((socketPath) => ({ socketPath })))
}

/** Without a name there must be only one worker. */
function refuseToGuess(answers: readonly Exclude<Answer, { kind: 'none' }>[]): void {
  const nodes = [...new Set(answers.flatMap(({ health }) => health.node ?? []))].sort()
  if (nodes.length < 2) return
  throw new TwqError('TWQ_USAGE', `several workers run here: ${nodes.join(', ')}`, {
    hint: `Say which one: --node ${nodes[0]}`,
  })
}

function noAnswer({ address, socket, node }: WorkerHealthFlags): TwqError {
  const where = address ?? socket
  const message =
    where === undefined ? `no worker${node ? ` ${node}` : ''} of this user runs here` : `no worker listens on ${where}`
  return new TwqError('TWQ_NO_WORKER', message, {
    hint: 'A worker is asked as the user that it runs as, or by the address of its --health: --address 127.0.0.1:9808',
  })
}

async function ask(target: Target, path: string, probe: Probe, timeout: number): Promise<Answer> {
  const where = 'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`
  const silent = (why: string): Answer => ({ kind: 'silent', health: { failing: [{ check: 'answer', why }] } })
  const expired = new Error('expired')
  using limit = timeLimit({ ms: timeout, reason: () => expired })
  const { signal } = limit
  try {
    return understood(await get(target, path, signal), probe) ?? silent(`${where} answers, but as no worker does`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return { kind: 'none' }
    return silent(signal.aborted ? `no answer within ${timeout} ms from ${where}` : `${where}: ${messageOf(error)}`)
  }
}

async function get(target: Target, path: string, signal: AbortSignal): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ ...target, path, signal, agent: false }, resolve)
      .on('error', reject)
      .end()
  })
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
    if (text.length > LONGEST_ANSWER) break
  }
  return text
}

function understood(text: string, probe: Probe): Answer | undefined {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof document !== 'object' || document === null) return undefined
  const { [probe]: passes, node, pid, failing } = document as Record<string, unknown>
  if (typeof passes !== 'boolean' || typeof node !== 'string' || typeof pid !== 'number') return undefined
  if (!Array.isArray(failing) || !failing.every(isFinding)) return undefined
  return { kind: 'answered', passes, health: { node, pid, failing } }
}

function isFinding(entry: unknown): entry is Health['failing'][number] {
  if (typeof entry !== 'object' || entry === null) return false
  const { check, why } = entry as Record<string, unknown>
  return typeof check === 'string' && typeof why === 'string'
}

function describe(probe: Probe, answer: Exclude<Answer, { kind: 'none' }>): string {
  const { node = 'a worker', failing } = answer.health
  const verdict = answer.kind === 'answered' && answer.passes ? 'is' : 'is not'
  const lines = failing.map(({ check, why }) => `  ${printable(check)}: ${printable(why)}\n`)
  return `${printable(node)} ${verdict} ${probe}\n${lines.join('')}`
}
