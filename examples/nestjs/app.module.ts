import { Module } from '@nestjs/common'
import { DiscoveryModule } from '@nestjs/core'
import { AccountsModule } from './accounts/accounts.module.ts'
import { InvoicesModule } from './invoices/invoices.module.ts'
import { TaskWorker } from './tasks/task-worker.ts'

/**
 * The worker is a provider of the outermost module: Nest starts that one last and closes it first. So tasks run only while
 * everything they use is open.
 */
@Module({ imports: [DiscoveryModule, AccountsModule, InvoicesModule], providers: [TaskWorker] })
export class AppModule {}
