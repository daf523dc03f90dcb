import { readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { messageOf, TwqError } from '../../errors.ts'
import type { FindTask } from '../../monitor/actions/failures.ts'
import type { HiddenPart } from '../../monitor/answers/tasks.ts'
import { givenAccess } from '../../monitor/auth/given-access.ts'
import { readUsers } from '../../monitor/auth/read-users.ts'
import { Sessions } from '../../monitor/auth/sessions.ts'
import { type Access, RIGHTS } from '../../monitor/auth/visitor.ts'
import { createMonitorOf } from '../../monitor/create-monitor.ts'
import { serveMonitor } from '../../monitor/serve.ts'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { type Address, parseAddress } from '../../runtime/address.ts'
import { createLogger, type EventLogger } from '../../runtime/log/logger.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../../tasks/registry.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note, print } from '../terminal/output.ts'

/** The flags of `twq monitor`. */
export interface MonitorFlags extends GlobalOptions {
  readonly listen: string
  readonly basePath?: string
  readonly auth?: string
  readonly insecure?: boolean
  readonly allowControl?: boolean
  readonly allowHost?: readonly string[]
  readonly hide?: string
  readonly enable?: boolean
  readonly store?: string
}

/** `twq monitor`: serves the page until a signal ends it; its URL goes to standard output. */
export async function monitor(flags: MonitorFlags): Promise<number> {
  const address = addressOf(flags.listen)
  const access = accessOf(flags, address)
  const { config } = await loadConfig('monitor', flags, knownResultBackends)
  const logger = createLogger({ level: flags.verbose ? 'debug' : 'info', format: 'auto' })
  const { basePath, allowHost: hosts, allowControl, hide, enable, store } = flags
  return await interruptible(async (signal) => {
    await using monitor = createMonitorOf(
      {
        ...watched(config),
        ...{ logger, store, findTask: finderOf(config, logger) },
        enableTaskEvents: enable === true,
        ...(basePath !== undefined && { basePath }),
        ...(hosts !== undefined && { hosts }),
        ...(allowControl !== undefined && { allowControl }),
        ...(hide !== undefined && { hide: hide.split(',').map((part) => part.trim()) as HiddenPart[] }),
      },
      access,
    )
    await monitor.ready
    await using served = await serveMonitor(monitor, address)
    print(`${urlOf(served.address, basePath)}\n`)
    note('Ctrl-C ends it', flags)
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    return EXIT.ok
  })
}

/** Looks tasks up in the configuration's modules, which the first lookup loads. Where that fails it logs `monitor.no-tasks`, and finds none. */
function finderOf(config: Config, logger: EventLogger): FindTask {
  let loaded: Promise<TaskRegistry> | undefined
  const load = async (): Promise<TaskRegistry> => {
    try {
      return createRegistry((await loadTasks(config)).tasks)
    } catch (error) {
      logger.warn({ event: 'monitor.no-tasks', error: messageOf(error) }, 'edited arguments are not checked')
      return createRegistry([])
    }
  }
  return async (name) => {
    loaded ??= load()
    return (await loaded).get(name)
  }
}

function watched(config: Config) {
  const { broker, heartbeat, resultBackend, resultKeyPrefix, schedulesNamespace, management, queues } = config
  const names = queues.map(({ name }) => name)
  return { broker, heartbeat, resultBackend, resultKeyPrefix, schedulesNamespace, management, queues: names }
}

function addressOf(text: string): Address {
  const address = parseAddress(text)
  if (address !== undefined) return address
  throw new TwqError('TWQ_USAGE', `--listen must be an address like 127.0.0.1:5555, got ${JSON.stringify(text)}`)
}

/** Who may log in: the named users; without them, everyone on this machine; with `--insecure`, everyone. */
function accessOf({ auth, insecure, allowControl = false }: MonitorFlags, { host }: Address): Access {
  if (auth !== undefined) return new Sessions(readUsers(contentOf(auth), auth), allowControl, systemClock)
  if (!isLoopback(host) && !insecure) {
    throw new TwqError('TWQ_USAGE', `${host} can be reached by others: the page would show them everything`, {
      hint: 'Name who may log in: --auth <file>. Where a proxy does that, say --insecure',
    })
  }
  return givenAccess(() => ({ name: 'anyone', rights: RIGHTS }), allowControl)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new TwqError('TWQ_CONFIG', `--auth: ${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

function urlOf({ host, port }: Address, basePath = ''): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}${basePath}/`
}
