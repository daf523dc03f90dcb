import { Module } from '@nestjs/common'
import { Accounts } from './accounts.ts'
import { GreetAccount } from './greet-account.ts'

@Module({ providers: [Accounts, GreetAccount], exports: [Accounts, GreetAccount] })
export class AccountsModule {}
