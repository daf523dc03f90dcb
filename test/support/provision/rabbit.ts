import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answersAmqp } from './amqp-port.ts'
import { run } from './command.ts'
import { freePorts } from './free-ports.ts'
import { exitOf, killGroup, signalGroup, spawnGuarded } from './guarded.ts'
import { type RabbitPrograms, rabbitPrograms } from './rabbit-command.ts'

export interface RabbitOptions {
  /** Lines of rabbitmq.conf: `{ consumer_timeout: 10_000 }`. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Plugins that it starts with: `['rabbitmq_management']`. */
  readonly plugins?: readonly string[]
  /** A node whose cluster it joins when it first starts: it shares that one's cookie, epmd and folder. Close it first. */
  readonly beside?: RabbitNode
}

const COOKIE = '.erlang.cookie'

/** A RabbitMQ node of our own: nobody else knows its port, its folder or its cookie, and it ends with this process. */
export class RabbitNode implements AsyncDisposable {
  readonly port: number
  readonly #programs: RabbitPrograms
  readonly #folder: string
  readonly #env: Readonly<Record<string, string>>
  /** Its own; undefined where it uses another node's. */
  readonly #epmd: ChildProcess | undefined
  #server: ChildProcess | undefined

  private constructor(
    programs: RabbitPrograms,
    folder: string,
    env: Record<string, string>,
    port: number,
    beside: RabbitNode | undefined,
  ) {
    this.#programs = programs
    this.#folder = folder
    this.#env = env
    this.port = port
    // Started here and not by Erlang, which would leave it running for ever.
    this.#epmd = beside ? undefined : spawnGuarded(programs.epmd, [], { env, removes: folder })
  }

