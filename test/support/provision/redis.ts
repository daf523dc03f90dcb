import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Program, readyOrClosed } from '../program.ts'
import { aptInstall } from './apt.ts'
import { findExecutable, run } from './command.ts'
import { freePort } from './free-ports.ts'
import { givenPrograms } from './given-programs.ts'

/** How a server differs from the plain one. */
export interface RedisOptions {
  /** More of its command line: `['--requirepass', 'secret']`. */
  readonly args?: readonly string[]
  /** True keeps its data over `stop` and `start`. */
  readonly durable?: boolean
}

/** A Redis server of our own that ends with this process. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly #command: string
  readonly #folder: string
  readonly #args: readonly string[]
  #program: Program | undefined

  constructor(command: string, port: number, folder: string, { args = [], durable = false }: RedisOptions) {
    this.port = port
    this.#command = command
    this.#folder = folder
    const kept = durable ? ['--appendonly', 'yes', '--appendfsync', 'no'] : ['--appendonly', 'no']
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
    this.#args = [...place, '--save', '', ...kept, ...args]
  }

  /** Its database 0. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`
  }

  /** Starts it, again on the same port. */
  async start(): Promise<void> {
    const program = new Program(this.#command, this.#args)
    this.#program = program
    await readyOrClosed(program, program.until(/Ready to accept connections|\+monitor master/))
  }

  /** Has it end in an orderly way. */
  async stop(): Promise<void> {
    this.#program?.signal('SIGTERM')
    await this.#program?.exit
  }

  /** Ends it as a crash does. */
  async kill9(): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]()
  }

  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): void {
    this.#program?.pause()
  }

  resume(): void {
    this.#program?.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The program of the tests' Redis, installed with apt where there is none. */
export async function redisCommand(): Promise<string> {
  const command = await findExecutable('redis-server', givenPrograms())
  if (command) return command
  await aptInstall(['redis-server'], 'Redis')
  return 'redis-server'
}

/** Of that program: `7.0.15`. */
export async function redisVersion(): Promise<string> {
  return /v=(\S+)/.exec(await run(await redisCommand(), ['--version']))?.[1] ?? 'of an unknown version'
}

/** Starts Redis on a free port. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const command = await redisCommand()
  const port = await freePort()
  const server = new RedisServer(command, port, await mkdtemp(join(tmpdir(), 'twq-redis-')), options)
  await readyOrClosed(server, server.start())
  return server
}
