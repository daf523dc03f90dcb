import { Inject, Injectable } from '@nestjs/common'
import { defineTask } from 'twq'
import { TaskProvider } from '../tasks/task-provider.ts'
import { Accounts } from './accounts.ts'

/** A task that uses dependencies injected into its provider. */
@Injectable()
export class GreetAccount extends TaskProvider {
  readonly #accounts: Accounts

  constructor(@Inject(Accounts) accounts: Accounts) {
    super()
    this.#accounts = accounts
  }

  readonly task = defineTask({
    name: 'accounts.greet',
    positional: ['id'],
    run: async ({ id }: { id: number }) => `Hello, ${(await this.#accounts.find(id)).name}!`,
  })
}