  static async start(options: RabbitOptions = {}): Promise<RabbitNode> {
    const programs = await rabbitPrograms()
    const { beside } = options
    const folder = await mkdtemp(beside ? join(beside.#folder, 'node-') : join(tmpdir(), 'twq-rabbit-'))
    const [port = 0, distPort = 0, epmdPort = 0] = await freePorts(3)
    const env = {
      HOME: folder,
      ERL_EPMD_PORT: beside === undefined ? String(epmdPort) : (beside.#env.ERL_EPMD_PORT ?? ''),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      // Else a command that comes when the folder is gone leaves a dump where the tests run.
      ERL_CRASH_DUMP_SECONDS: '0',
      RABBITMQ_NODENAME: `twq-${randomUUID().slice(0, 8)}@localhost`,
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      // Half the time of a rabbitmqctl: it is over before a second scheduler is of use.
      RABBITMQ_CTL_ERL_ARGS: '+S 1:1 +SDio 1 +sbwt none',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
    }
    const joining = beside === undefined ? {} : discovery([beside.name, env.RABBITMQ_NODENAME])
    const config = { 'listeners.tcp.1': `127.0.0.1:${port}`, ...joining, ...options.config }
    const lines = Object.entries(config).map(([key, value]) => `${key} = ${value}\n`)
    await writeFile(env.RABBITMQ_CONFIG_FILE, lines.join(''))
    await writeFile(env.RABBITMQ_ENABLED_PLUGINS_FILE, `[${(options.plugins ?? []).join(',')}].\n`)
    const cookie = beside ? await readFile(join(beside.#folder, COOKIE), 'utf8') : randomUUID()
    await writeFile(join(folder, COOKIE), cookie, { mode: 0o400 })
    const node = new RabbitNode(programs, folder, env, port, beside)
    try {
      await node.startAgain()
      return node
    } catch (error) {
      await node[Symbol.asyncDispose]()
      throw error
    }
  }

  /** As the nodes of a cluster call it. */
  get name(): string {
    return this.#env.RABBITMQ_NODENAME ?? ''
  }

  get running(): boolean {
    return this.#server !== undefined
  }

  url(vhost = '/'): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}/${encodeURIComponent(vhost)}`
  }

  /** Starts the server on the same port and folder, after {@link stop} or {@link kill9}. */
  async startAgain(): Promise<void> {
    // A second server on the same folder would overwrite the first one's files before it noticed.
    if (this.#server || (await answersAmqp(this.port))) throw new Error(`port ${this.port} is served already`)
    const server = spawnGuarded(this.#programs.server, [], { env: this.#env })
    this.#server = server
    server.stderr?.resume()
    const started = startupBanner(server)
    await Promise.race([started, once(server, 'exit')])
    if (!(await answersAmqp(this.port))) throw new Error(`RabbitMQ did not start:\n${await this.log()}`)
  }

  /** Ends it in order: durable queues and their messages are on disk. */
  async stop(): Promise<void> {
    const server = this.#running()
    server.kill('SIGTERM')
    await exitOf(server)
    this.#server = undefined
  }

  /**
   * Resolves when the declarations so far are on disk. With Mnesia RabbitMQ confirms one a little earlier, and a crash in
   * between loses the queue with all its messages. Khepri, which 4.3 has instead, writes them before it confirms them: a
   * command of Ra is applied once its log is synced.
   */
  async saveDeclarations(): Promise<void> {
    const mnesiaRuns = 'lists:keymember(mnesia, 1, application:which_applications())'
    await this.ctl('eval', `case ${mnesiaRuns} of true -> mnesia:sync_log(); false -> ok end.`)
  }

  /** Ends it as a crash does. */
  async kill9(): Promise<void> {
    await killGroup(this.#running())
    this.#server = undefined
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.startAgain()
  }

  /** Freezes it: connections stay open and nothing answers. */
  pause(): void {
    signalGroup(this.#running(), 'SIGSTOP')
  }

  resume(): void {
    signalGroup(this.#running(), 'SIGCONT')
  }

  /** The process id of the server itself, behind the scripts that start it. */
  async pid(): Promise<number> {
    return Number(await readFile(this.#env.RABBITMQ_PID_FILE ?? '', 'utf8'))
  }

  /** How another process of ours calls rabbitmqctl on this node. */
  get control(): RabbitControl {
    return { command: this.#programs.ctl, env: this.#env }
  }

  /** rabbitmqctl on this node; each call takes about half a second. */
  ctl(...args: string[]): Promise<string> {
    return rabbitmqctl(this.control, args)
  }

  /** Creates virtual hosts that `guest` may use, all in one call. */
  async addVhosts(names: readonly string[]): Promise<void> {
    const list = names.map((name) => `<<"${name}">>`).join(', ')
    const everything = '<<".*">>, <<".*">>, <<".*">>'
    await this.ctl(
      'eval',
      `[begin
          rabbit_vhost:add(Name, <<"twq">>),
          rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, ${everything}, <<"twq">>)
        end || Name <- [${list}]].`,
    )
  }

  /** The end of the server's log. */
  async log(): Promise<string> {
    const text = await readFile(join(this.#folder, 'log', `${this.name}.log`), 'utf8').catch(() => '(no log)')
    return text.slice(-3000)
  }

  /** Kills it, its epmd too, and deletes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server, this.#epmd].map((program) => program && killGroup(program)))
    this.#server = undefined
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #running(): ChildProcess {
    if (!this.#server) throw new Error('this RabbitMQ node is not running')
    return this.#server
  }
}

/** What a call of rabbitmqctl needs; plain values. */
export interface RabbitControl {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

export function rabbitmqctl({ command, env }: RabbitControl, args: readonly string[]): Promise<string> {
  return run(command, ['--quiet', '-n', env.RABBITMQ_NODENAME ?? '', ...args], { env: { ...process.env, ...env } })
}

/** Settings of a node that joins those of `nodes` that run. It waits for others that are joining: up to minutes, on a busy machine. */
function discovery(nodes: readonly string[]): Readonly<Record<string, string | number>> {
  const peers = nodes.map((node, index) => [`cluster_formation.classic_config.nodes.${index + 1}`, node])
  return {
    'cluster_formation.peer_discovery_backend': 'classic_config',
    'cluster_formation.internal_lock_retries': 60,
    ...Object.fromEntries(peers),
  }
}

/** Starts a node of its own for a test that breaks it; about 7 s. Close it with `await using`. */
export function startRabbit(options?: RabbitOptions): Promise<RabbitNode> {
  return RabbitNode.start(options)
}

/** Resolves when the server says that it is up: the last words of its banner. */
function startupBanner(server: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    let text = ''
    server.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-200)
      if (text.includes('completed with')) resolve()
    })
  })
}
