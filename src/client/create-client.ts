import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { TwqError } from '../errors.ts'
import type { EventOptions, EventStream } from '../events/receiver.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { clientClosed } from '../results/client-closed.ts'
import type { Replies } from '../results/replies.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { type ScheduleClient, scheduleClient } from '../schedules/schedule-client.ts'
import type { Revoke } from '../sending/revoke.ts'
import type { Router } from '../sending/router.ts'
import { type SentMany, sendMany } from '../sending/send-many.ts'
import { SentTask, type StoredHandle } from '../sending/task-handle.ts'
import type { AnyArguments, GroupHandle, RevokeOptions, Send, Sendable, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { Client, ClientOptions } from './client.ts'
import { brokerOf, heartbeatOf, hooksOf, routerOf, settingsOf } from './client-options.ts'
import { ClientConnection, type ConnectionSettings } from './connection.ts'
import { type FailedTasks, failedTasks } from './failed-tasks.ts'
import { type InspectOptions, type Inspector, inspectorOf } from './inspector.ts'
import { SavedGroups } from './saved-groups.ts'

export type { Client, ClientOptions } from './client.ts'

/**
 * Creates a client, by default for the broker in `TWQ_BROKER` or `CELERY_BROKER_URL`. Throws `TWQ_CONFIG` for invalid options;
 * the broker need not be reachable yet.
 */
export function createClient(options: ClientOptions = {}): Client {
  return new BrokerClient(options, routerOf(options))
}

/** A client that sends with a given router. */
export function createRoutedClient(
  options: Omit<ClientOptions, 'queue' | 'queues' | 'routes' | 'priority'>,
  router: Router,
): Client {
  return new BrokerClient(options, router)
}

/** A client of a given broker, with another clock than the system's: for tests. */
export function createClientOf(broker: Broker, clock: Clock, options: Omit<ClientOptions, 'broker'> = {}): Client {
  return new BrokerClient({ ...options, broker: '' }, routerOf({ ...options, broker: '' }), { broker, clock })
}

class BrokerClient implements Client {
  readonly #broker: Broker
  readonly #logger: EventLogger | undefined
  readonly #settings: ConnectionSettings
  #connection: ClientConnection
  readonly send: Send
  readonly schedules: ScheduleClient
  readonly failed: FailedTasks
  #closed: Promise<void> | undefined

  constructor(options: ClientOptions, router: Router, given?: { readonly broker: Broker; readonly clock: Clock }) {
    this.#logger = options.logger
    this.#settings = settingsOf(options, router, given?.clock ?? systemClock)
    const heartbeat = heartbeatOf(options)
    this.#broker = given?.broker ?? amqpBroker({ url: brokerOf(options), heartbeat, name: `twq client ${process.pid}` })
    this.#connection = new ClientConnection(this.#broker, this.#settings, this.#logger)
    const send = ((target: AnyTask, args?: AnyArguments, how?: SendOptions) => {
      if (this.#closed !== undefined) return Promise.reject(clientClosed())
      return this.#startedConnection().send(target, args, how)
    }) as Send
    this.schedules = scheduleClient(this.#settings.schedulesNamespace, async (request) => {
      if (this.#closed !== undefined) throw clientClosed()
      return await this.#startedConnection().askLeader(request)
    })
    const connect = async () => {
      if (this.#closed !== undefined) throw clientClosed()
      return await this.#broker.connect()
    }
    this.failed = failedTasks(connect, options.queue ?? 'celery', this.#settings.clock)
    this.send = hooksOf(options, this.#settings)?.around(send) ?? send
  }

  sendMany(
    target: Sendable | string,
    calls: Iterable<unknown> | AsyncIterable<unknown>,
    options: SendOptions = {},
  ): SentMany<never> {
    if (options.taskId !== undefined) {
      throw new TwqError('TWQ_ARGUMENTS', 'sendMany takes no taskId: each call has an id of its own')
    }
    const send = this.send as unknown as (target: unknown, args: unknown, options: SendOptions) => Promise<never>
    return sendMany((args: unknown) => send(target, args, options), calls)
  }

  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing {
    return this.#connection.encode(target, args, options)
  }

  result(...given: readonly [taskId: string] | readonly [task: Sendable, taskId: string]): StoredHandle<never> {
    const taskId = given.length === 1 ? given[0] : given[1]
    const name = given.length === 1 ? 'task' : given[0].name
    const revoke: Revoke = (ids, options) => this.revoke(ids, options)
    return new SentTask(taskId, name, this.#repliesFor(taskId).find(taskId), revoke) as unknown as StoredHandle<never>
  }

  async revoke(taskIds: string | readonly string[], options: RevokeOptions = {}): Promise<void> {
    if (this.#closed !== undefined) throw clientClosed()
    await this.#startedConnection().revoke(typeof taskIds === 'string' ? [taskIds] : taskIds, options)
  }

  inspect(options: InspectOptions = {}): Inspector {
    return inspectorOf(async (method, args, how) => {
      if (this.#closed !== undefined) throw clientClosed()
      return await this.#startedConnection().ask(method, args, how)
    }, options)
  }

  forget(taskId: string): Promise<void> {
    return this.#repliesFor(taskId).drop(taskId)
  }

  async saveGroup(group: GroupHandle): Promise<void> {
    await this.#savedGroups(group.id).save(group)
  }

  async restoreGroup(groupId: string): Promise<GroupHandle | undefined> {
    return await this.#savedGroups(groupId).restore(groupId)
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#savedGroups(groupId).delete(groupId)
  }

  events(options: EventOptions = {}): EventStream {
    if (this.#closed !== undefined) throw clientClosed()
    return this.#startedConnection().events(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#connection.close()
    await this.#settings.results[Symbol.asyncDispose]()
  }

  #savedGroups(groupId: string): SavedGroups {
    if (this.#closed !== undefined) throw clientClosed()
    const { groups, kept, shown } = this.#settings.results
    if (groups !== undefined && kept !== undefined) {
      return new SavedGroups({ groups, kept, revoke: (ids, options) => this.revoke(ids, options) })
    }
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `group ${groupId} is kept nowhere: resultBackend is '${shown}'`, {
      hint: "Groups are saved where results are kept: resultBackend: 'redis://…'",
    })
  }

  #repliesFor(taskId: string): Replies {
    if (this.#closed !== undefined) throw clientClosed()
    const { replies } = this.#connection
    if (replies !== undefined) return replies
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${taskId} can't be read: this client keeps none`, {
      hint: `Its resultBackend is '${this.#settings.results.shown}'`,
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #startedConnection(): ClientConnection {
    const connection = this.#connection
    connection.start((error) => {
      // The connection ended for a reason that retrying can't fix, a wrong password for example. The next send tries with a new one.
      this.#logger?.error({ err: error }, 'broker not usable')
      if (this.#connection === connection)
        this.#connection = new ClientConnection(this.#broker, this.#settings, this.#logger)
    })
    return connection
  }
}
