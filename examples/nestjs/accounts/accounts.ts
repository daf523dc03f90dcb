import { Injectable, type OnModuleDestroy } from '@nestjs/common'

/** An account of a customer. */
export interface Account {
  readonly id: number
  readonly name: string
}

/** A table of a database, in real life: closed with its module, and of no use after that. */
@Injectable()
export class Accounts implements OnModuleDestroy {
  #open = true

  async find(id: number): Promise<Account> {
    if (!this.#open) throw new Error('the accounts are closed')
    return { id, name: `customer ${id}` }
  }

  onModuleDestroy(): void {
    this.#open = false
  }
}
