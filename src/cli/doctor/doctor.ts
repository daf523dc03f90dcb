import { styleText } from 'node:util'
import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Broker, Connection } from '../../broker/broker.ts'
import { giveUpWhenBlocked } from '../../broker/give-up-when-blocked.ts'
import { describeAddress, parseBrokerUrl } from '../../broker/url.ts'
import type { Config } from '../../config/config.ts'
import { hintOf, messageOf } from '../../errors.ts'
import type { ManagedQueue } from '../../queues/management.ts'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { printable } from '../../runtime/text/printable.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../../tasks/registry.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { milliseconds } from '../flags/values.ts'
import { managedQueues } from '../queue/list.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { print, toJson, wantsJson } from '../terminal/output.ts'
import { shownFailures } from '../terminal/shown-failures.ts'
import { examineResults } from './examine-results.ts'
import { error, type Finding, ok, type Status, warning } from './finding.ts'
import { judgeMajority, judgeQueue } from './judge-queues.ts'
import { judgeSchedules, lookAtSchedules } from './judge-schedules.ts'
import { judgeServer } from './judge-server.ts'
import { judgeAddress, judgeConsumerTimeout, judgeSettings } from './judge-settings.ts'
import { judgeSoftware } from './judge-software.ts'
import { judgeWorkers } from './judge-workers.ts'
import { installedVersions } from './look-at-packages.ts'
import { lookAtQueue } from './look-at-queues.ts'
import { lookAtWorkers } from './look-at-workers.ts'
import { probePermissions } from './probe-permissions.ts'

const TIMEOUT = 3_000
const UNHEEDED = 'It is not in force as it is written.'

/** `twq doctor`: looks at everything that keeps a worker from working, changes nothing, and ends with 1 on errors. */
export async function doctor(flags: GlobalOptions): Promise<number> {
  const timeout = flags.timeout === undefined ? TIMEOUT : milliseconds('--timeout', flags.timeout)
  const findings = await examine(flags, timeout)
  const errors = countOf(findings, 'error')
  const warnings = countOf(findings, 'warning')
  if (wantsJson(flags)) print(`${maskPasswords(toJson({ errors, warnings, findings }))}\n`)
  else {
    const shown = flags.quiet ? findings.filter(({ status }) => status !== 'ok') : findings
    print(shown.map(linesOf).join(''))
    if (!flags.quiet) print(`\n${counted(errors, 'error')}, ${counted(warnings, 'warning')}\n`)
  }
  return errors > 0 ? EXIT.failed : EXIT.ok
}

async function examine(flags: GlobalOptions, timeout: number): Promise<readonly Finding[]> {
  const software = judgeSoftware(process.version, installedVersions())
  const loaded = await attempt('configuration', () =>
    loadConfig('doctor', { ...flags, quiet: true }, knownResultBackends),
  )
  if ('finding' in loaded) return [software, loaded.finding]
  const { config, file, notices, origins } = loaded.value
  const from = file === undefined ? 'no file: defaults, flags and the environment' : file
  const tasks = await attempt('tasks', async () => {
    const { tasks: found, warnings } = await loadTasks(config)
    return { registry: createRegistry(found), warnings }
  })
  const registry = 'finding' in tasks ? undefined : tasks.value.registry
  return [
    software,
    ok('configuration', from),
    ...notices.map((text) => warning('configuration', text, UNHEEDED, 'Correct it, or remove it')),
    ...('finding' in tasks ? [tasks.finding] : judgeTasks(tasks.value.registry, tasks.value.warnings)),
    ...judgePlugins(config, registry),
    ...judgeSettings(config),
    ok('failures', shownFailures(config.failures)),
    judgeConsumerTimeout(config, hardLimits(registry)),
    await examineResults(config, timeout),
    ...(await examineBroker(config, origins.get('broker') ?? 'default', registry, flags, timeout)),
  ]
}

