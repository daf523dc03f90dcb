import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq broker`. */
export function addBroker(broker: Command, exit: Exit): void {
  broker
    .option('--port <n>', 'port to listen on; 0 takes a free one', '5672')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .action(async (_options, command: Command) => {
      const { runBroker } = await import('./broker.ts')
      exit(await runBroker(command.optsWithGlobals()))
    })
}
