import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import { defineTask } from 'twq'
import { Accounts } from '../accounts/accounts.ts'
import { GreetAccount } from '../accounts/greet-account.ts'
import { TaskProvider } from '../tasks/task-provider.ts'
import { TaskClient } from '../tasks/tasks.module.ts'

/** A task that uses a service of another module, and is followed by a task of that module. */
@Injectable()
export class IssueInvoice extends TaskProvider {
  readonly #accounts: Accounts
  readonly #greet: GreetAccount
  readonly #client: TaskClient

  constructor(
    @Inject(Accounts) accounts: Accounts,
    @Inject(GreetAccount) greet: GreetAccount,
    @Inject(TaskClient) client: TaskClient,
  ) {
    super()
    this.#accounts = accounts
    this.#greet = greet
    this.#client = client
  }

  readonly task = defineTask({
    name: 'invoices.issue',
    positional: ['account', 'cents'],
    run: async ({ account, cents }: { account: number; cents: number }, ctx) => {
      const { name } = await this.#accounts.find(account)
      await sleep(100, undefined, { signal: ctx.signal })
      await this.#accounts.find(account)
      // Works anywhere in the application; inside a task use ctx.send, which also tells Celery's tools which task sent it.
      await this.#client.send(this.#greet.task, { id: account }, { ignoreResult: true })
      return { invoice: ctx.id, name, cents }
    },
  })
}