async function examineBroker(
  config: Config,
  brokerFrom: string,
  registry: TaskRegistry | undefined,
  flags: GlobalOptions,
  timeout: number,
): Promise<readonly Finding[]> {
  const check = 'broker'
  const opened = await attempt(check, async () => {
    const addresses = parseBrokerUrl(config.broker)
    const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq doctor' })
    const connection = await broker.connect()
    giveUpWhenBlocked(connection)
    return { addresses, broker, connection }
  })
  if ('finding' in opened) return [{ ...opened.finding, what: `${opened.finding.what} (from ${brokerFrom})` }]
  const { addresses, broker, connection } = opened.value
  await using _ = connection
  const [{ user, vhost }] = addresses
  const where = addresses.map(describeAddress).join('; ')
  const managed = await askManagement(config, flags)
  const steps: readonly [string, () => Promise<readonly Finding[]>][] = [
    ['permissions', () => probePermissions(connection)],
    ...config.queues.map((queue): [string, () => Promise<readonly Finding[]>] => [
      `queue ${queue.name}`,
      async () => {
        const known = managed.queues.get(queue.name)
        const lost = judgeMajority(queue.name, known)
        return lost === undefined ? judgeQueue(await lookAtQueue(connection, queue, known)) : [lost]
      },
    ]),
    ['workers', () => examineWorkers(broker, connection, config, registry, timeout)],
  ]
  const findings: Finding[] = []
  for (const [name, step] of steps) {
    const result = await attempt(name, step)
    findings.push(...('finding' in result ? [result.finding] : result.value))
  }
  return [
    ok(check, `${where}, logged in as ${user}, vhost ${vhost} (from ${brokerFrom})`),
    ...addresses.flatMap(judgeAddress),
    ...judgeServer(connection.server),
    ...managed.findings,
    ...findings,
  ]
}

async function examineWorkers(
  broker: Broker,
  connection: Connection,
  config: Config,
  registry: TaskRegistry | undefined,
  timeout: number,
): Promise<readonly Finding[]> {
  const workers = await lookAtWorkers(broker, connection, { clock: systemClock, timeout })
  // Tasks that could not be loaded would be missing from all comparisons.
  const queues = registry === undefined ? [] : config.queues.map(({ name }) => name)
  const ours = { node: config.nodeName, tasks: registry?.names() ?? [], queues }
  if (config.schedules === undefined) return judgeWorkers(workers, ours)
  const known = registry === undefined || workers.length === 0 ? undefined : workers.flatMap(({ tasks }) => tasks)
  const schedules = judgeSchedules(await lookAtSchedules(connection, config.schedulesNamespace), known)
  return [...judgeWorkers(workers, ours), ...schedules]
}

async function askManagement(
  { management, broker }: Config,
  flags: GlobalOptions,
): Promise<{ readonly queues: ReadonlyMap<string, ManagedQueue>; readonly findings: readonly Finding[] }> {
  if (management === undefined) return { queues: new Map(), findings: [] }
  const asked = await attempt('management', () => managedQueues(management, broker, flags))
  return 'finding' in asked
    ? { queues: new Map(), findings: [{ ...asked.finding, status: 'warning' }] }
    : { queues: asked.value, findings: [ok('management', 'answers')] }
}

function judgeTasks(registry: TaskRegistry, warnings: readonly string[]): readonly Finding[] {
  const names = registry.names()
  const found = warnings.map((text) =>
    warning(
      'tasks',
      text,
      'Only what a module exports is registered.',
      'Export the tasks: export const add = defineTask(…)',
    ),
  )
  if (names.length > 0) return [ok('tasks', `${names.length} can be loaded`), ...found]
  const why = 'Every message would be set aside as one of an unknown task.'
  return [...found, warning('tasks', 'the configuration registers none', why, "Set tasks: ['./tasks/*.ts']")]
}

/** Those of the configuration in their order, then those of tasks. None is started. */
function judgePlugins({ plugins }: Config, registry: TaskRegistry | undefined): readonly Finding[] {
  const ofTasks = (registry?.entries() ?? []).flatMap(({ task }) => task.settings.plugins ?? [])
  const names = [...new Set([...plugins, ...ofTasks])].map(({ name }) => name)
  return names.length === 0 ? [] : [ok('plugins', names.join(', '))]
}

function hardLimits(registry: TaskRegistry | undefined): readonly number[] {
  return (registry?.entries() ?? []).flatMap(({ task }) => parseDuration(task.settings.timeLimit?.hard) ?? [])
}

/** The findings of `work`, or one that it failed. */
async function attempt<T>(
  check: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly finding: Finding }> {
  try {
    return { value: await work() }
  } catch (thrown) {
    return { finding: error(check, messageOf(thrown), undefined, hintOf(thrown)) }
  }
}

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const

function linesOf({ check, status, what, why, fix }: Finding): string {
  const label = styleText(COLOURS[status], status.padEnd(7), { stream: process.stdout })
  const lines = [`${label}  ${safe(check)}: ${safe(what)}`]
  if (why !== undefined) lines.push(`         why: ${safe(why)}`)
  for (const line of fix?.split('\n') ?? []) lines.push(`         fix: ${safe(line)}`)
  return `${lines.join('\n')}\n`
}

function safe(text: string): string {
  return printable(maskPasswords(text))
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function countOf(findings: readonly Finding[], status: Status): number {
  return findings.filter((finding) => finding.status === status).length
}
