import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { aptInstall } from './apt.ts'
import { findExecutable } from './command.ts'
import { givenPrograms } from './given-programs.ts'

/** The programs of one RabbitMQ installation. */
export interface RabbitPrograms {
  readonly server: string
  readonly ctl: string
  readonly epmd: string
}

// Debian's /usr/sbin/rabbitmq-server is a wrapper that changes to the user rabbitmq: this is the program itself.
const DEBIAN_FOLDER = '/usr/lib/rabbitmq/bin'

/** Finds RabbitMQ among {@link givenPrograms}, or on this machine, or installs it with apt. */
export async function rabbitPrograms(): Promise<RabbitPrograms> {
  const found = await findRabbit()
  if (found) return found
  await aptInstall(['rabbitmq-server'], 'RabbitMQ')
  const installed = await findRabbit()
  if (!installed) throw new Error('rabbitmq-server was installed but is not where Debian puts it')
  return installed
}

async function findRabbit(): Promise<RabbitPrograms | undefined> {
  const server = await findExecutable('rabbitmq-server', [...givenPrograms(), DEBIAN_FOLDER])
  const epmd = await findExecutable('epmd', [...givenPrograms(), '/usr/lib/erlang/bin', '/usr/local/lib/erlang/bin'])
  if (!server || !epmd) return undefined
  const ctl = await findExecutable('rabbitmqctl', [dirname(server), dirname(await realpath(server))])
  return ctl ? { server, ctl, epmd } : undefined
}
