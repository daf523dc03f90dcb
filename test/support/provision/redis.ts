import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Program, readyOrClosed } from '../program.ts'
import { aptInstall } from './apt.ts'
import { findExecutable } from './command.ts'
import { freePorts } from './free-ports.ts'

/** A Redis server of our own that ends with this process and keeps nothing. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly program: Program
}

/** Starts Redis on a free port, installing it with apt where there is none. */
export async function startRedis(): Promise<RedisServer> {
  if (!(await findExecutable('redis-server'))) await aptInstall(['redis-server'], 'Redis')
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'twq-redis-'))
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const program = new Program('redis-server', settings, { removes: folder })
  await readyOrClosed(program, program.until('Ready to accept connections'))
  return {
    url: `redis://127.0.0.1:${port}/0`,
    program,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
