import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { DiscoveryService } from '@nestjs/core'
import { createWorker, type EmbeddedWorker } from 'twq/worker'
import { nestLogger } from './nest-logger.ts'
import { settings } from './settings.ts'
import { TaskProvider } from './task-provider.ts'

/** Runs the tasks of all modules while the application runs. */
@Injectable()
export class TaskWorker implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #discovery: DiscoveryService
  #worker: EmbeddedWorker | undefined

  constructor(@Inject(DiscoveryService) discovery: DiscoveryService) {
    this.#discovery = discovery
  }

  /** Resolves when the worker has stopped for any reason; rejects if an error stopped it. */
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
        // Running tasks may finish within this time; whatever sends SIGTERM must wait longer than that.
        shutdown: { grace: '20s' },
      },
      tasks: providers.filter((instance) => instance instanceof TaskProvider).map(({ task }) => task),
      logger: nestLogger(),
    })
    await this.#worker.start()
  }

  /** Accepts nothing more, lets running tasks finish, and returns the rest to the queue. */
  async onModuleDestroy(): Promise<void> {
    await this.#worker?.stop('warm')
  }
}
