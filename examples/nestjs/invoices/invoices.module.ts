import { Module } from '@nestjs/common'
import { AccountsModule } from '../accounts/accounts.module.ts'
import { TasksModule } from '../tasks/tasks.module.ts'
import { IssueInvoice } from './issue-invoice.ts'

@Module({ imports: [AccountsModule, TasksModule], providers: [IssueInvoice] })
export class InvoicesModule {}
