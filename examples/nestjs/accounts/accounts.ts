import { Injectable, type OnModuleDestroy } from '@nestjs/common'

/** A customer's account. */
export interface Account {
  readonly id: number
  readonly name: string
}

/** In a real application, a database table: closed with its module, and unusable after that. */
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
