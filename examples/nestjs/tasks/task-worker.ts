import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { DiscoveryService } from '@nestjs/core'
import { createWorker, type EmbeddedWorker } from 'twq/worker'
import { nestLogger } from './nest-logger.ts'
import { settings } from './settings.ts'
import { TaskProvider } from './task-provider.ts'

/** Runs the tasks of all modules while the application does. */
@Injectable()
export class TaskWorker implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #discovery: DiscoveryService
  #worker: EmbeddedWorker | undefined

  constructor(@Inject(DiscoveryService) discovery: DiscoveryService) {
    this.#discovery = discovery
  }

  /** Resolves when it has stopped, for any reason; rejects where it can't go on. */
  get stopped(): Promise<unknown> {
    return this.#worker?.stopped ?? Promise.resolve()
  }

  async onApplicationBootstrap(): Promise<void> {
    const providers = this.#discovery.getProviders().map(({ instance }): unknown => instance)
    this.#worker = createWorker({
      config: {
        broker: settings.broker,
        queues: [settings.queue],
        nodeName: 'nestjs-example@%h',
        concurrency: 4,
        // What runs may finish for so long; whoever sends SIGTERM has to wait longer than that.
        shutdown: { grace: '20s' },
      },
      tasks: providers.filter((instance) => instance instanceof TaskProvider).map(({ task }) => task),
      logger: nestLogger(),
    })
    await this.#worker.start()
  }

  /** Takes nothing more, lets what runs finish, and gives the rest back to the queue. */
  async onModuleDestroy(): Promise<void> {
    await this.#worker?.stop('warm')
  }
}
