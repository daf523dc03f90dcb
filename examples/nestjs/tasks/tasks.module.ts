import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common'
import { type Client, createClient } from 'twq/client'
import { settings } from './settings.ts'

/** Sends tasks from anywhere in the application; connects on the first send. */
@Injectable()
export class TaskClient implements OnModuleDestroy {
  readonly #client: Client = createClient(settings)
  readonly send = this.#client.send

  async onModuleDestroy(): Promise<void> {
    await this.#client.close()
  }
}

@Module({ providers: [TaskClient], exports: [TaskClient] })
export class TasksModule {}
